from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from perfclone.pose import INDEX, Pose, build_extractor, extract
from perfclone.pose.crop import Crop
from perfclone.pose.extractor import CloserExtractor
from perfclone.pose.face import face_crop, head_angles
from perfclone.pose.hands import HandFinder, arm_length, around

eval_synthetic = pytest.importorskip("eval.synthetic.render")
SIZE = 512
WRISTS = [INDEX["right_wrist"], INDEX["left_wrist"]]


@pytest.fixture(scope="module")
def clip():
    """Four frames of a synthetic person, large enough for a face of 25 pixels."""
    from eval.synthetic.motions import motion

    scene = eval_synthetic.Scene("ben", SIZE, samples=1)
    shots = [scene.render(frame) for frame in motion("walk", 10, 1.0)[:4]]
    return [SimpleNamespace(pixels=shot.rgb, time=i / 10, truth=shot) for i, shot in enumerate(shots)]


@pytest.fixture(scope="module")
def found(clip):
    return [pose for _, pose, _ in extract(build_extractor("blazepose"), clip)]


def test_face_hands_and_depths_are_found_where_they_are(clip, found):
    for shot, pose in zip(clip, found):
        details, true = pose.details, shot.truth.keypoints
        torso = np.linalg.norm(true[INDEX["neck"]] - true[[INDEX["right_hip"], INDEX["left_hip"]]].mean(0))
        assert details.face_score == 1 and np.abs(details.head).max() < np.radians(35)
        assert 0 <= details.expression.min() and details.expression.max() <= 1
        assert (details.hand_scores >= 0.5).all()
        assert np.linalg.norm(details.hands[:, 0] - true[WRISTS], axis=1).max() < 0.2 * torso
        assert np.abs(details.depths[[INDEX["right_hip"], INDEX["left_hip"]]].sum()) < 0.05 * torso
    assert np.std([pose.details.depths[INDEX["right_ankle"]] for pose in found]) > 1


def test_a_closer_look_places_the_face_more_exactly(clip, found):
    near = [i for name, i in INDEX.items() if name.split("_")[-1] in ("nose", "eye", "ear")]
    plain = [pose for _, pose, _ in extract(build_extractor("blazepose", details=False), clip)]
    seen = np.array([shot.truth.scores[near] == 1 for shot in clip])
    true = np.array([shot.truth.keypoints[near] for shot in clip])
    closer, before = (np.array([pose.keypoints[near] for pose in poses]) - true for poses in (found, plain))
    assert np.median(np.hypot(*closer[seen].T)) < 0.6 * np.median(np.hypot(*before[seen].T))


def test_the_same_clip_gives_the_same_details_and_none_where_none_are_wanted(clip, found):
    for pose, other in zip(found, extract(build_extractor("blazepose"), clip)):
        assert all(np.array_equal(a, getattr(other.pose.details, n)) for n, a in pose.details.arrays().items())
    extractor = build_extractor("blazepose", details=False)
    assert isinstance(extractor, CloserExtractor)
    for pose, plain in zip(found, extract(extractor, clip)):
        assert np.array_equal(pose.scores, plain.pose.scores) and plain.pose.details.depths.any()
        assert np.array_equal(pose.keypoints[WRISTS], plain.pose.keypoints[WRISTS])
        assert not plain.pose.details.face_score and not plain.pose.details.hand_scores.any()


def test_faces_and_hands_that_are_small_or_not_seen_are_not_looked_at(found):
    far = replace(found[0], keypoints=found[0].keypoints / 4)
    assert face_crop(found[0]) is not None and arm_length(found[0], 0) > 27
    assert face_crop(far) is None and arm_length(far, 0) < 27
    assert face_crop(Pose.missing()) is None and arm_length(Pose.missing(), 1) == 0


def test_a_hand_is_followed_and_forgotten(clip, found):
    hands, looks = HandFinder(), []
    look, hands._look = hands._look, lambda picture: looks.append(1) or look(picture)
    for shot, pose in zip(clip, found):
        assert all(hands(shot.pixels, pose))
    hands(np.zeros_like(clip[0].pixels), found[0])
    assert len(looks) == 2 * 4 + 2 * 2  # one look at each hand while it is followed, a second one where it is lost
    hands.close()


def test_angles_of_a_head_are_those_it_was_turned_by():
    def turn(axis, angle):
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        matrix = np.eye(3)
        matrix[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        return matrix

    for yaw, pitch, roll in ((0.5, 0, 0), (0, 0.4, 0), (0, 0, 0.3), (-0.7, 0.2, -1.0)):
        rotation = 1.3 * turn(1, yaw) @ turn(0, pitch) @ turn(2, -roll)
        assert np.allclose(head_angles(rotation), (yaw, pitch, roll), atol=1e-6)
    assert turn(1, 0.5)[0, 2] > 0 and turn(0, 0.4)[1, 2] < 0 and turn(2, -0.3)[0, 1] > 0  # right, down, right


def test_crops_show_what_lies_there_upright():
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[95:105, 205:215] = 255
    for side, angle in ((60.0, 0.0), (300.0, 0.7), (900.0, -2.0)):
        crop = Crop(np.array([190.0, 90.0]), side, angle)
        picture = crop.picture(frame, 100)[..., 0].astype(float)
        rows, columns = np.indices(picture.shape) + 0.5
        centre = np.array([(columns * picture).sum(), (rows * picture).sum()]) / picture.sum() / 100
        assert np.linalg.norm(crop.to_frame(centre) - (210, 100)) < 0.02 * side
        assert np.allclose(crop.to_frame(crop.to_crop(np.array([[3.0, 4.0]]))), [[3, 4]])
    hand = np.random.default_rng(0).uniform(100, 120, (21, 2))
    hand[0], hand[[5, 9, 13]] = (100, 110), (120, 110)  # fingers to the right
    assert around(hand).to_crop(hand[9])[1] < 0.5 < around(hand).to_crop(hand[0])[1]
    assert not Crop(np.array([-500.0, 0.0]), 20.0).picture(frame, 10).any()
