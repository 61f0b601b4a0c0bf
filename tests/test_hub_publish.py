"""Pushing and pulling: the round trip, what a push refuses, and that nothing is ever half done."""

import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image
from published import REPOSITORY, asked, files_of, publish
from tiny import poses, untrained_actor

from hub.access import listing
from hub.publish import push
from hub.pull import pull
from perfclone import PerformanceCloner
from perfclone.actor import Actor
from perfclone.actor.layout import CONFIG, CONSENT, LIMITS, MANIFEST, POSTER, PREVIEW, README, WEIGHTS
from perfclone.actor.manifest import Manifest
from perfclone.errors import UserError
from perfclone.governance.consent.record import ConsentError
from perfclone.governance.keys import SigningKey
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.marker import UNMARKED
from perfclone.governance.verify.verify import verify_video
from perfclone.pipeline import CloneOptions
from perfclone.video import probe

FILES = {*LIMITS, ".gitattributes"}


pytestmark = pytest.mark.usefixtures("owner")


@pytest.fixture
def folder(tmp_path):
    return untrained_actor().save_pretrained(tmp_path / "anna")


def frames(cloner):
    options = CloneOptions(marks=UNMARKED, purpose="evaluation")
    return np.stack(list(cloner.frames(poses(8), options)))


def quick(folder, **how):
    return push(folder, REPOSITORY, preview=False, **how)


def pushes(commit=None):
    """What the ledger has of pushes."""
    found = [entry for entry in Ledger().entries() if entry.event == "push"]
    return [entry for entry in found if commit in (None, entry.data["commit"])]


def test_the_clone_of_the_pulled_actor_is_that_of_the_local_one_bit_by_bit(folder, tmp_path, loopback):
    pushed = push(folder, REPOSITORY)
    assert [actor.repository for actor in listing(owner="owner")] == [REPOSITORY]
    pulled = pull(REPOSITORY, None, tmp_path / "pulled")
    assert pulled.commit == pushed.commit == loopback.repository(REPOSITORY).sha
    want = frames(PerformanceCloner.from_pretrained(folder))
    assert want.std() > 0
    for place in (tmp_path / "pulled", REPOSITORY):
        np.testing.assert_array_equal(frames(PerformanceCloner.from_pretrained(place)), want)
    for name in (CONFIG, WEIGHTS, CONSENT):
        assert (tmp_path / "pulled" / name).read_bytes() == (folder / name).read_bytes()
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == set(LIMITS)


def test_a_push_is_one_commit_private_gated_and_whole(folder, loopback):
    pushed = push(folder, REPOSITORY)
    there = loopback.repository(REPOSITORY)
    assert there.private and there.gated == "manual" and (pushed.private, pushed.gated) == (True, True)
    assert there.titles == ["Push the actor with perfclone", "initial commit"] and set(there.files) == FILES
    manifest = Manifest.from_bytes(there.files[MANIFEST])
    assert manifest == Manifest.of({name: there.files[name] for name in LIMITS if name != MANIFEST})
    data = ModelCard(there.files[README].decode()).data
    assert (data.library_name, data.pipeline_tag) == ("perfclone", "video-to-video")
    [entry] = [
        entry for entry in Ledger().entries() if entry.event == "push" and entry.data["commit"] == pushed.commit
    ]
    assert entry.data["repository"] == REPOSITORY and entry.data["private"] is True
    assert entry.data["actor_sha256"] == manifest.files[WEIGHTS].sha256


def test_poster_and_preview_show_the_actor_and_carry_the_marks(folder, loopback, tmp_path):
    push(folder, REPOSITORY)
    files = loopback.repository(REPOSITORY).files
    (tmp_path / POSTER).write_bytes(files[POSTER])
    (tmp_path / PREVIEW).write_bytes(files[PREVIEW])
    seen, info = Image.open(tmp_path / POSTER), probe(tmp_path / PREVIEW)
    assert seen.size == (info.width, info.height) and info.frames >= 60
    assert np.asarray(seen).std() > 1
    assert REPOSITORY in str(verify_video(tmp_path / PREVIEW))


def test_a_second_push_updates_and_drops_what_the_new_state_has_not(folder, loopback, tmp_path):
    first = push(folder, REPOSITORY)
    loopback.put(REPOSITORY, {"notes.md": b"the owner's"})
    untrained_actor(seed=5).save_pretrained(folder)
    second = quick(folder)
    there = loopback.repository(REPOSITORY)
    assert second.commit == there.sha != first.commit and set(there.files) == {*FILES, "notes.md"} - {POSTER, PREVIEW}
    assert Actor.from_pretrained(REPOSITORY, revision=first.commit).commit == first.commit
    with pytest.raises(UserError, match="replace the actor in it with force"):
        pull(REPOSITORY, None, folder)
    pull(REPOSITORY, None, folder, force=True)
    assert not (folder / POSTER).exists()


def test_the_object_pushes_itself(loopback, folder):
    commit = Actor.from_pretrained(folder).push_to_hub(REPOSITORY, preview=False, commit_message="From a notebook")
    there = loopback.repository(REPOSITORY)
    assert there.sha == commit and there.private and there.titles[0] == "From a notebook"


@pytest.mark.parametrize(("private", "gated"), [(False, True), (False, False), (True, False)])
def test_it_is_as_open_as_it_was_told(folder, loopback, private, gated):
    quick(folder, private=private, gated=gated)
    there = loopback.repository(REPOSITORY)
    assert (there.private, bool(there.gated)) == (private, gated)


def test_a_push_that_is_narrower_than_the_repository_is_refused(folder, loopback):
    quick(folder, private=False, gated=False)
    for how, match in (({}, "is public, and this push"), ({"private": False}, "is open to everybody")):
        with pytest.raises(UserError, match=match):
            quick(folder, **how)


def test_without_a_record_that_holds_nothing_leaves(folder, loopback):
    actor = Actor.from_pretrained(folder)
    record = actor.consent
    for consent, match in (
        (None, "no consent.json"),
        (replace(record, expires="2020-01-02", starts="2020-01-01").sign(SigningKey.new()), "2020"),
        (record.revoke("enough", SigningKey.new()), "revoked"),
    ):
        actor.consent = consent
        with pytest.raises(ConsentError, match=match):
            quick(actor)
    assert asked(loopback) == [] and loopback.repository(REPOSITORY) is None


def test_a_record_that_does_not_allow_the_web_is_not_made_public(folder):
    actor = Actor.from_pretrained(folder)
    actor.consent = replace(actor.consent, media=("internal",)).sign(SigningKey.new())
    with pytest.raises(ConsentError, match="not to web"):
        quick(actor, private=False)


@pytest.mark.parametrize("damage", [CONFIG, WEIGHTS])
def test_a_damaged_actor_does_not_leave(folder, loopback, damage):
    (folder / damage).write_bytes(b"{}")
    with pytest.raises(UserError):
        quick(folder)
    assert asked(loopback) == []


def test_without_a_token(folder, loopback, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="not logged in to the Hub; run `hf auth login` or set HF_TOKEN"):
        quick(folder)


@pytest.mark.parametrize(
    ("token", "match"), [("hf_reader", "write access"), ("hf_other", "write access"), ("hf_x", "does not accept")]
)
def test_without_the_right(folder, loopback, token, match):
    with pytest.raises(UserError, match=match) as error:
        quick(folder, token=token)
    assert token not in str(error.value) and "repository is empty" not in str(error.value)
    assert loopback.repository(REPOSITORY) is None


#: Where a push can fail: before an upload, in the middle of one, at the commit.
STEPS = ["/preupload/", "/lfs/objects/batch", "^/lfs/", "/commit/"]


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_push_leaves_the_repository_as_it_was_and_the_next_one_goes_on(folder, loopback, step):
    at_start, first = len(pushes()), quick(folder)
    before = loopback.repository(REPOSITORY)
    untrained_actor(seed=5).save_pretrained(folder)
    loopback.fail(step, status=403, times=1, method="PUT" if step == "^/lfs/" else "POST")
    with pytest.raises(UserError, match=r"The repository is as it was\.$"):
        quick(folder)
    assert loopback.repository(REPOSITORY) == before and before.sha == first.commit
    assert len(pushes()) == 1 + at_start
    asked(loopback)
    assert quick(folder).commit == loopback.repository(REPOSITORY).sha
    again = [request for request in loopback.requests if request.method == "PUT" and request.host == "storage"]
    assert len(again) == (0 if step == "/commit/" else 1)


def test_a_card_that_the_hub_refuses(folder, loopback):
    loopback.fail("/api/validate-yaml", status=400)
    with pytest.raises(UserError, match=r"The Hub refuses the card \(Invalid metadata.*check the licence"):
        quick(folder, licence="nosuch")
    assert loopback.repository(REPOSITORY).titles == ["initial commit"]


@pytest.mark.parametrize("step", STEPS)
def test_what_passes_is_waited_for(folder, loopback, step):
    loopback.fail(step, status=503, times=1, method="PUT" if step == "^/lfs/" else "POST")
    pushed = quick(folder)
    assert loopback.repository(REPOSITORY).sha == pushed.commit


@pytest.mark.parametrize("step", ["^/lfs/", "/commit/"])
def test_a_connection_that_breaks_off(folder, loopback, step):
    loopback.cut(step, times=1)
    pushed = quick(folder)
    assert loopback.repository(REPOSITORY).titles == ["Push the actor with perfclone", "initial commit"]
    assert loopback.repository(REPOSITORY).sha == pushed.commit


def test_a_commit_whose_answer_was_lost_is_not_made_twice(folder, loopback):
    loopback.lose_answer("/commit/", times=1)
    pushed = quick(folder)
    assert loopback.repository(REPOSITORY).titles == ["Push the actor with perfclone", "initial commit"]
    assert loopback.repository(REPOSITORY).sha == pushed.commit


def test_somebody_else_pushed_meanwhile(folder, loopback):
    quick(folder)
    loopback.before("/commit/", lambda: loopback.put(REPOSITORY, {"notes.md": b"theirs"}))
    untrained_actor(seed=5).save_pretrained(folder)
    with pytest.raises(UserError, match="was changed meanwhile; look at what changed"):
        quick(folder)
    assert loopback.repository(REPOSITORY).files["notes.md"] == b"theirs"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_push_leaves_the_repository_as_it_was(folder, loopback, how):
    quick(folder)
    before = loopback.repository(REPOSITORY)
    untrained_actor(seed=5).save_pretrained(folder)
    command = [sys.executable, "-m", "hub", "push", str(folder), REPOSITORY, "--no-preview"]
    push = subprocess.Popen(command, env=loopback.env("hf_owner"), stderr=subprocess.PIPE, text=True)
    loopback.before("^/lfs/", lambda: (push.send_signal(how), push.wait(60)), method="PUT")
    told = push.communicate(timeout=120)[1]
    assert push.returncode == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGINT:
        assert "Stopped. The repository is as it was" in told and "Traceback" not in told
    assert loopback.repository(REPOSITORY) == before
    assert quick(folder).commit == loopback.repository(REPOSITORY).sha


@pytest.mark.parametrize("name", ["anna", "a/b/c", "owner/an na", "own--er/x", "../x"])
def test_what_is_no_name_of_a_repository(folder, name, loopback):
    with pytest.raises(UserError, match="OWNER/NAME"):
        push(folder, name, preview=False)
    assert asked(loopback) == []


def swap_weights(loopback):
    loopback.swap(REPOSITORY, WEIGHTS, bytes(len(files_of()[WEIGHTS])))


def break_manifest(loopback):
    loopback.put(REPOSITORY, {PREVIEW: b"another"})


def forbid(loopback):
    loopback.fail("/resolve/", status=403, times=99)


@pytest.mark.parametrize("harm", [swap_weights, break_manifest, forbid])
def test_a_failed_pull_leaves_the_destination_as_it_was(folder, loopback, harm, tmp_path):
    publish(loopback, files_of(**{PREVIEW: b"preview", POSTER: b"poster"}))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    harm(loopback)
    for place in (folder, tmp_path / "new"):
        with pytest.raises(UserError):
            pull(REPOSITORY, None, place, force=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_where_a_pull_does_not_go(loopback, tmp_path):
    publish(loopback)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").touch()
    (tmp_path / "file").touch()
    for place, match in (("photos", "no actor"), ("file", "not a folder"), ("file/such", "cannot be made")):
        with pytest.raises(UserError, match=match):
            pull(REPOSITORY, None, tmp_path / place, force=True)
    assert not [path for path in asked(loopback) if "resolve" in path]


def test_a_pull_of_a_commit(loopback, tmp_path):
    first = publish(loopback)
    publish(loopback, files_of(untrained_actor(seed=5)))
    assert pull(REPOSITORY, first, tmp_path / "actors" / "anna").commit == first
    assert (Actor.from_pretrained(tmp_path / "actors" / "anna").plate == untrained_actor().plate).all()


def test_the_card_says_how_to_load_it_and_that_works(folder, loopback):
    push(folder, REPOSITORY)
    card = loopback.repository(REPOSITORY).files[README].decode()
    [line] = re.findall(r"cloner = (PerformanceCloner\.from_pretrained\(.*?\))", card)
    assert eval(line, {"PerformanceCloner": PerformanceCloner}).name == REPOSITORY  # noqa: S307
