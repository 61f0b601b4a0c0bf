"""Pictures of a report: the contact sheet, the worst frames and the side-by-side video, from a stream."""

import numpy as np
import pytest
from PIL import Image
from reported import FPS, FRAMES, instants, row

from eval.report.pictures import (
    AMPLIFIED,
    SHEET_HEIGHT,
    Instant,
    clock,
    columns,
    difference_picture,
    make_pictures,
    read_instants,
    worst_frames,
)
from eval.results import Row
from perfclone.pose import PoseSequence
from perfclone.pose.sequence import KEYPOINTS
from perfclone.video import VideoReader, VideoWriter, probe


def test_the_difference_is_amplified_and_black_where_equal():
    grey = np.full((4, 4, 3), 100, np.uint8)
    equal, ten, far = (difference_picture(grey + step, grey) for step in (np.uint8(0), np.uint8(10), np.uint8(100)))
    assert equal.max() < 6 and equal.sum() < ten.sum() < far.sum()
    assert (far == difference_picture(grey + np.uint8(-(-255 // AMPLIFIED)), grey)).all()
    assert (difference_picture(grey, grey + np.uint8(10)) == ten).all()


def test_an_instant_shows_only_what_it_has():
    full, bare = next(instants()), next(instants(truth=False, driving=False))
    assert list(columns(full)) == ["driving", "pose", "output", "truth", f"difference x {AMPLIFIED}"]
    assert list(columns(bare)) == ["pose", "output"]


def test_the_worst_frames_come_worst_first():
    made = row("perfclone")
    made.series["st_lpips_alex"]["whole"] = [None, *[0.01 * (t % 20) for t in range(1, FRAMES)]]
    name, worst = worst_frames(made)
    assert name == "st_lpips_alex" and list(worst) == [19, 39, 18, 38, 17, 37, 16, 36, 15, 35]
    assert worst[19] == pytest.approx(0.19)
    assert worst_frames(Row("a", "b", 3, 25.0)) == ("", {})


def test_pictures_have_their_columns_sizes_and_frames(tmp_path):
    made = row("perfclone")
    files = make_pictures(instants(), made, tmp_path, "walk")
    assert files == {"sheet": "walk-sheet.jpg", "worst": "walk-worst.jpg", "video": "walk.mp4"}
    assert {path.name for path in tmp_path.iterdir()} == set(files.values())
    assert all((tmp_path / name).stat().st_size < 1_000_000 for name in files.values())
    wide = 2 * round(64 * SHEET_HEIGHT / 48 / 2)
    with Image.open(tmp_path / files["sheet"]) as sheet:
        assert 5 * wide < sheet.width < 6 * wide and 6 * SHEET_HEIGHT < sheet.height < 7 * SHEET_HEIGHT
    info = probe(tmp_path / files["video"])
    assert (info.frames, info.width) == (FRAMES, 4 * 64) and info.height == 48 + 26
    assert info.fps == pytest.approx(FPS)


def test_the_video_shows_the_panels_side_by_side(tmp_path):
    make_pictures(instants(), row("perfclone"), tmp_path, "walk")
    with VideoReader(tmp_path / "walk.mp4") as reader:
        last = list(reader)[-1].pixels
    panels = np.split(last[26:], 4, axis=1)
    corner = [panel[40:, :10].mean() for panel in panels]
    assert corner == pytest.approx([100, 0, 90, 100], abs=4)
    assert last[:26].mean() > 200


def test_the_gallery_begins_with_the_worst(tmp_path):
    levels = [10, 200, 90, 240, 40, 120]
    stream = (Instant(t, t / FPS, np.full((48, 64, 3), level, np.uint8)) for t, level in enumerate(levels))
    made = Row("a", "b", 6, FPS, series={"lpips_alex": {"whole": [float(level) for level in levels]}})
    with Image.open(tmp_path / make_pictures(stream, made, tmp_path, "grey")["worst"]) as picture:
        grey = np.asarray(picture.convert("L")).astype(int)
    tiles = grey[30, np.arange(5) * grey.shape[1] // 5 + 30]
    assert tiles.tolist() == pytest.approx([240, 200, 120, 90, 40], abs=2)


def test_big_noisy_pictures_stay_below_a_megabyte(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (270, 480, 3), np.uint8) for _ in range(3)]
    stream = (Instant(t, t / FPS, noise[t % 3], noise[t % 2], noise[0], noise[2]) for t in range(12))
    made = Row("a", "b", 12, FPS, series={"lpips_alex": {"whole": [0.1] * 12}})
    files = make_pictures(stream, made, tmp_path, "noise")
    assert max((tmp_path / files[kind]).stat().st_size for kind in ("sheet", "worst")) < 1_000_000


def test_frames_are_not_kept(tmp_path):
    """Of a stream of frames no more than a few are alive at once."""
    import weakref

    alive, most = weakref.WeakSet(), 0

    class Watched(np.ndarray):
        def __hash__(self):
            return id(self)

    def stream():
        nonlocal most
        for instant in instants(60, truth=False, driving=False):
            watched = instant.output.copy().view(Watched)
            alive.add(watched)
            most = max(most, len(alive))
            yield Instant(instant.index, instant.time, watched)

    make_pictures(stream(), Row("a", "b", 60, FPS), tmp_path, "long")
    assert most <= 3


def test_videos_are_read_in_step_with_drawn_poses(tmp_path):
    for name, level in (("output", 40), ("truth", 120)):
        with VideoWriter(tmp_path / f"{name}.mp4", rate=FPS, crf=4) as writer:
            for _ in range(5):
                writer.write(np.full((32, 48, 3), level, np.uint8))
    points = np.random.default_rng(0).uniform(5, 28, (5, len(KEYPOINTS), 2)).astype(np.float32)
    poses = PoseSequence(points, np.ones(points.shape[:2], np.float32), np.arange(5) / FPS, (48, 32))
    read = list(read_instants(tmp_path / "output.mp4", tmp_path / "truth.mp4", poses=poses))
    assert [instant.index for instant in read] == list(range(5)) and read[4].time == pytest.approx(4 / FPS)
    assert read[0].driving is None and read[0].pose.shape == (32, 48, 3) and read[0].pose.max() > 100
    assert [round(float(each.mean()), -1) for each in (read[2].output, read[2].truth)] == [40, 120]


def test_clock():
    assert [clock(seconds) for seconds in (0, 4.2, 59.999, 64.25)] == ["0:00.00", "0:04.20", "1:00.00", "1:04.25"]
