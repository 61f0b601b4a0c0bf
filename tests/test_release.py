"""Releasing a clone: what it needs before the work, and what it carries and leaves in the ledger after it."""

import dataclasses
import json

import numpy as np
import pytest
from tiny import SIZE, SavedPoses, poses, untrained_actor, write_clip

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.record import ConsentError
from perfclone.governance.credentials.read import read_credentials
from perfclone.governance.keys import signing_key
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.label import Label
from perfclone.governance.marks.marker import UNMARKED, Marker, MarkOptions
from perfclone.governance.marks.metadata import aigc, read_tags
from perfclone.governance.marks.watermark import read_video
from perfclone.governance.review import approve, release, require_approval
from perfclone.pipeline import CloneOptions, PerformanceCloner

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def cloner():
    return PerformanceCloner(untrained_actor(), SavedPoses(), name="anna")


@pytest.fixture(scope="module")
def driving(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("driving") / "driving.mp4")


def test_a_clone_carries_every_mark_and_stands_in_the_ledger(cloner, driving, tmp_path):
    result = cloner.clone(driving, tmp_path / "out.mp4", CloneOptions(size=320, purpose="education"))
    entry = Ledger().by_watermark(result.id)
    assert entry.event == "clone" and entry.data["purpose"] == "education" and entry.data["actor"] == "anna"
    assert entry.data["output_sha256"] == file_sha256(result.path)
    assert entry.data["driving_sha256"] == file_sha256(driving)
    assert entry.data["consent"] == cloner.actor.consent.digest()
    assert read_video(result.path, [result.id]).id == result.id
    tags = read_tags(result.path)
    assert tags["org.perfclone.id"] == f"{result.id:08x}" and aigc(tags)["ProduceID"] == f"{result.id:08x}"
    credentials = read_credentials(result.path)
    assert credentials.state == "valid" and credentials.by_us and credentials.watermark == result.id
    assert credentials.consent == cloner.actor.consent.digest() and credentials.purpose == "education"
    Ledger().verify()


def test_a_certificate_that_nobody_trusts_is_told_before_the_work_and_once_a_day(cloner, tmp_path, caplog):
    told = []

    def progress(*at):
        told.append(caplog.text.count("not trusted"))

    for name in ("one.mp4", "two.mp4"):
        cloner.clone(poses(), tmp_path / name, progress=progress)
    assert told == [1] * len(told) and len(told) > 2 and caplog.text.count("not trusted") == 1


def test_a_certificate_that_will_not_do_is_told_before_the_work(cloner, tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_CERT", str(tmp_path / "none.pem"))
    monkeypatch.setenv("PERFCLONE_CERT_KEY", str(tmp_path / "none.key"))
    begun = []
    with pytest.raises(UserError, match="certificate .*none.pem cannot be read"):
        cloner.clone(poses(), tmp_path / "out.mp4", progress=lambda *at: begun.append(at))
    assert not begun and not list(tmp_path.glob("*.mp4")) and not list(Ledger().entries())
    unsigned = CloneOptions(marks=dataclasses.replace(MarkOptions(), credentials=False))
    assert cloner.clone(poses(), tmp_path / "out.mp4", unsigned).path.is_file()


def test_each_mark_can_be_left_out_by_itself(cloner, tmp_path):
    for name in ("watermark", "tags", "credentials"):
        marks = dataclasses.replace(MarkOptions(), **{name: False})
        path = cloner.clone(poses(), tmp_path / f"{name}.mp4", CloneOptions(marks=marks)).path
        assert ("org.perfclone.id" in read_tags(path)) == (name != "tags")
        assert (read_credentials(path).state == "valid") == (name != "credentials")


def test_the_label_comes_first_and_the_corner_stays():
    frame = np.full((SIZE * 2, SIZE * 2, 3), 200, np.uint8)
    marker = Marker(MarkOptions(label=Label(seconds=2), watermark=False), 1, 30)
    start, later = marker.apply(frame, 0.0), marker.apply(frame, 9.0)
    assert (start != frame).any(2).sum() > 4 * (later != frame).any(2).sum() > 0
    assert np.array_equal(Marker(UNMARKED, 1, 30).apply(frame, 0.0), frame)
    late = Marker(MarkOptions(label=Label(seconds=2), watermark=False), 1, 30)
    assert np.array_equal(late.apply(frame, 8.0), start) and np.array_equal(late.apply(frame, 17.0), later)


def test_nothing_is_made_that_the_record_does_not_allow(cloner, driving, tmp_path):
    limited = dataclasses.replace(cloner.actor.consent, purposes=("research",)).sign(signing_key())
    cloner.actor.consent = limited
    with pytest.raises(ConsentError, match="marketing"):
        cloner.clone(driving, tmp_path / "out.mp4", CloneOptions(purpose="marketing"))
    with pytest.raises(ConsentError):
        next(cloner.frames(driving, CloneOptions(purpose="marketing")))
    with pytest.raises(ConsentError):
        next(cloner.render(poses()))
    cloner.actor.consent = None
    with pytest.raises(ConsentError):
        cloner.clone(driving, tmp_path / "out.mp4")
    assert not list(tmp_path.glob("*.mp4")) and not list(Ledger().entries())


def test_a_clone_that_needs_approval_is_held_until_it_has_it(cloner, tmp_path):
    require_approval(True)
    result = cloner.clone(poses(), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists() and result.path.is_file()
    approve(result.id, "seen")
    release(result.id)
    assert (tmp_path / "out.mp4").is_file() and not result.path.exists()
    assert read_credentials(tmp_path / "out.mp4").state == "valid"


def test_what_an_interrupted_clone_left_is_marked_and_entered(cloner, tmp_path):
    def stop(stage, done, total):
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cloner.clone(poses(), tmp_path / "out.mp4", progress=stop)
    left = tmp_path / "out.partial.mp4"
    entry = next(Ledger().entries())
    assert entry.data["output_sha256"] == file_sha256(left) and entry.data["frames"] == 12
    assert read_credentials(left).state == "valid"


def test_frames_are_marked_and_entered_too(cloner):
    frames = list(cloner.frames(poses()))
    plain = list(cloner.frames(poses(), CloneOptions(marks=UNMARKED)))
    assert len(frames) == len(plain) and not np.array_equal(frames[3], plain[3])
    entries = list(Ledger().entries())
    assert [entry.data["frames"] for entry in entries] == [len(frames)] * 2
    assert all("output_sha256" not in json.loads(json.dumps(entry.data)) for entry in entries)


def test_any_name_of_an_actor_and_of_a_file_is_released(cloner, tmp_path):
    cloner.name = "anna\u00a0\u200fb\u200d\u202f"
    path = tmp_path / "Recording at 3.14\u202fPM \U0001f469\u200d\U0001f4bb.mp4"
    assert cloner.clone(poses(), path).path.is_file()
    tags, (entry,) = read_tags(path), Ledger().entries()
    assert tags["title"] == "Recording at 3.14 PM \U0001f469\U0001f4bb"
    assert tags["org.perfclone.actor"] == entry.data["actor"] == "anna b"
    assert read_credentials(path).state == "valid"
