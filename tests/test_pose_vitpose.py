import numpy as np
import pytest
import torch
import transformers as hf

from perfclone.errors import UserError
from perfclone.pose import BODY_18, INDEX, build_extractor
from perfclone.pose.performer import person_size

SIDE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with tiny random models, saved as their real classes save them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vitpose")
    backbone = hf.VitPoseBackboneConfig(
        image_size=(SIDE, 48), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, out_indices=[2]
    )
    hf.VitPoseForPoseEstimation(hf.VitPoseConfig(backbone_config=backbone, num_labels=17)).save_pretrained(
        folder / "pose"
    )
    hf.VitPoseImageProcessor(size={"height": SIDE, "width": 48}).save_pretrained(folder / "pose")
    resnet = hf.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    detector = hf.RTDetrConfig(
        backbone_config=resnet,
        encoder_in_channels=[8, 8, 8],
        decoder_in_channels=[16, 16, 16],
        encoder_hidden_dim=16,
        d_model=16,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        decoder_layers=1,
        num_queries=6,
        num_denoising=0,
        num_labels=2,
    )
    hf.RTDetrForObjectDetection(detector).save_pretrained(folder / "detector")
    hf.RTDetrImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder / "detector")
    return folder


@pytest.fixture
def everybody(monkeypatch):
    """Let the untrained detector's guesses count."""
    monkeypatch.setattr("perfclone.pose.vitpose.MIN_DETECTION", 0.0)


def noise(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 90, 120, 3), dtype=np.uint8))


def test_a_batch_gives_what_single_frames_give(weights, everybody):
    extractor = build_extractor("vitpose", weights=weights, device="cpu")
    frames = noise(5)
    together, alone = extractor.people(frames), [extractor.people([frame])[0] for frame in frames]
    assert [len(people) for people in together] == [len(people) for people in alone]
    assert sum(len(people) for people in together) > 5
    for a, b in zip(sum(together, []), sum(alone, [])):
        assert np.allclose(a.keypoints, b.keypoints, atol=1e-2) and np.allclose(a.scores, b.scores, atol=1e-5)


def test_coco_joints_become_ours(weights, everybody):
    people = build_extractor("vitpose", weights=weights, device="cpu").people(noise(1))[0]
    assert [person_size(pose) for pose in people] == sorted(map(person_size, people), reverse=True)
    for pose in people:
        shoulders = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
        assert np.allclose(pose.keypoints[INDEX["neck"]], pose.keypoints[shoulders].mean(0), atol=1e-3)
        assert (pose.scores[BODY_18:] == 0).all()
        seen = pose.keypoints[pose.scores > 0]
        assert ((seen >= 0) & (seen < (120, 90))).all()


def test_each_coco_joint_lands_under_its_own_name():
    from perfclone.pose.vitpose import _COCO, _to_pose

    places = np.arange(34, dtype=np.float32).reshape(17, 2)
    pose = _to_pose(places, np.full(17, 0.8, np.float32), (100, 100))
    for name, place in zip(_COCO, places):
        assert (pose.keypoints[INDEX[name]] == place).all()
    outside = _to_pose(places, np.full(17, 0.8, np.float32), (100, 20))
    assert outside.scores[INDEX["right_ankle"]] == 0 < outside.scores[INDEX["nose"]]


def test_frames_without_people_stay_empty(weights, monkeypatch):
    monkeypatch.setattr("perfclone.pose.vitpose.MIN_DETECTION", 0.999)
    extractor = build_extractor("vitpose", weights=weights, device="cpu")
    assert extractor.people(noise(2)) == [[], []]


def test_a_card_that_fills_up_is_said_to_be_full(weights, everybody, monkeypatch):
    extractor = build_extractor("vitpose", weights=weights, device="cpu")

    def fail(**inputs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(extractor._pose, "forward", fail)
    with pytest.raises(UserError, match="is full .*Tried to allocate 2.00 GiB.*--device cpu"):
        extractor.people(noise(1))


def test_without_a_connection_or_with_a_wrong_folder_one_sentence_says_so(tmp_path):
    with pytest.raises(UserError, match="usyd-community/vitpose-base-simple and .*; connect to the Hub once"):
        build_extractor("vitpose")
    with pytest.raises(UserError, match="could not get its weights from .*; connect to the Hub once"):
        build_extractor("vitpose", weights=tmp_path)
