from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import exemplars

from perfclone.backends.layered.conditioning import Conditioning
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.parts import LEAST_LENGTH, LIMBS, PARTS
from perfclone.backends.layered.textured import NeuralTextures, TexturedGenerator
from perfclone.pose import INDEX, KEYPOINTS

SIDE = 32
SIZES = GeneratorConfig(SIDE, (8, 16), texture_channels=3, texture_side=4)


def standing(side=SIDE):
    """A person with arms out, (J, 2) pixels in a crop of the given side."""
    places = {
        "nose": (0.5, 0.14), "neck": (0.5, 0.25), "right_shoulder": (0.4, 0.26), "left_shoulder": (0.6, 0.26),
        "right_elbow": (0.28, 0.27), "left_elbow": (0.72, 0.27),
        "right_wrist": (0.16, 0.27), "left_wrist": (0.84, 0.27),
        "right_hip": (0.44, 0.52), "left_hip": (0.56, 0.52), "right_knee": (0.43, 0.7), "left_knee": (0.57, 0.7),
        "right_ankle": (0.42, 0.9), "left_ankle": (0.58, 0.9), "right_eye": (0.48, 0.12), "left_eye": (0.52, 0.12),
        "right_ear": (0.46, 0.13), "left_ear": (0.54, 0.13), "right_heel": (0.42, 0.92), "left_heel": (0.58, 0.92),
        "right_toe": (0.38, 0.94), "left_toe": (0.62, 0.94), "right_thumb": (0.14, 0.25), "right_index": (0.12, 0.27),
        "right_pinky": (0.12, 0.28), "left_thumb": (0.86, 0.25),
        "left_index": (0.88, 0.27), "left_pinky": (0.88, 0.28),
    }  # fmt: skip
    return torch.tensor([places[name] for name in KEYPOINTS]) * side


def window(now, before=None, after=None):
    poses = torch.stack([now if before is None else before, now, now if after is None else after])[None]
    return poses, torch.ones(1, 3, len(KEYPOINTS), dtype=torch.bool), torch.tensor([0.27 * SIDE])


def copyist(config=SIZES):
    """A generator with exemplars, whose last layer says something too."""
    torch.manual_seed(0)
    made = Generator(config)
    made.exemplars = exemplars(SIDE)
    torch.nn.init.normal_(made.unet.leave.weight, 0, 0.05)
    return made.eval()


@pytest.fixture(params=["copies", "textures"])
def generator(request):
    torch.manual_seed(0)
    return copyist() if request.param == "copies" else TexturedGenerator(SIZES).eval()


def at(maps, x, y):
    """Index of the map pixel that holds a crop pixel."""
    return int(y / 2) * (SIDE // 2) + int(x / 2)


def test_maps_are_largest_on_their_part_and_u_runs_along_it():
    poses, seen, scale = window(standing())
    maps = Conditioning(SIDE)(poses, seen, scale)
    assert maps.uv.shape == (1, (SIDE // 2) ** 2, PARTS, 2) and maps.weight.shape == maps.uv.shape[:3]
    upper_arm = 1  # left shoulder to left elbow
    a, b = standing()[INDEX["left_shoulder"]], standing()[INDEX["left_elbow"]]
    middle = (a + b) / 2
    near = at(maps, *middle.tolist())
    assert maps.weight[0, near, upper_arm] > 0.7
    assert maps.weight[0, at(maps, 1, SIDE - 1), upper_arm] < 1e-3
    along = maps.uv[0, :, upper_arm, 0]
    assert along[at(maps, *(b - 1).tolist())] > along[at(maps, *(a + 1).tolist())]
    assert (maps.share.sum(-1) <= 1 + 1e-5).all()


def test_front_and_back_have_opposite_torso_coordinates():
    front = standing()
    back = front.clone()
    for name in ("shoulder", "hip"):
        r, left = INDEX[f"right_{name}"], INDEX[f"left_{name}"]
        back[[r, left]] = front[[left, r]]
    conditioning, pixel = Conditioning(SIDE), None
    signs = []
    for pose in (front, back):
        maps = conditioning(*window(pose))
        pixel = at(maps, 0.55 * SIDE, 0.4 * SIDE)
        signs.append(maps.uv[0, pixel, PARTS - 2, 0])
    assert signs[0] * signs[1] < 0


def test_maps_move_with_the_body():
    shift = torch.tensor([4.0, 2.0])
    still = Conditioning(SIDE)(*window(standing()))
    moved = Conditioning(SIDE)(*window(standing() + shift))
    picture = lambda maps: maps.weight[0].view(SIDE // 2, SIDE // 2, PARTS)  # noqa: E731
    assert torch.allclose(picture(still)[:-1, :-2], picture(moved)[1:, 2:], atol=1e-4)


def test_motion_says_where_the_pixel_was():
    shift = torch.tensor([3.0, -1.0])
    poses, seen, scale = window(standing(), before=standing() - shift, after=standing() + shift)
    maps = Conditioning(SIDE)(poses, seen, scale)
    pixel = at(maps, 0.5 * SIDE, 0.4 * SIDE)
    whole = maps.share[0, pixel].sum() * torch.cat([-shift, shift]) / scale
    assert torch.allclose(maps.motion[0, pixel], whole, atol=1e-4)


@pytest.mark.parametrize("length", [0.0, 0.3, 1.0])
def test_a_limb_that_points_at_the_camera_is_nowhere_but_there(length):
    pose = standing()
    elbow, wrist = (INDEX[f"left_{joint}"] for joint in ("elbow", "wrist"))
    pose[wrist] = pose[elbow] + torch.tensor([0.6, 0.8]) * length
    poses, seen, scale = window(pose)
    conditioning = Conditioning(SIDE)
    maps, forearm = conditioning(poses, seen, scale), LIMBS.index(("left_elbow", "left_wrist"))
    away = (conditioning.pixels[:, :2] - pose[elbow]).norm(dim=-1)
    apart = (maps.reach[0, :, forearm].sqrt() * scale - away).abs()
    assert apart.max() <= LEAST_LENGTH + 1e-3


def test_an_unseen_joint_takes_its_parts_away():
    poses, seen, scale = window(standing())
    seen[:, :, INDEX["left_elbow"]] = False
    maps = Conditioning(SIDE)(poses, seen, scale)
    assert maps.weight[0, :, 1].max() == 0 and maps.weight[0, :, 3].max() == 0 and maps.weight[0, :, 0].max() > 0.5


def test_textures_equal_grid_sample():
    torch.manual_seed(0)
    textures = NeuralTextures(3, 5)
    maps = Conditioning(SIDE)(*window(standing()))
    got = textures(maps)
    table = textures.texels.view(PARTS, 5, 5, 3).permute(0, 3, 1, 2)
    grid = maps.uv[0].permute(1, 0, 2)[:, :, None]
    want = torch.nn.functional.grid_sample(table, grid, align_corners=True, padding_mode="border")[..., 0]
    place = (maps.uv * 0.5 + 0.5) * 4
    inside = ((place > -1) & (place < 5)).all(-1) & (maps.share > NeuralTextures.least_share)
    blended = (want.permute(2, 0, 1) * (maps.share * inside)[0][..., None]).sum(1)
    assert torch.allclose(got[0], blended, atol=1e-5)


def test_gradients_reach_the_whole_network(generator):
    layers, *_ = generator(*window(standing()))
    layers.over(torch.rand(1, 3, SIDE, SIDE)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())


def test_before_it_has_learnt_anything_it_copies_and_no_more():
    made = Generator(replace(SIZES, resolution=64))
    made.exemplars = held = exemplars(64)
    now, scale = (held.keypoints[2:3] + 1) * 32, held.scale[2:3] * 32
    poses = now[:, None].expand(-1, 3, -1, -1), (held.seen[2:3] > 0)[:, None].expand(-1, 3, -1)
    layers, *_ = made(*poses, scale)
    there = held.pictures[2:3, 3:] > 0.99
    apart = (layers.colour - held.pictures[2:3, :3]).abs() * there
    assert apart.sum() / (3 * there.sum()) < 0.03 and layers.alpha[there].mean() > 0.93
    assert (layers.shadow == 1).all()


def test_layers_have_their_ranges_and_the_plate_shows_where_nobody_is(generator):
    layers, *_ = generator(*window(standing()))
    for layer, channels in zip(layers, (3, 1, 1)):
        assert layer.shape == (1, channels, SIDE, SIDE) and layer.min() >= 0 and layer.max() <= 1
    plate = torch.rand(1, 3, SIDE, SIDE)
    empty = layers._replace(alpha=torch.zeros_like(layers.alpha), shadow=torch.ones_like(layers.shadow))
    assert torch.equal(empty.over(plate), plate)


def test_the_previous_output_matters(generator):
    poses, past = window(standing()), torch.rand(1, 4, SIDE, SIDE)
    assert not torch.equal(generator(*poses, memory=past)[0].colour, generator(*poses)[0].colour)


def test_without_a_window_the_neighbours_do_not_matter():
    blind = copyist(replace(SIZES, window=False))
    a, b = window(standing()), window(standing(), before=standing() + 3)
    assert torch.equal(blind(*a)[0].colour, blind(*b)[0].colour)


def test_a_resolution_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 4"):
        GeneratorConfig(34, (8, 16))


def test_a_batch_is_its_frames(generator):
    a, b = window(standing()), window(standing() + 2)
    both, *_ = generator(*(torch.cat(pair) for pair in zip(a, b)))
    single, *_ = generator(*b)
    assert np.allclose(both.colour[1].detach(), single.colour[0].detach(), atol=1e-4)
