"""Pictures larger than G's crop: the same person, worked out only where there is somebody, and as sharp as filmed."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny import exemplars, poses, untrained_actor

from perfclone.backends.layered.crop import Box, Window, enlarged, resized
from perfclone.backends.layered.generator import LEADING, shares
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.backends.layered.painting import Layers
from perfclone.backends.layered.pictures import Filmed, ready

SIDE = 64
PART = Window(slice(16, 48), slice(8, 40), SIDE)


def painted(size):
    """The layers of a moment, at G's own size (None) or another, by an actor who only copies."""
    actor, (before, now, after) = untrained_actor(), list(poses(3).moments())
    torch.nn.init.zeros_(actor.generator.unet.leave.weight)
    painter = LayeredPainter(actor, device="cpu")
    painter._large = lambda box: size
    box = painter._box(None, now.pose)
    return painter._step([before.pose, now.pose, after.pose], box, None).layers, actor.config.generator.resolution


@pytest.mark.parametrize("size", [96, 97])
def test_a_larger_picture_shows_the_same_person(size):
    small, side = painted(None)
    large, _ = painted(size)
    assert large.window.side == size and min(large.window.shape) < size, "only where there is somebody"
    whole = Window(slice(0, size), slice(0, size), size)
    same, other = (torch.cat([layers.alpha * layers.colour, layers.alpha, layers.shadow], 1) for layers in (
        small, large.covering(whole)))  # fmt: skip
    apart = (F.interpolate(other, size=(side, side), mode="area") - same).abs()
    assert apart[:, 3].mean() < 0.02 and apart[:, :3].mean() < 0.02 and apart[:, 4].max() < 0.02


def test_a_larger_picture_tells_the_next_frame_what_a_small_one_tells():
    small, side = painted(None)
    large, _ = painted(96)
    assert (large.memory(side) - small.memory(side)).abs().mean() < 0.02


def test_layers_of_a_window_are_laid_over_the_plate_as_those_of_the_whole_crop_are():
    painter, whole = LayeredPainter(untrained_actor(), device="cpu"), Window(slice(0, SIDE), slice(0, SIDE), SIDE)
    shape = (1, 1, *PART.shape)
    alpha = F.pad(torch.rand(shape)[..., 4:-4, 4:-4], (4, 4, 4, 4))
    part = Layers(torch.rand(1, 3, *PART.shape), alpha, torch.ones(shape), PART)
    all_of_it = part.covering(whole)._replace(window=None)
    for box in (Box(10, 20, SIDE), Box(-20, 30, 96), Box(60, 60, 48), Box(300, 0, SIDE)):
        assert np.array_equal(painter.composite(part, box), painter.composite(all_of_it, box)), box
    assert torch.equal(part.covering(whole).covering(PART).colour, part.colour)


@pytest.mark.parametrize("side", [80, 96, 97, 128])
def test_a_window_is_enlarged_as_the_whole_is(side):
    x, window = torch.rand(2, 3, 32, 32), Window(slice(9, 41), slice(30, 77), side)
    whole = F.interpolate(x, size=(side, side), mode="bilinear")
    assert torch.allclose(enlarged(x, window), whole[..., window.rows, window.columns], atol=1e-4)


def test_pictures_shrink_by_area():
    x = torch.rand(1, 2, 64, 48)
    assert torch.allclose(resized(x, 16, 24), F.interpolate(x, size=(16, 24), mode="area"), atol=1e-5)


def test_an_accelerator_fetches_what_a_cpu_fetches():
    filmed = Filmed(exemplars(SIDE).decoded(), torch.device("cpu"))
    y, x = torch.meshgrid(*2 * (torch.linspace(-0.8, 1.1, 70),), indexing="ij")
    grid = torch.stack([x + 0.1 * y, y], -1)[None].expand(2, -1, -1, -1)
    by_opencv = filmed(torch.tensor([1, 4]), grid)
    filmed.on_device = [torch.from_numpy(each) for each in filmed.pictures]
    by_torch = filmed(torch.tensor([1, 4]), grid)
    assert by_opencv.mean() > 0.05 and (by_opencv - by_torch).abs().mean() < 0.003
    assert (by_opencv - by_torch).abs().max() < 0.06, "OpenCV counts places in 32nds of a pixel"


def energy(picture):
    return np.square(cv2.Laplacian(picture[4:-4, 4:-4, :3].astype(np.float32), cv2.CV_32F)).mean()


def test_what_lies_between_pixels_stays_as_sharp_as_it_was_filmed():
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 90, (96, 96, 3)), None, 0.7) + 128
    picture = np.dstack([noise.clip(0, 255).astype(np.uint8), np.full((96, 96), 255, np.uint8)])
    y, x = np.mgrid[:96, :96].astype(np.float32)
    plain, sharp = [], []
    for right, down in np.random.default_rng(1).random((16, 2)).astype(np.float32):
        for kept, each in ((plain, picture), (sharp, ready(picture))):
            kept.append(energy(cv2.remap(each, x + right, y + down, cv2.INTER_CUBIC)) / energy(picture))
    assert np.mean(plain) < 0.85 and abs(np.mean(sharp) - 1) < abs(np.mean(plain) - 1) and np.mean(sharp) < 1.1


def test_edges_are_not_sharpened():
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 4), np.uint8)
    picture[:, 16:, 3] = 255
    made = ready(picture)
    straight = np.rint(picture[..., :3] / 255.0 * picture[..., 3:])
    assert np.abs(made[:, :17, :3] - straight[:, :17]).max() <= 1 and np.array_equal(made[..., 3], picture[..., 3])
    assert (made[1:-1, 18:-1, :3] != straight[1:-1, 18:-1]).mean() > 0.5


def test_one_of_two_copies_leads_in_a_large_picture_and_hands_over_gradually():
    share = torch.linspace(0, 1, 501)
    trust = torch.stack([share, 1 - share], -1)[..., None, None]
    take = shares(torch.zeros_like(trust), trust, LEADING)[:, 0, 0, 0]
    assert take[share >= 0.6].min() > 0.99 and take[share <= 0.4].max() < 0.01
    assert take[250] == 0.5 and take.diff().abs().max() < 0.05 and (take.diff() >= 0).all()
