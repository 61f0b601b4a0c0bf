"""The invisible watermark, through the real encoder."""

import cv2
import numpy as np
import pytest

from benchmarks import marks
from perfclone.errors import UserError
from perfclone.governance.marks.search import PLACEMENTS, placements
from perfclone.governance.marks.spectrum import PUBLIC_KEY, Spectrum, scores
from perfclone.governance.marks.watermark import FALSE_MATCH, Watermarker, WatermarkReader, read_video
from perfclone.video import VideoWriter

ID = 0xC0FFEE11
SIZE = 512


def textured(height=SIZE, width=SIZE, seed=0):
    """A still scene: soft blotches, an edge, grain."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(60, 200, (9, 9, 3)).astype(np.float32)
    scene = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    scene[height // 2 :, : width // 3] *= 0.6
    return (scene + rng.normal(0, 4, (height, width, 1))).clip(0, 255).astype(np.uint8)


def mark(frames, id=ID, **options):
    marker = Watermarker(id, *frames[0].shape[:2], **options)
    return [marker.apply(frame) for frame in frames]


def encoded(path, frames, crf):
    with VideoWriter(path, rate=25, crf=crf) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def read(frames, candidates=(), **options):
    reader = WatermarkReader(**options)
    for frame in frames:
        reader.add(frame)
    return reader.read(candidates)


def wrong_bits(reading, id=ID):
    return sum(bit != (id >> n & 1) for n, bit in enumerate(reading.bits))


@pytest.fixture(scope="module")
def clips():
    return {
        "white": list(marks.white(100, SIZE)),
        "moving": list(marks.moving(textured(), 36, SIZE)),
        "still": [textured()] * 36,
    }


@pytest.mark.parametrize("name", ["white", "moving", "still"])
@pytest.mark.parametrize(("crf", "scale"), [(23, 1), (30, 1), (30, 0.75)])
def test_the_id_outlives_the_encoder(clips, name, crf, scale, tmp_path):
    marked = [cv2.resize(f, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for f in mark(clips[name])]
    reading = read_video(encoded(tmp_path / "x.mp4", marked, crf), [1, 2, ID])
    assert (reading.id, reading.matched) == (ID, True)
    assert wrong_bits(reading) == 0
    assert reading.confidence <= FALSE_MATCH


def test_a_strong_mark_needs_no_candidates(clips, tmp_path):
    file = encoded(tmp_path / "x.mp4", mark(clips["still"]), 23)
    assert read_video(file).id == ID
    assert read_video(file, frames=1).frames == 2
    assert read_video(file, frames=1).id == ID
    assert read_video(file, [1, 2, 3]).id == ID, "an id that is not expected is told all the same"


@pytest.mark.parametrize("back", [False, True])
def test_a_crop_is_found_and_placed(clips, back, tmp_path):
    top, left, side = 12, 26, round(SIZE * 0.9)
    crops = [f[top : top + side, left : left + side] for f in mark(clips["still"])]
    if back:
        crops = [cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for crop in crops]
    others = np.random.default_rng(1).integers(0, 2**32, 5000).tolist()
    reading = read_video(encoded(tmp_path / "x.mp4", crops, 23), [*others, ID])
    assert reading.id == ID
    assert reading.place.kept == pytest.approx(0.9, abs=0.011)
    assert (reading.place.top, reading.place.left) == pytest.approx((top / SIZE, left / SIZE), abs=0.011)


def test_white_changes_by_a_level_and_flat_places_by_two_at_most(clips):
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    change = white - mark([white])[0]
    assert change.max() == 1 and 0.3 < change.mean() < 0.7
    for level in (0, 1, 100, 254):
        plain = np.full((SIZE, SIZE, 3), level, np.uint8)
        assert 0 < cv2.absdiff(plain, mark([plain])[0]).max() <= 2
    for frames in clips.values():
        assert marks.flat_levels(frames[0], mark(frames[:1])[0])[0] <= 2
    assert marks.flat_levels(clips["white"][0], clips["white"][0])[1] > 0.8


def test_little_is_changed_and_the_colours_stay(clips):
    for frames in clips.values():
        marked = mark(frames[:1])[0]
        assert cv2.PSNR(frames[0], marked) > 38
        inside = ((frames[0] > 8) & (frames[0] < 247)).all(axis=2)
        change = marked.astype(int) - frames[0]
        assert (np.ptp(change, axis=2)[inside] == 0).all()


def test_texture_carries_more_than_plain_places():
    frame = np.full((SIZE, SIZE, 3), 128, np.uint8)
    frame[:, : SIZE // 2] += np.random.default_rng(0).integers(-60, 60, (SIZE, SIZE // 2, 1)).astype(np.uint8)
    change = cv2.absdiff(frame, mark([frame])[0])
    assert change[:, SIZE // 2 + 8 :].max() <= 2 < change[:, : SIZE // 2 - 8].mean()


def test_another_key_reads_nothing(clips):
    secret = mark(clips["still"][:1], key=b"secret")
    assert read(secret, [ID], key=b"secret").id == ID
    assert not read(secret, [ID]).matched
    assert not read(mark(clips["still"][:1]), [ID], key=b"secret").matched


def test_another_id_is_never_taken_for_a_candidate(clips):
    neighbours = [ID ^ 1, ID ^ 0xFF, ID ^ 0x80000000, ID & 0xFFFFFF]
    assert read(mark(clips["still"][:1]), neighbours).id not in neighbours


def test_a_large_ledger_is_no_hindrance(clips):
    many = np.random.default_rng(2).integers(0, 2**32, 200_000).tolist()
    assert read(mark(clips["still"][:1]), [*many, ID]).confidence < 1e-9


def test_what_is_not_marked_matches_nothing(clips):
    rng = np.random.default_rng(0)
    for n in range(24):
        frames = clips[list(clips)[n % 3]]
        reading = read(list(marks.random_crops(np.stack(frames[:4]), rng)), rng.integers(0, 2**32, 5000).tolist())
        assert (reading.id, reading.matched, reading.place) == (None, False, None)
        assert reading.confidence > FALSE_MATCH
    for level in (0, 128, 255):
        assert not read([np.full((64, 64, 3), level, np.uint8)], [0, ID]).matched


def test_the_score_of_unmarked_pictures_is_as_spread_as_the_bound_assumes():
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.normal(size=(256, 256)).astype(np.float32), (0, 0), 3)
    drawn = [scores(Spectrum(bytes([n])).chips(picture)).ravel() for n in range(1, 41)]
    assert np.mean(np.square(drawn)) * 4 == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (97, 65), (240, 135), (361, 641), (1280, 720), (2160, 3840)])
def test_every_size_carries_an_id(shape):
    frame = textured(*shape)
    marked = mark([frame])[0]
    assert marked.shape == frame.shape and marked.dtype == np.uint8
    assert cv2.PSNR(frame, marked) > 38
    assert read([marked], [3, ID]).id == ID


def test_a_small_portrait_outlives_the_default_encoder(tmp_path):
    frames = [textured(256, 144)] * 12
    assert read_video(encoded(tmp_path / "x.mp4", mark(frames), 18), [ID]).id == ID


def test_the_same_comes_out_every_time_and_on_every_machine(clips):
    frame = clips["moving"][0]
    assert (mark([frame])[0] == mark([frame])[0]).all()
    drawn = Spectrum(PUBLIC_KEY).pattern(ID, 128, 96)[::37, ::41]
    known = [
        [-1.0265, 1.4848, -0.1410],
        [-1.2693, -0.4603, 1.8081],
        [-1.3469, -0.9064, 1.1210],
        [-1.0171, 1.8315, 0.6465],
    ]
    np.testing.assert_allclose(drawn, known, atol=1e-3, err_msg="old marks can no longer be read")


def test_the_first_place_tried_is_the_whole_frame():
    luma = cv2.cvtColor(textured(256, 256), cv2.COLOR_RGB2GRAY).astype(np.float32)
    places = [place for place, _ in placements(luma, Spectrum().template)]
    assert len(places) == PLACEMENTS
    assert (places[0].kept, places[0].top, places[0].left) == (1, 0, 0)
    assert all(0.7 <= p.kept <= 1 and p.top + p.kept <= 1 and p.left + p.kept <= 1 for p in places)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": -1}, "id must lie in 0-4294967295, got -1"),
        ({"id": 2**32}, "id must lie in"),
        ({"height": 8}, "at least 16 pixels, got 8 and 64"),
        ({"strength": 0}, "strength must lie above 0"),
        ({"key": b""}, "key must be bytes"),
        ({"key": "secret"}, "key must be bytes"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Watermarker(**{"id": 1, "height": 64, "width": 64, **options})


def test_wrong_frames_and_candidates_are_refused():
    with pytest.raises(ValueError, match=r"frame must be \(64, 64, 3\) uint8, got \(64, 65, 3\)"):
        Watermarker(1, 64, 64).apply(np.zeros((64, 65, 3), np.uint8))
    with pytest.raises(ValueError, match="frame must be"):
        WatermarkReader().add(np.zeros((64, 64), np.uint8))
    with pytest.raises(UserError, match="No frame was read"):
        WatermarkReader().read()
    with pytest.raises(ValueError, match="candidates must lie in 0-4294967295, got 5 to 4294967296"):
        read([textured(64, 64)], [5, 2**32])
