"""Each metric against four strengths of each damage: worse must score worse, and what is not its business must not."""

import numpy as np
import pytest
from drawn import blurred, flickering, noisy, scene, shaken, shifted

from eval import metrics

STRENGTHS = {
    blurred: (0.6, 1.2, 2.4, 4.8),
    noisy: (4, 8, 16, 32),
    shifted: (1, 2, 4, 8),
    shaken: (1, 2, 4, 8),
    flickering: (4, 8, 16, 32),
}
#: Features have unit length, so that beyond a blur of 2.4 px the little that is left to change counts more again, and
#: tLP comes back towards the truth's: it is no measure of blur.
GENTLE = (0.6, 1.0, 1.6, 2.4)
LIKENESS = {
    "psnr": metrics.psnr,
    "ssim": metrics.ssim,
    "ms_ssim": metrics.ms_ssim,
    "perceptual": lambda a, b: -float(_distance(a, b)),
}
ALONE = {
    "warp_error": lambda a, b: -metrics.warp_error(b),
    "temporal_flickering": lambda a, b: metrics.temporal_flickering(b),
    "background_change": lambda a, b: -metrics.background_change(b, np.zeros(b.shape[:3], np.uint8)),
}
AGAINST_TRUTH = {
    "t_of": lambda a, b: -metrics.t_of(a, b),
    "t_lp": lambda a, b: -metrics.t_lp(a, b, metrics.load_perceptual()),
}
METRICS = LIKENESS | ALONE | AGAINST_TRUTH


def _distance(a, b):
    perceptual = metrics.load_perceptual()
    return perceptual.distance(perceptual.features(a), perceptual.features(b)).mean()


@pytest.fixture(scope="module")
def panned():
    """A pan of 2 px a frame: (3, 176, 176, 3)."""
    wide = scene(176, 208)
    return np.stack([wide[:, 10 + 2 * t : 186 + 2 * t] for t in range(3)])


def scores(name, frames, damage):
    """Higher is better: of the undamaged frames, then of each strength. Perception and flow look at less, for time."""
    frames = frames[:, :96, :96] if name in ("perceptual", "t_lp") else frames
    measure = METRICS[name]
    strengths = GENTLE if (name, damage) == ("t_lp", blurred) else STRENGTHS[damage]
    return [measure(frames, frames), *(measure(frames, damage(frames, s)) for s in strengths)]


def falling(values):
    return all(a > b for a, b in zip(values, values[1:]))


@pytest.mark.parametrize("damage", STRENGTHS)
@pytest.mark.parametrize("name", LIKENESS)
def test_likeness_falls_with_every_damage(name, damage, panned):
    values = scores(name, panned, damage)
    assert falling(values), values


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        # Flicker is change from frame to frame, so a blur or a shift of all frames alike is none of its business
        # (below), and the warp error takes shaking out with the motion.
        ("warp_error", noisy),
        ("warp_error", flickering),
        ("temporal_flickering", noisy),
        ("temporal_flickering", shaken),
        ("temporal_flickering", flickering),
        ("background_change", noisy),
        ("background_change", shaken),
        ("background_change", flickering),
    ],
)
def test_steadiness_falls_with_what_changes_from_frame_to_frame(name, damage, panned):
    values = scores(name, np.repeat(panned[:1], 3, axis=0), damage)
    assert falling(values), values


@pytest.mark.parametrize("damage", [blurred, shifted])
@pytest.mark.parametrize("name", ALONE)
def test_steadiness_does_not_notice_what_is_the_same_in_every_frame(name, damage, panned):
    values = scores(name, np.repeat(panned[:1], 3, axis=0), damage)
    assert len(set(values)) == 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        # A shift of all frames alike leaves motion and change what they were, so that neither should notice it; a
        # flicker of light is no motion, which DIS sees through until the light is very different.
        ("t_of", blurred),
        ("t_of", noisy),
        ("t_of", shaken),
        ("t_lp", blurred),
        ("t_lp", noisy),
        ("t_lp", shaken),
        ("t_lp", flickering),
    ],
)
def test_motion_and_change_depart_from_the_truths(name, damage, panned):
    values = scores(name, panned, damage)
    assert falling(values), values


@pytest.mark.parametrize("name", AGAINST_TRUTH)
def test_a_shift_of_all_frames_departs_less_than_the_weakest_shaking(name, panned):
    assert -min(scores(name, panned, shifted)[:3]) < -scores(name, panned, shaken)[1]
