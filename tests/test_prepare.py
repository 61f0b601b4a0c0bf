"""Preparing a reference whose camera moves: each frame in its own pixels, over the plate as its own camera saw it."""

import numpy as np
import pytest

from eval.trouble import TROUBLES, film
from eval.trouble.filming import look_through
from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.training.cutting import _own_boxes
from perfclone.backends.layered.training.prepare import load_reference, prepare_reference
from perfclone.backends.layered.training.watching import _Sampler
from perfclone.pose import Pose, build_extractor
from perfclone.video import Frame, VideoReader

S = 96


class Truly:
    """An extractor that knows the truth of a filmed clip."""

    name, batch = "truth", 1

    def __init__(self, truth):
        self.truth = truth
        self.reset()

    def reset(self):
        self.at = 0

    def people(self, frames):
        poses, mattes, n = self.truth.poses, self.truth.mattes, self.at
        self.at += 1
        return [[Pose(poses.keypoints[n], poses.scores[n], mattes[n])] if self.truth.performing[n] else []]


@pytest.fixture(scope="module", params=["zoom", "shake"])
def prepared(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    truth = film(TROUBLES[request.param], folder / "a.mp4", seconds=2.4, fps=12, height=240)
    prepare_reference(folder / "a.mp4", folder / "r", S, Truly(truth))
    return truth, *load_reference(folder / "r")


def test_the_plate_of_each_frame_is_what_its_camera_saw(prepared):
    truth, facts, footage, plate = prepared
    assert facts.camera == "moving" and plate.shape == (240, 426, 3) and len(footage) == len(truth.poses)
    batch = footage.batch(np.arange(len(footage)), 1)
    background = (batch.mattes < 0.02) & batch.filmed
    off = (batch.frames - batch.plates).abs().mean(2, keepdim=True)
    assert float(off[background].median()) < 0.02 and float(off[background].mean()) < 0.04
    other = (batch.frames - batch.plates.roll(7, 0)).abs().mean(2, keepdim=True)
    assert float(off[background].mean()) < 0.8 * float(other[background].mean()), "each frame has a view of its own"


def test_the_pose_lies_on_the_person_in_every_crop(prepared):
    truth, _, footage, _ = prepared
    for n in range(0, len(footage), 5):
        points = (footage.poses.keypoints[n] - footage.boxes[n, :2]) * (S / footage.boxes[n, 2])
        seen = footage.poses.scores[n] == 1
        x, y = points[seen].clip(0, S - 1).astype(int).T
        assert (footage.mattes[n][y, x] > 100).mean() > 0.85


def test_the_person_keeps_their_size_while_the_camera_zooms(prepared):
    _, facts, footage, _ = prepared
    torso = np.linalg.norm(footage.poses.keypoints[:, 1] - footage.poses.keypoints[:, [8, 11]].mean(1), axis=1)
    assert facts.body.torso == pytest.approx(np.quantile(torso, 0.9), rel=0.08)


def test_a_box_lies_in_the_frame_as_it_does_on_the_plate():
    boxes = np.array([Box(100, 50, 200).array()])
    shifted = np.array([[[1, 0, 12], [0, 1, -7], [0, 0, 1.0]]])
    assert _own_boxes(boxes, shifted).tolist() == [[88, 57, 200]]
    halved = np.array([[[2, 0, 0], [0, 2, 0], [0, 0, 1.0]]])
    assert _own_boxes(boxes, halved).tolist() == [[50, 25, 100]]


def test_somebody_who_stands_behind_all_the_time_does_not_get_into_the_plate(tmp_path):
    truth = film(TROUBLES["bystander_standing"], tmp_path / "a.mp4", seconds=2.5, fps=12, height=240)
    prepare_reference(tmp_path / "a.mp4", tmp_path / "r", S, build_extractor("blazepose", matte=True))
    plate = load_reference(tmp_path / "r")[2].astype(int)
    empty = look_through(truth.plates[0], truth.matrices[0], plate.shape[1::-1]).astype(int)
    with VideoReader(tmp_path / "a.mp4") as reader:
        filmed = np.median([frame.pixels for frame in reader], 0)
    bystander = (np.abs(filmed - empty).mean(-1) > 25) & (truth.mattes.max(0) == 0)
    assert bystander.sum() > 300
    left = np.abs(plate - empty)[bystander].mean() / np.abs(filmed - empty)[bystander].mean()
    assert left < 0.5


@pytest.mark.parametrize(("score", "there"), [(0.45, False), (0.85, True)])
def test_a_post_that_half_looks_like_somebody_is_left_alone(score, there):
    away, here = (np.linspace(start, start + 30, 28)[:, None].repeat(2, 1).astype(np.float32) for start in (10, 60))
    post = Pose(away, np.full(28, score, np.float32), np.zeros((96, 96), np.uint8))

    class Finder:
        people = staticmethod(lambda frames: [[]])
        everybody = staticmethod(lambda pixels: [post])

    sampler = _Sampler(None, build_extractor("blazepose"), set(range(8)))
    sampler._finder = Finder()
    for n in range(8):
        sampler.take(n, Frame(np.zeros((96, 96, 3), np.uint8), n / 8), Pose(here, np.ones(28, np.float32)))
    assert (sampler.standing is not None) == there
