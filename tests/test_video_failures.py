"""Whatever happens while a video is written: nothing is lost that was there or was done."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from clips import clip, hear, litter, numbered, numbers, read

from perfclone.errors import UserError
from perfclone.video import VideoWriter, probe
from perfclone.video.assemble import assemble


def test_an_existing_file_is_replaced_only_on_request_and_only_when_whole(tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"out\.mp4 exists already; replace it with force"):
        VideoWriter(path, rate=30)
    with VideoWriter(path, rate=30, force=True) as writer:
        for pixels in numbered(7):
            writer.write(pixels)
            assert path.read_bytes() == before
    assert probe(path).frames == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.avi", "must end in .mp4"), ("file/out.mp4", "cannot be made"), ("a.mp4", "is a folder")],
)
def test_a_target_that_cannot_be_is_refused_at_once(tmp_path, name, message):
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        VideoWriter(tmp_path / name, rate=30)


def test_a_folder_that_is_not_there_is_made(tmp_path):
    with VideoWriter(tmp_path / "new" / "folder" / "out.mp4", rate=30) as writer:
        writer.write(next(iter(numbered(1))))
    assert probe(tmp_path / "new" / "folder" / "out.mp4").frames == 1


def test_the_video_that_is_read_is_never_written_over(tmp_path):
    driving = clip(tmp_path / "driving.mp4", 3)
    (tmp_path / "link.mp4").symlink_to(driving)
    before = driving.read_bytes()
    for name in ("driving.mp4", "link.mp4"):
        with pytest.raises(UserError, match="is the video that is read"):
            VideoWriter(tmp_path / name, rate=30, audio_from=driving, force=True)
    assert driving.read_bytes() == before


def test_no_frame_makes_no_file(tmp_path):
    with pytest.raises(UserError, match="no frame"), VideoWriter(tmp_path / "out.mp4", rate=30):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_was_done_before_an_error_is_kept_with_its_sound(tmp_path, error):
    driving = clip(tmp_path / "driving.mp4", 60, sound={"codec": "aac", "end": 2, "onset": 0.3})
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(error), VideoWriter(path, rate=30, audio_from=driving, duration=2, force=True) as writer:
        for number, pixels in enumerate(numbered(60)):
            if number == 20:
                raise error
            writer.write(pixels)
    assert path.read_bytes() == before
    assert writer.partial_path == tmp_path / "out.partial.mp4"
    assert numbers(read(writer.partial_path)) == list(range(20))
    assert probe(writer.partial_path).duration == pytest.approx(20 / 30)
    _, onset, end = hear(writer.partial_path)
    assert (onset, end) == (pytest.approx(0.3, abs=0.005), pytest.approx(20 / 30, abs=0.05))
    assert litter(tmp_path) == []


def test_what_an_earlier_run_left_is_kept_too(tmp_path):
    for count in (5, 3, 4):
        with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
            for pixels in numbered(count):
                writer.write(pixels)
            raise RuntimeError
    kept = {path.name: len(read(path)) for path in tmp_path.iterdir()}
    assert kept == {"out.partial.mp4": 5, "out.partial-2.mp4": 3, "out.partial-3.mp4": 4}
    assert writer.partial_path == tmp_path / "out.partial-3.mp4"


def test_an_error_before_the_first_frame_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        raise RuntimeError
    assert writer.partial_path is None
    assert list(tmp_path.iterdir()) == []


ENDLESS = """
    import itertools, resource, sys
    import numpy as np
    from perfclone.video import VideoWriter

    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(10)]
    {setup}
    try:
        with VideoWriter(sys.argv[1], rate=30, force=True, {options}) as writer:
            for number in {numbers}:
                writer.write(frames[number % 10])
                if number == 100:
                    print("busy", flush=True)
    except ValueError as error:
        print(type(error).__name__, error)
    print("partial", writer.partial_path)
"""


@pytest.fixture
def start():
    """Run the script above in a process of its own, which does not outlive the test."""
    running = []

    def run(path, *, setup="", options="", numbers="itertools.count()"):
        code = textwrap.dedent(ENDLESS).format(setup=setup, options=options, numbers=numbers)
        command = [sys.executable, "-c", code, str(path)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


def test_a_killed_run_leaves_a_file_that_plays(start, tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    # Plain pictures make small fragments, which a buffer would hold back.
    process = start(path, setup="frames = [np.full((96, 128, 3), 20 * n, np.uint8) for n in range(10)]")
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert len(read(tmp_path / ".out.part.mp4")) >= 30
    assert path.read_bytes() == before


def test_ctrl_c_leaves_a_file_that_plays(start, tmp_path):
    process = start(tmp_path / "out.mp4")
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0 and "KeyboardInterrupt" in errors
    assert len(read(tmp_path / "out.partial.mp4")) >= 100
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4"]


def test_a_second_ctrl_c_waits_until_what_was_done_is_kept(tmp_path, monkeypatch):
    def impatient(*args, **options):
        signal.raise_signal(signal.SIGINT)
        assemble(*args, **options)

    monkeypatch.setattr("perfclone.video.writer.assemble", impatient)
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        for pixels in numbered(40):
            writer.write(pixels)
        raise KeyboardInterrupt
    assert len(read(tmp_path / "out.partial.mp4")) == 40
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4"]


def test_a_full_disk_is_said_in_one_sentence_and_keeps_what_was_there(start, tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))"
    output, errors = start(path, setup=limit).communicate(timeout=60)
    assert "UserError The disk is full" in output and "free some space" in output and "Traceback" not in errors
    assert path.read_bytes() == before
    assert len(read(tmp_path / "out.partial.mp4")) > 30
    assert sorted(os.listdir(tmp_path)) == ["out.mp4", "out.partial.mp4"]


def test_a_disk_that_is_full_from_the_start_is_said_and_leaves_nothing(start, tmp_path):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    process = start(tmp_path / "out.mp4", setup=limit)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "UserError The disk is full" in output and not os.listdir(tmp_path)


def test_a_disk_that_fills_in_the_last_step_loses_nothing(start, tmp_path):
    sound = clip(tmp_path / "sound.mkv", 60, sound={"codec": "flac", "end": 30})
    assert sound.stat().st_size > 250_000
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))"
    output, _ = start(
        tmp_path / "out.mp4", setup=limit, options=f"audio_from={str(sound)!r}", numbers="range(5)"
    ).communicate(timeout=60)
    assert "UserError The disk is full" in output
    assert len(read(tmp_path / "out.partial.mp4")) == 5
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4", "sound.mkv"]


def test_without_room_for_a_copy_the_part_file_itself_is_kept(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("perfclone.video.writer.assemble", full)
    with pytest.raises(UserError, match="disk is full"), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        for pixels in numbered(40):
            writer.write(pixels)
    assert len(read(writer.partial_path)) == 40
    assert os.listdir(tmp_path) == ["out.partial.mp4"]
