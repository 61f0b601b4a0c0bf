"""The gate: who may be trained on, and of whom something may be generated."""

import json
import shlex
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from tiny import SavedPoses, poses, record_of, shrink_presets, train_tiny, untrained_actor, write_clip

from eval.benchmark import run
from eval.suite.description import Suite, Trial
from perfclone import builtin, cli
from perfclone.actor import Actor
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent import revocations
from perfclone.governance.consent.kinds import evaluation_record, usual_fields
from perfclone.governance.consent.record import CONSENT, PURPOSES, ConsentError, ConsentRecord
from perfclone.governance.keys import SigningKey, signing_key
from perfclone.governance.ledger.ledger import Ledger, LedgerError
from perfclone.governance.policy import authorise_clone, authorise_training, record_for
from perfclone.training import TrainRequest, train

TODAY = date.today()


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def video(tmp_path):
    """Not even a video: whoever looks into it before asking for the consent says something else."""
    path = tmp_path / "me.mp4"
    path.write_bytes(b"me, dancing")
    return path


def record(video, key=None, **changes):
    """A person's record that covers a file."""
    fields = {**usual_fields("Mia", "Kim"), "reference_sha256": (file_sha256(video),), **changes}
    tuples = {name: tuple(fields[name]) for name in ("purposes", "media", "reference_sha256")}
    return ConsentRecord(**{**fields, **tuples}).sign(key or signing_key())


def days(count):
    return (TODAY + timedelta(days=count)).isoformat()


def of_another_file(video):
    other = video.with_name("other.mp4")
    other.write_bytes(b"somebody else, dancing")
    made = record(other)
    other.unlink()
    return made


def revoked_here(video):
    made = record(video)
    revocations.note(made.id, {"on": days(0), "reason": "changed my mind"})
    return made


def revoked_without_signature(video):
    made = record(video).revoke("changed my mind", signing_key())
    return replace(made, revoked=replace(made.revoked, on="2020-01-01"))


NEVER = {
    "of another file": (of_another_file, "me.mp4 is not the footage that Mia agreed to; ask Kim for a record"),
    "expired": (partial(record, starts=days(-9), expires=days(-1)), f"of Mia expired on {days(-1)}; ask Kim to renew"),
    "not yet": (partial(record, starts=days(2)), f"starts on {days(2)}, after {days(0)}; wait until then"),
    "revoked in its file": (
        lambda video: record(video).revoke("changed my mind", signing_key()),
        r"revoked on .* \(changed my mind\)",
    ),
    "revoked by a note": (revoked_here, r"revoked on .* \(changed my mind\)"),
    "revocation tampered with": (revoked_without_signature, "revocation in the record of Mia was changed"),
    "tampered with": (
        lambda video: replace(of_another_file(video), reference_sha256=(file_sha256(video),)),
        "was changed after it was signed; ask Kim for the original",
    ),
    "not signed": (lambda video: replace(record(video), signature=None), "is not signed; make it with `consent new`"),
}


@pytest.mark.parametrize("why", NEVER)
@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}])
@pytest.mark.parametrize("on_disk", [False, True])
def test_nobody_is_trained_on_without_consent_and_nothing_is_done_before(why, options, on_disk, video, tmp_path):
    make, sentence = NEVER[why]
    consent = made = make(video)
    if on_disk:
        consent = tmp_path / "record.json"
        made.save(consent)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConsentError, match=sentence):
        train(TrainRequest(video, tmp_path / "actor", consent=consent), **options)
    assert sorted(tmp_path.rglob("*")) == before and not list(Ledger().entries())


@pytest.mark.parametrize(
    ("consent", "sentence"),
    [
        (None, "Training needs the consent of whoever is seen in .*me.mp4"),
        ("missing.json", "There is no consent record .*missing.json"),
        ("me.mp4", "is not JSON"),
        ("", "is not a file"),
    ],
)
def test_a_record_that_is_not_there_or_none_is_refused_too(consent, sentence, video, tmp_path):
    with pytest.raises(ConsentError, match=sentence):
        train(TrainRequest(video, tmp_path / "actor", consent=None if consent is None else tmp_path / consent))
    assert list(tmp_path.iterdir()) == [video]


def test_a_record_is_asked_for_by_name():
    with pytest.raises(TypeError, match="consent"):
        TrainRequest("me.mp4", "actor")


def test_it_is_the_very_file_that_is_covered_whatever_its_name(video, tmp_path):
    made = record(video)
    moved = video.rename(tmp_path / "renamed.mp4")
    assert authorise_training(made, moved) == file_sha256(moved)
    moved.write_bytes(moved.read_bytes() + b" again")
    with pytest.raises(ConsentError, match="not the footage"):
        authorise_training(made, moved)


def test_each_use_is_asked_for_by_its_purpose(video):
    made = record(video)
    authorise_clone(made, "personal")
    with pytest.raises(ConsentError, match="Mia agreed to personal, evaluation, not to marketing; ask Kim"):
        authorise_clone(made, "marketing")
    with pytest.raises(ConsentError, match="must be one of"):
        authorise_clone(made, "fun")
    with pytest.raises(ConsentError, match="no consent.json, so nothing may be generated of it; ask whoever"):
        authorise_clone(None, "personal")


@pytest.mark.parametrize("why", [why for why in NEVER if why != "of another file"])
def test_what_may_not_be_trained_may_not_be_cloned(why, video):
    make, sentence = NEVER[why]
    with pytest.raises(ConsentError, match=sentence):
        authorise_clone(make(video), "personal")


def test_a_record_signed_elsewhere_is_accepted_and_not_taken_for_ours(video):
    made = record(video, SigningKey.new())
    authorise_training(made, video)
    authorise_clone(made, "personal")
    assert not made.ours() and record(video).ours()
    revocations.note(made.id, {"on": days(0), "reason": "they wrote to us"})
    with pytest.raises(ConsentError, match="they wrote to us"):
        authorise_clone(made, "personal")


def test_a_benchmarks_actor_may_be_measured_until_tomorrow_and_nothing_else(video):
    made = evaluation_record(video)
    authorise_training(made, video)
    for purpose in set(PURPOSES) - {"evaluation"}:
        with pytest.raises(ConsentError, match="agreed to evaluation, not to"):
            authorise_clone(made, purpose)
    with pytest.raises(ConsentError, match="expired"):
        made.allow("evaluation", TODAY + timedelta(days=2))


def test_own_footage_in_a_suite_is_never_called_synthetic(video, tmp_path):
    trial = Trial("me", "me", video, video, video)
    own, rendered = (Suite(tmp_path, "0" * 64, (trial,), told) for told in ({}, {"size": 96}))
    assert (run._consent(own, trial).subject_kind, run._consent(own, trial).purposes) == (
        "person", ("evaluation",),
    )  # fmt: skip
    assert run._consent(rendered, trial).subject_kind == "synthetic"


@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_built_in_actor_carries_the_record_of_its_clip_for_every_use(name):
    carried = Actor.from_pretrained(builtin.actors()[name]).consent
    assert carried.subject_kind == "synthetic"
    authorise_training(carried, builtin.reference_clip(name))
    for purpose in PURPOSES:
        authorise_clone(carried, purpose)


def test_an_actor_whose_consent_was_revoked_loads_and_may_not_be_used(tmp_path):
    folder = untrained_actor().save_pretrained(tmp_path / "actor")
    actor = Actor.from_pretrained(folder)
    authorise_clone(actor.consent, "personal")
    actor.consent.revoke("by law", signing_key()).save(folder / CONSENT)
    with pytest.raises(ConsentError, match="by law"):
        authorise_clone(Actor.from_pretrained(folder).consent, "personal")


# From here on with a real clip.


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("reference") / "my reference.mp4")


@pytest.fixture
def small(monkeypatch):
    shrink_presets(monkeypatch)


def trained(reference, output, consent, **options):
    return train_tiny(reference, output, {"steps": 4, "checkpoint_minutes": 0}, {"consent": consent}, **options)


def test_the_actor_carries_the_record_and_the_ledger_tells_of_the_training(reference, small, tmp_path):
    made = record(reference)
    result = trained(reference, tmp_path / "me", made)
    assert Actor.from_pretrained(result.actor_dir).consent == made
    first, entry = Ledger().entries()
    Ledger().verify()
    said = entry.data
    assert first.event == entry.event == "train" and said["actor"] == first.data["actor"] == "me"
    assert (first.data["steps"], said["steps"]) == (0, 4), "from the moment that it can be cloned with, and at the end"
    assert (said["consent"], said["consent_id"]) == (made.digest(), made.id)
    assert said["reference_sha256"] == file_sha256(reference)
    assert said["actor_sha256"] == file_sha256(tmp_path / "me" / "model.safetensors")
    assert set(said["versions"]) == {"perfclone", "torch"}


def stop(what, done, total):
    if what == "train" and done == 2:
        raise KeyboardInterrupt


def test_resuming_asks_again(reference, small, tmp_path):
    made = record(reference)
    with pytest.raises(KeyboardInterrupt):
        trained(reference, tmp_path / "me", made, progress=stop)
    left, noted = sorted((tmp_path / "me.run").rglob("*")), list(Ledger().entries())
    assert [entry.data["steps"] for entry in noted] == [0]
    for consent, sentence in ((None, "Training needs"), (made.revoke("no more", signing_key()), "no more")):
        with pytest.raises(ConsentError, match=sentence):
            trained(reference, tmp_path / "me", consent, resume=True)
    revocations.note(made.id, {"on": days(0), "reason": "noted here"})
    with pytest.raises(ConsentError, match="noted here"):
        trained(reference, tmp_path / "me", made, resume=True)
    assert sorted((tmp_path / "me.run").rglob("*")) == left and list(Ledger().entries()) == noted
    assert trained(reference, tmp_path / "me", record(reference), resume=True).steps == 4


def test_what_was_begun_with_one_video_is_not_finished_under_the_record_of_another(reference, small, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(reference, tmp_path / "me", record(reference), progress=stop)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / reference.name
    data = bytearray(reference.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    with pytest.raises(UserError, match="belongs to another run .*reference"):
        trained(other, tmp_path / "me", record(other), resume=True)


def test_a_ledger_that_takes_no_entry_is_told_and_the_run_can_be_finished(reference, small, tmp_path):
    made, ledger = record(reference), Ledger().path
    ledger.write_text("scribbled over\n")
    with pytest.raises(LedgerError):
        trained(reference, tmp_path / "me", made)
    ledger.unlink()
    assert trained(reference, tmp_path / "me", made, resume=True).steps == 4
    assert [entry.data["actor"] for entry in Ledger().entries()] == ["me"]


def test_filming_oneself_takes_one_command_and_training_names_it(reference, small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("perfclone.pose.build_extractor", lambda *_, **__: SavedPoses())
    me = tmp_path / "it is me.mp4"
    me.write_bytes(reference.read_bytes())
    driving = poses().save(tmp_path / "driving.npz")
    command = ["train", str(me), "-o", str(tmp_path / "actor"), "--preset", "tiny", "--steps", "2"]
    command += ["--driving", str(driving)]
    assert cli.main(command) == 2
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1 and not (tmp_path / "actor.run").exists()
    told = shlex.split(sentence.split("`")[1])
    assert told[:3] == ["python", "-m", "perfclone"] and cli.main(told[3:]) == 0
    assert cli.main(command) == 0
    actor = Actor.from_pretrained(tmp_path / "actor")
    assert actor.consent == ConsentRecord.load(tmp_path / CONSENT) and actor.consent.subject == "Your Name"
    authorise_clone(actor.consent, "personal")
    events = [entry.event for entry in Ledger().entries()]
    assert events == ["consent", "train", "train", "clone"], "the last is the poster"
    ready = "The actor can be used already, and gets better as this goes on: python -m perfclone clone "
    assert capsys.readouterr().out.count(f"{ready}{tmp_path / 'actor'} DRIVING.mp4") == 1


def test_a_named_record_goes_before_the_one_beside_the_video(video, tmp_path, capsys):
    record(video).save(tmp_path / CONSENT)
    of_another_file(video).save(tmp_path / "named.json")
    command = ["train", str(video), "-o", str(tmp_path / "actor"), "--consent", str(tmp_path / "named.json")]
    assert cli.main(command) == 2 and "not the footage" in capsys.readouterr().err
    edited = {**json.loads((tmp_path / CONSENT).read_text()), "subject": "Somebody"}
    (tmp_path / CONSENT).write_text(json.dumps(edited))
    assert cli.main(command[:4]) == 2 and "changed after it was signed" in capsys.readouterr().err


def test_the_command_line_asks_before_it_builds_an_extractor(video, tmp_path, monkeypatch, capsys):
    def build(*_, **__):
        raise AssertionError("weights would be fetched")

    monkeypatch.setattr("perfclone.pose.build_extractor", build)
    assert cli.main(["train", str(video), "-o", str(tmp_path / "actor"), "--extractor", "openpose"]) == 2
    assert "Training needs the consent" in capsys.readouterr().err


def test_a_record_or_its_file_will_do(video, tmp_path):
    made = record_of(video)
    made.save(tmp_path / CONSENT)
    assert record_for(made, video) is made
    assert record_for(tmp_path / CONSENT, video) == record_for(str(tmp_path / CONSENT), video) == made
