"""Images numbered in order are a video like any other."""

import hashlib
import json
import struct
import zlib

import numpy as np
import pytest
from clips import QUADRANTS, clip, numbered, numbers, read
from PIL import Image

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.files.sequence import video_files, video_sha256
from perfclone.governance.consent.kinds import synthetic_record
from perfclone.governance.consent.record import ConsentError
from perfclone.governance.credentials.sign import Claim, _manifest
from perfclone.governance.keys import SigningKey
from perfclone.governance.policy import authorise_training
from perfclone.terminal.arguments import require_file
from perfclone.training.request import TrainRequest
from perfclone.video import VideoWriter, probe, sample_frames


def images(folder, name="%05d.png", count=12, first=1, step=1):
    """Draw numbered images, the last first, so that nothing depends on when they were made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in reversed(list(enumerate(numbered(count)))):
        Image.fromarray(pixels).save(folder / (name % (first + step * number)))
    return folder


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp", "PNG"])
def test_a_folder_of_images_and_a_pattern_are_videos(tmp_path, suffix):
    folder = images(tmp_path / "frames", f"%05d.{suffix}")
    for path in (folder, folder / f"%05d.{suffix}"):
        info, frames = probe(path), read(path)
        assert (info.width, info.height, info.frames, info.fps) == (64, 48, 12, 25)
        assert info.duration == pytest.approx(12 / 25)
        assert not (info.has_audio or info.variable_rate or info.truncated or info.alpha)
        assert numbers(frames) == list(range(12))
        assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 25)
        assert numbers(sample_frames(path, 8)) == [0, 2, 3, 5, 6, 8, 9, 11]


@pytest.mark.parametrize(
    ("folder", "name", "fps"),
    [
        ("take_30fps", "%d.png", 30),
        ("frames", "walk-23.976fps-%04d.png", 23.976),
        ("at 60 FPS", "img%d.png", 60),
        ("frames", "0fps%d.png", 25),
    ],
)
def test_the_name_may_tell_the_rate(tmp_path, folder, name, fps):
    path = images(tmp_path / folder, name) / name
    assert probe(path).fps == pytest.approx(fps)
    assert [frame.time for frame in read(path)] == pytest.approx(np.arange(12) / fps)


def test_numbers_need_no_zeros_and_may_have_holes(tmp_path):
    folder = images(tmp_path / "frames", "frame%d.png", first=8, step=3)
    (folder / ".hidden1.png").write_bytes(b"")
    (folder / "notes.txt").write_text("1")
    assert [file.name for file in video_files(folder)][:3] == ["frame8.png", "frame11.png", "frame14.png"]
    assert numbers(read(folder)) == list(range(12))
    assert video_files(folder / "frame%d.png") == video_files(folder)
    assert len(video_files(folder / "frame%02d.png")) == 11


def test_the_digest_is_that_of_the_files_in_order(tmp_path):
    folder = images(tmp_path / "frames", "%d.png")
    joined = b"".join((folder / f"{number}.png").read_bytes() for number in range(1, 13))
    assert video_sha256(folder) == video_sha256(folder / "%d.png") == hashlib.sha256(joined).hexdigest()
    path = clip(tmp_path / "clip.mp4", 2)
    assert video_sha256(path) == file_sha256(path)
    with pytest.raises(UserError, match=r"no file .*gone\.mp4"):
        video_sha256(tmp_path / "gone.mp4")


def test_consent_and_credentials_cover_the_images(tmp_path):
    folder = images(tmp_path / "frames", "%d.png")
    record = synthetic_record("anna", video_sha256(folder), SigningKey.new())
    record.save(tmp_path / "frames" / "consent.json")
    for reference in (folder / "%d.png", folder):
        require_file(reference, "reference video")
        assert authorise_training(record, reference) == video_sha256(folder)
    request = TrainRequest(folder / "%d.png", tmp_path / "actor", consent=record)
    assert request.permitted()[1] == video_sha256(folder)
    claim = Claim("clip", "anna", record.digest(), "evaluation", 7, driving=folder)
    assert f"sha256:{video_sha256(folder)}" in json.dumps(_manifest(claim))
    (folder / "13.png").write_bytes((folder / "12.png").read_bytes())
    with pytest.raises(ConsentError, match="not the footage"):
        authorise_training(record, folder)
    with pytest.raises(FileNotFoundError, match="no driving video .*e%d.png; check the path"):
        require_file(folder / "e%d.png", "driving video")


def test_what_is_no_sequence_is_said(tmp_path):
    with pytest.raises(UserError, match="nor a folder of numbered images"):
        probe(tmp_path)
    images(tmp_path / "two", "a%d.png", 2)
    images(tmp_path / "two", "b%d.png", 2)
    with pytest.raises(UserError, match=r"several sequences of images, such as a%d\.png and b%d\.png"):
        probe(tmp_path / "two")
    assert probe(tmp_path / "two" / "b%d.png").frames == 2
    with pytest.raises(FileNotFoundError, match=r"c%d\.png does not exist"):
        probe(tmp_path / "two" / "c%d.png")
    with pytest.raises(UserError, match=r"a1\.png is a picture, not a video; .* folder"):
        probe(tmp_path / "two" / "a1.png")
    (tmp_path / "bad").mkdir()
    for number in range(3):
        (tmp_path / "bad" / f"{number}.png").write_bytes(b"no picture" * 50)
    with pytest.raises(UserError, match="bad"):
        probe(tmp_path / "bad")


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp"])
def test_images_that_are_cut_off_or_empty_are_left_out(tmp_path, suffix, caplog):
    folder = images(tmp_path / "frames", f"%05d.{suffix}")
    data = (folder / f"00006.{suffix}").read_bytes()
    (folder / f"00006.{suffix}").write_bytes(data[: len(data) // 2])
    (folder / f"00001.{suffix}").write_bytes(b"")
    frames = read(folder)
    assert numbers(frames) == [1, 2, 3, 4, *range(6, 12)]
    assert caplog.text.count("was left out") == 2 and "damaged" not in caplog.text


def test_half_a_jpeg_costs_no_other(tmp_path):
    folder = images(tmp_path / "frames", "%05d.jpg")
    data = (folder / "00006.jpg").read_bytes()
    (folder / "00006.jpg").write_bytes(data[: len(data) - 8])
    frames = read(folder)
    assert set(range(12)) - {5} <= set(numbers(frames))


def gradual_png(pixels):
    """A PNG that shows coarse pixels first (Adam7), which FFmpeg calls interlaced too."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = [row for top, left, down, right in passes for row in pixels[top::down, left::right]]
    height, width = pixels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = (
        (b"IHDR", head),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))),
        (b"IEND", b""),
    )
    made = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def test_images_that_come_gradually_are_whole(tmp_path):
    pixels = np.full((48, 64, 3), 50, np.uint8)
    pixels[::2] = 200
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(gradual_png(pixels))
    assert not probe(tmp_path).interlaced
    assert all(np.array_equal(frame.pixels, pixels) for frame in read(tmp_path))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, lambda a: a), (3, lambda a: np.rot90(a, 2)), (6, lambda a: np.rot90(a, -1)), (8, lambda a: np.rot90(a))],
)
def test_photos_stand_upright(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x112] = orientation
    for number in range(2):
        Image.fromarray(QUADRANTS).save(tmp_path / f"IMG_{number}.jpg", exif=exif, quality=95, subsampling=0)
    expected, info = upright(QUADRANTS), probe(tmp_path)
    assert (info.height, info.width) == expected.shape[:2]
    assert np.abs(read(tmp_path)[0].pixels.astype(int) - expected).mean() < 4


def test_images_of_other_sizes_get_the_size_of_the_first(tmp_path):
    folder = images(tmp_path / "frames")
    Image.new("RGB", (50, 40), (90, 90, 90)).save(folder / "00003.png")
    assert {frame.pixels.shape for frame in read(folder)} == {(48, 64, 3)}


def test_a_sequence_can_be_what_sound_is_taken_from(tmp_path):
    folder = images(tmp_path / "frames")
    with VideoWriter(tmp_path / "out.mp4", rate=25, audio_from=folder / "%05d.png") as writer:
        for frame in read(folder):
            writer.write(frame.pixels, frame.time)
    assert probe(tmp_path / "out.mp4").frames == 12
