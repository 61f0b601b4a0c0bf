"""Warp error, flickering, tOF, tLP and the background's change: worked by hand, and what each must not notice."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from drawn import flickering, noisy, scene, shaken

from eval import metrics
from eval.metrics import temporal
from perfclone.errors import UserError


@pytest.fixture(scope="module")
def panned():
    """Five frames of a window that moves 2 px to the right each frame over a scene: (5, 80, 96, 3)."""
    wide = scene(96, 128)
    return np.stack([wide[8:88, 4 + 2 * t : 100 + 2 * t] for t in range(5)])


@pytest.fixture(scope="module")
def still(panned):
    return np.repeat(panned[:1], 4, axis=0)


def test_the_flow_of_a_known_pan(panned):
    flow = metrics.optical_flow(panned[0], panned[1])
    assert flow.shape == (80, 96, 2) and flow.dtype == np.float32
    assert np.median(flow[10:-10, 10:-10], axis=(0, 1)) == pytest.approx([-2, 0], abs=0.05)


def test_the_warp_error_of_a_known_flow():
    a = np.zeros((20, 20, 3), np.uint8)
    a[:, 10:] = 255
    b = np.roll(a, 3, axis=1)
    b[:, :3], b[..., 1] = 0, b[..., 1] // 5 * 4
    right = np.zeros((20, 20, 2), np.float32)
    right[..., 0] = 3
    # 17 of 20 columns lead into the picture; in 7 of them green is a fifth darker than it was.
    assert metrics.warp_error_pair(a, b, right, -right) == pytest.approx(7 / 17 * 0.2**2, rel=1e-6)
    left = np.arange(20) < np.full((20, 1), 10)
    assert metrics.warp_error_pair(a, b, right, -right, left) == 0
    assert metrics.warp_error_pair(a, b, right, -right, ~left) == pytest.approx(0.2**2, rel=1e-6)
    assert math.isnan(metrics.warp_error_pair(a, b, right, -right, np.arange(20) > np.full((20, 1), 17)))


def test_the_warp_error_takes_out_a_known_pan(panned):
    unwarped = np.mean(np.square(np.diff(panned / 255.0, axis=0)).sum(-1))
    assert metrics.warp_error(panned) < 0.01 * unwarped


def test_the_warp_error_of_a_region_is_that_regions(still):
    frames, where = still.copy(), np.zeros((4, 80, 96), bool)
    frames[1::2, :30] = noisy(still[1::2, :30], 20)
    where[:, 50:] = True
    assert metrics.warp_error(frames, where) < 1e-3 * metrics.warp_error(frames, ~where)


def test_flickering_is_worked_by_hand_and_one_for_a_still_video(still):
    frames = np.full((3, 4, 5, 3), 100, np.uint8)
    frames[1, :2] += 51
    assert metrics.flickering_pair(frames[0], frames[1]) == pytest.approx(0.9)
    assert metrics.flickering_pair(frames[1], frames[2]) == pytest.approx(0.9)  # no wrap-around below zero
    assert metrics.temporal_flickering(frames) == pytest.approx(0.9)
    top = np.zeros((3, 4, 5), bool)
    top[:, :2] = True
    assert metrics.temporal_flickering(frames, top) == pytest.approx(0.8)
    assert metrics.temporal_flickering(frames, ~top) == 1
    assert math.isnan(metrics.flickering_pair(frames[0], frames[1], top[0] & False))


def test_t_of_is_the_length_of_the_flows_difference():
    truth, output = np.zeros((2, 6, 8, 2), np.float32)
    output[:, :4] = (3, -4)
    assert metrics.t_of_pair(truth, output) == metrics.t_of_pair(output, truth) == pytest.approx(2.5)
    left = np.arange(8) < np.full((6, 1), 4)
    assert metrics.t_of_pair(truth, output, left) == 5 and metrics.t_of_pair(truth, output, ~left) == 0
    assert math.isnan(metrics.t_of_pair(truth, output, left & ~left))


def test_t_of_of_a_pan_that_stands_still_is_its_speed(panned):
    centre = np.zeros((5, 80, 96), bool)
    centre[:, 10:-10, 10:-10] = True
    assert metrics.t_of(panned, np.repeat(panned[:1], 5, axis=0), centre) == pytest.approx(2, abs=0.1)


def test_t_lp_is_worked_by_hand_from_the_distances(panned):
    perceptual = metrics.load_perceptual()
    still = np.repeat(panned[:1], 3, axis=0)
    steps = [metrics.st_lpips(panned[t : t + 1], panned[t + 1 : t + 2]) for t in range(2)]
    assert metrics.t_lp(panned[:3], still, perceptual) == pytest.approx(100 * np.mean(steps), rel=1e-4)
    assert metrics.t_lp_pair(0.25, 0.21) == pytest.approx(4)
    assert math.isnan(metrics.t_lp_pair(math.nan, 0.1))
    # It asks how much a video changes, so it does not notice that all of it is upside down.
    assert metrics.t_lp(panned[:3], panned[:3, ::-1], perceptual) < 0.2 * 100 * np.mean(steps)


def test_equal_and_still_videos_have_the_ideal_exactly(panned, still):
    assert metrics.warp_error(still) == 0
    assert metrics.temporal_flickering(still) == 1
    assert metrics.background_change(still, np.zeros((4, 80, 96), np.uint8)) == 0
    assert metrics.t_of(panned, panned) == 0
    assert metrics.t_lp(panned[:3], panned[:3], metrics.load_perceptual()) == 0


def test_the_backgrounds_change_is_the_mean_of_the_pairs_that_have_background():
    frames = np.full((4, 10, 10, 3), 50, np.uint8)
    mattes = np.zeros((4, 10, 10), np.uint8)
    frames[1, 5:], mattes[1, :5] = 56, 255
    mattes[3] = 255
    pairs = [metrics.background_change_pair(*frames[t : t + 2], *mattes[t : t + 2]) for t in range(3)]
    assert pairs[:2] == [6, 6] and math.isnan(pairs[2])
    assert metrics.background_change(frames, mattes) == 6
    assert metrics.background_change(iter(frames), iter(mattes)) == 6


def test_a_video_read_frame_by_frame_scores_alike(panned):
    other, masks = noisy(panned, 8), np.random.default_rng(0).random(panned.shape[:3]) < 0.5
    for where in (None, masks):
        assert metrics.warp_error(iter(other), where) == metrics.warp_error(other, where)
        assert metrics.temporal_flickering(iter(other), where) == metrics.temporal_flickering(other, where)
        assert metrics.t_of(iter(panned), iter(other), where) == metrics.t_of(panned, other, where)


def test_memory_does_not_grow_with_the_length():
    frame = scene(64, 64)

    def peak(length):
        tracemalloc.start()
        metrics.temporal_flickering(frame + np.uint8(t % 3) for t in range(length))
        metrics.psnr((frame + np.uint8(t % 3) for t in range(length)), (frame.copy() for _ in range(length)))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(5)
    assert peak(400) < 1.5 * peak(20)


@pytest.mark.parametrize(
    "measure",
    [
        metrics.warp_error,
        metrics.temporal_flickering,
        lambda video: metrics.t_of(video, video),
        lambda video: metrics.t_lp(video, video, metrics.load_perceptual()),
    ],
)
def test_a_single_frame_is_refused(panned, measure):
    with pytest.raises(UserError, match="needs at least two frames"):
        measure(panned[:1])


def test_what_does_not_fit_is_refused_in_a_sentence(panned):
    with pytest.raises(UserError, match="same length and size"):
        metrics.t_of(panned, panned[:3])
    with pytest.raises(UserError, match="at least 16 pixels high and wide, and these are 12x96"):
        metrics.optical_flow(panned[0, :12], panned[1, :12])
    for measure in (metrics.warp_error, metrics.temporal_flickering):
        with pytest.raises(UserError, match="no pixels to compare"):
            measure(panned, np.zeros((5, 80, 96), bool))
        with pytest.raises(UserError, match="there are just 4"):
            measure(panned, np.ones((4, 80, 96), bool))
    with pytest.raises(UserError, match="no pixels to compare"):
        metrics.t_of(panned, panned, np.zeros((5, 80, 96), bool))


def test_shaking_is_seen_by_flow_and_a_flicker_of_light_is_not(still):
    bright, moved = flickering(still, 12), shaken(still, 2)
    assert metrics.t_of(still, moved) > 10 * metrics.t_of(still, bright)
    assert metrics.warp_error(bright) > 10 * metrics.warp_error(moved[:, :, 4:-4])


def test_a_change_all_at_once_is_a_jump_and_the_videos_own_motion_is_none(panned):
    where = np.ones(panned.shape[1:3], bool)

    def sizes(frames):
        left = (temporal.warp_residual(a, b, metrics.optical_flow(a, b)) for a, b in itertools.pairwise(frames))
        return np.array([temporal.jump_size(each, where) for each in left])

    real = sizes(panned)
    popped = sizes(np.concatenate([panned[:2], noisy(panned[2:], 25)]))
    assert temporal.jumps(real, real).sum() <= 1
    assert temporal.jumps(popped, real)[1] == 1 and temporal.jumps(popped, real)[0] == 0
    assert np.isnan(temporal.jumps(np.array([np.nan]), real)).all()


def test_what_stands_still_does_not_move_along(panned):
    flow, where = metrics.optical_flow(panned[0], panned[1]), np.ones(panned.shape[1:3], bool)
    assert temporal.moves_pair(flow, flow, where) == 1 and temporal.moves_pair(flow, 0 * flow, where) == 0
    assert math.isnan(temporal.moves_pair(0 * flow, flow, where))
