"""What moves along with the body from frame to frame: the noise, and the correction of the frame before."""

import numpy as np
import pytest
import torch
from tiny import SIZE, poses

from perfclone.backends.diffusion.moving import moved
from perfclone.backends.diffusion.noise import BodyNoise
from perfclone.backends.layered.conditioning import Conditioning
from perfclone.backends.layered.parts import LIMBS
from perfclone.backends.layered.recurrence import Step
from perfclone.pose.body import measure_body
from perfclone.pose.skeleton import INDEX

#: Sides of G's crop and of the latents, and how large anna is in them.
CROP, SIDE = 256, 32
ZOOM = 1.4
TORSO = measure_body(poses()).torso * ZOOM


def pose(n=5):
    """(J, 2) anna in the middle of the crop."""
    return torch.from_numpy((poses().keypoints[n] - SIZE / 2) * ZOOM + CROP / 2)


def step(now, before=None):
    """What is known of a frame with this pose, all of it seen."""
    window = torch.stack([now if before is None else before, now, now])[None].float()
    seen, scale = torch.ones(window.shape[:3], dtype=torch.bool), torch.tensor([TORSO], dtype=torch.float32)
    maps = Conditioning(CROP)(window, seen, scale)
    return Step(None, maps, window[:, 1], seen[:, 1], scale, None, None, None, CROP)


def on_body(maps, side):
    """(side, side) bool, where surely somebody is."""
    weight = maps.weight.max(-1).values.view(1, 1, CROP // 2, CROP // 2)
    return torch.nn.functional.avg_pool2d(weight, CROP // 2 // side)[0, 0] > 0.5


def noises(now, count=24):
    """(count, 4, SIDE, SIDE) of as many seeds."""
    maps = step(now).maps
    return torch.cat([BodyNoise(4, SIDE, TORSO * SIDE / CROP, seed).of(maps) for seed in range(count)])


def turned(points, degrees, pivot=CROP / 2):
    """Points (N, 2) turned about another, usually the middle of the crop."""
    angle = np.deg2rad(degrees)
    turn = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=points.dtype)
    return (points - pivot) @ turn + pivot


@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_the_noise_is_white(degrees):
    now = turned(pose(), degrees)
    noise, body = noises(now), on_body(step(now).maps, SIDE)
    assert body.sum() > 80
    assert abs(float(noise[:, :, body].mean())) < 0.03 and abs(float(noise[:, :, body].var()) - 1) < 0.05
    for a, b, both in (
        (noise[:, :, 1:], noise[:, :, :-1], body[1:] & body[:-1]),
        (noise[..., 1:], noise[..., :-1], body[:, 1:] & body[:, :-1]),
        (noise[:, :, 1:, 1:], noise[:, :, :-1, :-1], body[1:, 1:] & body[:-1, :-1]),
    ):
        assert abs(float((a * b)[:, :, both].mean())) < 0.05


def test_a_body_that_only_translates_takes_its_noise_along():
    place = CROP // SIDE
    body, before = on_body(step(pose()).maps, SIDE), noises(pose(), 4)
    after = noises(pose() + torch.tensor([2 * place, -place]), 4)
    before, after = before[..., 1:, :-2][..., body[1:, :-2]], after[..., :-1, 2:][..., body[1:, :-2]]
    assert float((before - after).abs().lt(1e-5).float().mean()) > 0.97  # some lie on the border of a texel
    assert float((before * after).mean()) > 0.97


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_by_a_part_of_a_place_the_noise_changes_by_degrees(share):
    body, before = on_body(step(pose()).maps, SIDE), noises(pose())
    after = noises(pose() + torch.tensor([share * CROP / SIDE, 0]))
    kept = float((before * after)[..., body].mean())
    assert 0.8 * (1 - share) < kept < 1.02


def test_around_the_body_the_noise_stays_where_it_is():
    before, after = noises(pose(), 1), noises(pose() + 8, 1)
    torch.testing.assert_close(before[..., :2, :], after[..., :2, :], rtol=0, atol=0)
    assert abs(float(before[..., :2, :].var()) - 1) < 0.3


def places(side):
    """(1, 2, side, side) a picture that says where it is, crop pixels."""
    line = (torch.arange(side) + 0.5) * (CROP / side)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


@pytest.mark.parametrize("side", [64, 256])
def test_what_lay_on_a_body_that_translates_moves_as_far(side):
    shift = torch.tensor([7.3, -4.6])
    now = pose()
    fetched = moved(
        places(side), step(now, now - shift), (now - shift)[None], torch.ones(1, len(now), dtype=torch.bool)
    )
    body = on_body(step(now).maps, 64).repeat_interleave(side // 64, 0).repeat_interleave(side // 64, 1)
    off = (fetched - (places(side) - shift.view(1, 2, 1, 1)))[0][:, body].norm(dim=0)
    assert off.max() < 0.1


def test_joints_on_one_another_move_nothing_out_of_the_world():
    now = pose()
    for unseen in (False, True):
        seen = torch.full((1, len(now)), not unseen)
        fetched = moved(places(64), step(now), torch.zeros_like(now)[None], seen)
        assert fetched.isfinite().all()
        assert not unseen or torch.allclose(fetched, places(64), atol=0.01)


@pytest.mark.parametrize("joint, limb, ends", [
    ("elbow", ("elbow", "wrist"), ("wrist", "index", "pinky", "thumb")),
    ("hip", ("hip", "knee"), ("knee", "ankle", "heel", "toe")),
])  # fmt: skip
def test_what_lay_on_a_limb_that_turns_turns_with_it(joint, limb, ends):
    off, far = turning(pose(), joint, limb, ends)
    assert len(off) > 200 and far.max() > 4
    assert off.mean() < 0.2 and off.quantile(0.9) < 0.6


def test_an_arm_before_the_trunk_does_not_drag_it_along():
    now, ends = pose(), ("wrist", "index", "pinky", "thumb")
    middle = now[[INDEX["left_shoulder"], INDEX["right_hip"]]].mean(0)
    now[[INDEX[f"left_{end}"] for end in ends]] += middle - now[INDEX["left_wrist"]]
    off, far = turning(now, "elbow", ("elbow", "wrist"), ends)
    assert far.mean() > 3 and off.mean() < 0.6


def turning(now, joint, limb, ends, degrees=12):
    """How far from the truth what lay on a limb is fetched, and how far from itself the truth is, crop pixels each."""
    pivot, rest = now[INDEX[f"left_{joint}"]], [INDEX[f"left_{end}"] for end in ends]
    before = now.clone()
    before[rest] = turned(now[rest], degrees, pivot)
    what = step(now, before)
    weight, part = what.maps.weight[0].max(-1)
    sure = (weight > 0.3) & (part == LIMBS.index(tuple(f"left_{end}" for end in limb)))
    sure = sure.view(CROP // 2, CROP // 2).repeat_interleave(2, 0).repeat_interleave(2, 1)
    here = places(CROP)[0][:, sure].T
    fetched = moved(places(CROP), what, before[None], torch.ones(1, len(now), dtype=torch.bool))[0][:, sure].T
    truth = turned(here, degrees, pivot)
    return (fetched - truth).norm(dim=1), (here - truth).norm(dim=1)
