import logging

import numpy as np
import pytest
import torch

from perfclone.errors import UserError
from perfclone.pose import INDEX, build_extractor
from perfclone.pose.openpose import FILES, to_pose
from perfclone.pose.quiet import import_quietly


def flat(state: dict[str, torch.Tensor], strip_prefix: bool) -> dict[str, torch.Tensor]:
    """The state with every tensor zero and stored as one number, so that the files are tiny."""
    return {
        name.partition(".")[2] if strip_prefix else name: torch.zeros(1).expand(value.shape)
        for name, value in state.items()
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with weights of OpenPose's own three networks, all zero."""
    model = import_quietly("controlnet_aux.open_pose.model")
    face = import_quietly("controlnet_aux.open_pose.face")
    folder = tmp_path_factory.mktemp("openpose")
    with torch.device("meta"):
        body, hand = model.bodypose_model().state_dict(), model.handpose_model().state_dict()
    states = flat(body, True), flat(hand, True), flat(face.FaceNet().state_dict(), False)
    for name, state in zip(FILES, states):
        torch.save(state, folder / name)
    return folder


def candidate_and_subset(people: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """OpenPose's own output for people with (18, 2) joints, in pixels of the picture it saw."""
    joints = np.concatenate(people)
    candidate = np.column_stack([joints, np.full(len(joints), 0.9), np.arange(len(joints))])
    subset = [[*range(18 * i, 18 * i + 18), 16.0, 18] for i in range(len(people))]
    return candidate, np.array(subset)


def test_loads_offline_from_a_folder_and_finds_nobody_with_empty_weights(weights, caplog):
    with caplog.at_level(logging.WARNING):
        extractor = build_extractor("openpose", weights=weights, device="cpu")
    assert "non-commercial" in caplog.text
    assert extractor.people([np.zeros((48, 64, 3), np.uint8)]) == [[]]


def test_a_card_that_fills_up_is_said_to_be_full_and_not_that_the_weights_are_wrong(weights, monkeypatch):
    extractor = build_extractor("openpose", weights=weights, device="cpu")

    def fail(*inputs, **options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(extractor._detector, "detect_poses", fail)
    with pytest.raises(UserError, match="is full .*Tried to allocate 2.00 GiB.*--device cpu"):
        extractor.people([np.zeros((48, 64, 3), np.uint8)])
    monkeypatch.setattr(type(extractor._detector), "to", fail)
    with pytest.raises(UserError, match="is full"):
        build_extractor("openpose", weights=weights, device="cpu")


def test_people_come_in_pixels_of_the_frame_largest_first(weights, monkeypatch):
    extractor = build_extractor("openpose", weights=weights, device="cpu")
    detector = extractor._detector
    rng = np.random.default_rng(0)
    small, large = rng.uniform((10, 10), (40, 40), (18, 2)), rng.uniform((100, 20), (300, 250), (18, 2))
    body = type("Body", (), {"format_body_result": staticmethod(detector.body_estimation.format_body_result)})
    body.__call__ = lambda self, image: candidate_and_subset([small, large])
    monkeypatch.setattr(detector, "body_estimation", body())
    ((first, second),) = extractor.people([np.zeros((576, 1024, 3), np.uint8)])
    assert np.allclose(first.keypoints[:18], 2 * large, atol=0.01)  # found in the frame shrunk to 512
    assert np.allclose(second.keypoints[:18], 2 * small, atol=0.01)
    assert (first.scores[:18] == 1).all() and (first.scores[18:] == 0).all()


def test_missing_joints_and_hand_points_have_score_0():
    lib = import_quietly("controlnet_aux.open_pose")
    joints = [lib.Keypoint(0.5, 0.25)] * 18
    joints[INDEX["right_wrist"]] = None
    joints[INDEX["left_ankle"]] = lib.Keypoint(0.5, 1.02)
    hand = [lib.Keypoint(-1 / 200, -1 / 100)] * 21
    hand[3], hand[5] = lib.Keypoint(0.1, 0.2), lib.Keypoint(0.3, 0.4)
    pose = to_pose(lib.PoseResult(lib.BodyResult(joints, 10.0, 17), hand, None, None), 100, 200)
    assert pose.keypoints[INDEX["nose"]].tolist() == [100, 25]
    assert pose.keypoints[INDEX["left_thumb"]].tolist() == [20, 20]
    assert pose.keypoints[INDEX["left_index"]].tolist() == [60, 40]
    for name in ("right_wrist", "left_ankle", "left_pinky", "right_index", "right_heel"):
        assert pose.scores[INDEX[name]] == 0


def test_weights_that_are_missing_or_broken_are_said_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="has no body_pose_model.pth, hand_pose_model.pth, facenet.pth; put all"):
        build_extractor("openpose", weights=tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match="are not the weights of OpenPose"):
        build_extractor("openpose", weights=tmp_path)
    with pytest.raises(UserError, match="could not get its weights from lllyasviel/Annotators"):
        build_extractor("openpose")
