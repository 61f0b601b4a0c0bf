"""The first sentence of a report names what an eye sees first, on people whose faults are planted."""

import cv2
import numpy as np
import pytest

from eval.metrics.parts import find_face, find_hand, point_error
from eval.report.words import headline
from eval.report.worst import worst
from eval.results import Interval, Report, Row
from eval.scoring.regions import cut_square, head_square
from eval.scoring.score import ScoreOptions, score_methods
from eval.synthetic import Scene, motion
from perfclone.pose import INDEX
from perfclone.video import VideoWriter

SIZE, FPS = 256, 10


@pytest.fixture(scope="module")
def shots():
    scene = Scene("anna", SIZE, noise=1.0, samples=1)
    return [scene.render(frame, n) for n, frame in enumerate(motion("arms", FPS)[8:17])]


def faceless(shot):
    """The same frame with skin where eyes, nose and mouth are."""
    nose, neck = (shot.keypoints[INDEX[name]] for name in ("nose", "neck"))
    mask, size = np.zeros(shot.rgb.shape[:2], np.uint8), np.linalg.norm(neck - nose)
    cv2.ellipse(mask, (*np.round(nose).astype(int).tolist(),), (int(0.35 * size), int(0.5 * size)), 0, 0, 360, 255, -1)
    frame = shot.rgb.copy()
    frame[mask > 0] = np.median(frame[mask > 0], axis=0)
    return frame


def smeared(shot):
    """The same frame, blurred from the neck down."""
    neck = int(shot.keypoints[INDEX["neck"], 1])
    frame = shot.rgb.copy()
    frame[neck:] = cv2.GaussianBlur(frame, (0, 0), 2.5)[neck:]
    return frame


@pytest.fixture(scope="module")
def scored(shots, tmp_path_factory):
    """Row of each fault, scored beside the truth in one pass."""
    folder, frames = tmp_path_factory.mktemp("faults"), [shot.rgb for shot in shots]
    grain = np.random.default_rng(0)
    videos = {
        "truth": frames,
        "alike": [np.clip(f + grain.normal(0, 1, f.shape), 0, 255).astype(np.uint8) for f in frames],
        "faceless": [faceless(shot) for shot in shots],
        "smeared": [smeared(shot) for shot in shots],
        "frozen": frames[:1] * len(frames),
        "shuffled": [frames[n] for n in (6, 1, 8, 3, 0, 7, 2, 5, 4)],
    }
    for name, video in videos.items():
        with VideoWriter(folder / f"{name}.mp4", rate=FPS, crf=4) as writer:
            for frame in video:
                writer.write(frame)
    outputs = {name: folder / f"{name}.mp4" for name in videos if name != "truth"}
    found = score_methods(outputs, folder / "truth.mp4", options=ScoreOptions(faces=False))
    return {each.row.method: each.row for each in found}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("alike", "Nothing stands out."),
        ("faceless", "No face was found in 100 % of the frames in which the real video shows one."),
        ("smeared", "The person is blurred: 0."),
        ("frozen", "The person stands still in 100 % of the frames in which the real person moves."),
        ("shuffled", "The person jumps in "),
    ],
)
def test_the_first_sentence_names_the_fault(scored, fault, sentence):
    told = headline(Report("score", {}, rows=[scored[fault]]))
    assert told[0].startswith(sentence), told


def test_faces_and_hands_have_rows_of_their_own(scored):
    values, series = scored["alike"].values, scored["alike"].series
    for region in ("face", "hands"):
        assert values["found_again"][region].mean > 0.9 and values["sharpness"][region].mean > 0.95
        assert values["point_error"][region].mean < 0.1 and values["st_lpips_alex"][region].mean < 0.02
        assert len(series["found_again"][region]) == 9
    assert "face" not in scored["faceless"].values["point_error"]
    assert scored["faceless"].values["found_again"]["hands"].mean > 0.9
    smeared = scored["smeared"].values["sharpness"]
    assert smeared["person"].mean < 0.5 and smeared["face"].mean > 0.95


def test_what_is_pooled_has_an_interval_and_no_drift(scored):
    row = scored["smeared"]
    for name in ("fd_efficientnet_lite0", "kd_efficientnet_lite0"):
        for region in ("whole", "person"):
            found, series = row.values[name][region], row.series[name][region]
            assert found.low < found.mean < found.high and np.mean(series) == pytest.approx(found.mean)
    assert not row.drift


def test_a_face_is_what_has_eyes_nose_and_mouth(shots):
    square = head_square(shots[0].keypoints, shots[0].scores)
    real, blank = (cut_square(frame, square) for frame in (shots[0].rgb, faceless(shots[0])))
    points = find_face(real, sure=True)
    assert points.shape == (468, 2) and find_face(blank) is None and find_hand(np.zeros_like(real)) is None
    assert point_error(points, points) == 0 and point_error(points + [3, 4], points) < 0.1


def test_several_clips_count_alike_and_the_slight_is_called_slight():
    def row(clip, sharp):
        return Row("perfclone", clip, 40, 20.0, values={"sharpness": {"person": Interval(sharp, n=40)}})

    assert worst([row("a", 0.2), row("b", 0.5)]) == "The person is blurred: 0.35 of the real sharpness."
    assert (
        worst([row("a", 0.9)])
        == "Nothing stands out. The least good: the person is blurred: 0.90 of the real sharpness."
    )
    assert worst([row("a", 1.0)]) == "Nothing stands out." and worst([Row("perfclone", "a", 40, 20.0)]) == ""
