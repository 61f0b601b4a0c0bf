import numpy as np
import pytest
import torch

from perfclone.backends.layered.crop import Box, BoxFollower, carry, person_extent, to_crop, usual_side


@pytest.mark.parametrize("box", [Box(3, 5, 16), Box(-6, 20, 16), Box(30, -4, 16)])
def test_cut_and_paste_at_full_scale_are_exact(box):
    image = np.random.default_rng(0).integers(0, 255, (32, 40, 3), np.uint8)
    crop = box.cut(image, 16)
    inside, rows, columns = box.paste(crop.astype(np.float32), 32, 40)
    assert np.array_equal(inside.astype(np.uint8), image[rows, columns])


@pytest.mark.parametrize("side", [8, 16, 40])
def test_layers_scale_to_any_box(side):
    layers = np.ones((16, 16, 5), np.float32) * np.arange(5, dtype=np.float32)
    inside, rows, columns = Box(0, 0, side).paste(layers, 100, 100)
    assert inside.shape == (side, side, 5) and (rows.stop, columns.stop) == (side, side)
    assert np.allclose(inside, np.arange(5), atol=1e-4)


def test_a_box_outside_the_frame_pastes_nothing():
    inside, rows, columns = Box(100, 100, 8).paste(np.ones((8, 8, 3), np.float32), 32, 40)
    assert inside.size == 0 and np.zeros((32, 40))[rows, columns].size == 0


def test_keypoints_follow_the_crop():
    points = torch.tensor([[[10.0, 20.0], [26.0, 36.0]]])
    out = to_crop(points, torch.tensor([[10.0, 20.0, 16.0]]), 32)
    assert torch.equal(out, torch.tensor([[[0.0, 0.0], [32.0, 32.0]]]))


def test_the_follower_stands_still_until_it_must_move():
    follower, scores = BoxFollower(100, 10.0), np.ones(2)
    at = lambda x, last: follower.follow(last, np.array([[x, 50.0], [x + 20, 90.0]]), scores)  # noqa: E731
    first = at(100, None)
    assert at(110, first) == first and at(120, first) == first
    moved = at(200, first)
    assert moved.side == 100 and moved.x == 200 + 20 + 4 - 100
    assert follower.follow(moved, np.zeros((2, 2)), np.zeros(2)) == moved, "an absent person moves nothing"
    assert follower.follow(moved, np.array([[0.0, 0.0], [300.0, 50.0]]), scores).side >= 308


def test_usual_side_prefers_whole_pixels():
    points = np.repeat(np.array([[[0.0, 0.0], [50.0, 200.0]]]), 10, 0)
    scores = np.ones((10, 2))
    assert usual_side(points, scores, 10.0, 256) == 256
    assert usual_side(points, scores, 10.0, 128) == 208
    assert np.isnan(person_extent(points, scores * 0, 10.0)).all()


def test_memory_is_carried_to_the_next_box():
    memory = torch.zeros(1, 4, 16, 16)
    memory[:, :, 4:8, 6:10] = 1
    before, now = torch.tensor([[0.0, 0.0, 16.0]]), torch.tensor([[2.0, 1.0, 16.0]])
    moved = carry(memory, before, now)
    assert torch.allclose(moved[:, :, 3:7, 4:8], torch.ones(1, 4, 4, 4), atol=1e-5)
    assert moved.sum() == pytest.approx(64, abs=1e-3)
    assert carry(memory, before, before) is memory
