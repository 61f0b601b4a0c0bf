import numpy as np
import pytest
import torch

from eval.benchmark.baselines import Pix2Pix, UNet, nearest, patch_discriminator, resnet_9blocks, skeletons
from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS, PoseSequence

STANDING = {
    "nose": (0, -1.5), "neck": (0, -1), "right_shoulder": (-0.4, -1), "right_elbow": (-0.5, -0.5),
    "right_wrist": (-0.55, 0), "left_shoulder": (0.4, -1), "left_elbow": (0.5, -0.5), "left_wrist": (0.55, 0),
    "right_hip": (-0.2, 0), "right_knee": (-0.22, 0.9), "right_ankle": (-0.22, 1.7),
    "left_hip": (0.2, 0), "left_knee": (0.22, 0.9), "left_ankle": (0.22, 1.7),
}  # fmt: skip


def sequence(lifts, scale=12.0, centre=(32, 30), size=(64, 64)):
    """One pose for each lift: the right wrist is that many torso lengths above the hip."""
    keypoints, scores = np.zeros((len(lifts), len(KEYPOINTS), 2)), np.zeros((len(lifts), len(KEYPOINTS)))
    for name, place in STANDING.items():
        keypoints[:, INDEX[name]], scores[:, INDEX[name]] = place, 1
    keypoints[:, INDEX["right_wrist"], 1] -= lifts
    placed = (keypoints * scale + centre).astype(np.float32)
    return PoseSequence(placed, scores.astype(np.float32), np.arange(len(lifts)) / 25, size)


def pairs(count=4, size=32):
    """Blobs on black, and the same blobs in another colour over a gradient: a task that can be learnt in a moment."""
    pictures, frames = np.zeros((2, count, size, size, 3), np.uint8)
    frames[..., 2] = np.linspace(0, 200, size, dtype=np.uint8)
    for t in range(count):
        pictures[t, 6:20, 4 * t : 4 * t + 10] = (255, 0, 80)
        frames[t, 6:20, 4 * t : 4 * t + 10] = (40, 220, 90)
    return pictures, frames


def weights(network):
    return sum(p.numel() for p in network.parameters())


def test_networks_have_the_weights_of_the_public_code():
    assert weights(UNet()) == 54_413_955
    assert weights(resnet_9blocks()) == 11_383_427
    assert weights(patch_discriminator()) == 2_768_705


def test_networks_map_pictures_to_pictures_and_patches():
    x = torch.zeros(1, 3, 64, 64)
    assert UNet(levels=6, width=4).eval()(x).shape == x.shape
    assert resnet_9blocks(width=4).eval()(x).shape == x.shape
    assert patch_discriminator(width=4).eval()(torch.zeros(1, 6, 256, 256)).shape == (1, 1, 30, 30)


def test_a_patch_logit_sees_70_pixels():
    network = patch_discriminator(width=4).eval()
    x = torch.zeros(1, 6, 256, 256, requires_grad=True)
    network(x)[0, 0, 15, 15].backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 70


def test_pix2pix_learns_and_the_pose_decides():
    pictures, frames = pairs()
    model = Pix2Pix(levels=5, width=16, seed=1)
    before = np.abs(np.stack(list(model.render(pictures))).astype(int) - frames).mean()
    result = model.fit(pictures, frames, steps=80)
    after = np.stack(list(model.render(pictures))).astype(int)
    assert result.steps == 80 and result.minutes > 0
    errors = np.abs(after[:, None] - frames[None]).mean((2, 3, 4))
    assert errors.diagonal().mean() < 0.5 * before
    assert (errors.argmin(1) == np.arange(4)).all()


def test_pix2pix_repeats_itself_with_the_same_seed():
    pictures, frames = pairs(2)
    runs = []
    for seed in (3, 3, 4):
        model = Pix2Pix(levels=5, width=4, seed=seed)
        model.fit(pictures, frames, steps=3)
        runs.append(np.stack(list(model.render(pictures))))
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()


def test_rendering_is_steady():
    pictures, _ = pairs(1)
    model = Pix2Pix(levels=6, width=4)
    first, second = model.render(np.repeat(np.repeat(np.repeat(pictures, 2, 0), 2, 1), 2, 2))
    assert (first == second).all()


def test_pix2pix_stops_when_its_minutes_are_over():
    pictures, frames = pairs(2)
    seen = []
    result = Pix2Pix(levels=5, width=4).fit(pictures, frames, minutes=1 / 60, progress=lambda *x: seen.append(x))
    assert 1 / 60 <= result.minutes < 3 / 60
    assert len(seen) == result.steps and seen[0][2] == 1 and seen[-1] == ("train", 1, 1)


def test_pix2pix_refuses_pairs_that_do_not_match():
    pictures, frames = pairs()
    with pytest.raises(UserError, match="as many skeletons"):
        Pix2Pix(levels=5, width=4).fit(pictures[:3], frames, steps=1)
    with pytest.raises(UserError, match="either minutes"):
        Pix2Pix(levels=5, width=4).fit(pictures, frames)


def test_nearest_finds_the_pose_whatever_its_place_and_size():
    reference = sequence(np.array([0.0, 0.5, 1.0, 1.5]))
    wanted = sequence(np.array([1.45, 0.1, 0.9]), scale=7, centre=(20, 40))
    assert nearest(reference, wanted).tolist() == [3, 0, 2]


def test_skeletons_show_the_body_where_it_is():
    pytest.importorskip("controlnet_aux")
    poses = sequence(np.array([0.0, 1.5]))
    drawn = skeletons(poses)
    assert drawn.shape == (2, 64, 64, 3) and drawn.dtype == np.uint8
    lifted = poses.keypoints[1, INDEX["right_wrist"]].astype(int)
    assert drawn[1, lifted[1], lifted[0]].any() and not drawn[0, lifted[1], lifted[0]].any()
