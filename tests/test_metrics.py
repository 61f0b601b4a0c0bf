import cv2
import numpy as np
import pytest
import torch

from eval import metrics
from eval.networks import stlpips
from perfclone.errors import UserError


@pytest.fixture(scope="module")
def scene():
    """A textured picture, (96, 128, 3) uint8, with detail at several scales."""
    rng = np.random.default_rng(0)
    layers = [cv2.resize(rng.random((s * 3, s * 4, 3)), (128, 96), interpolation=cv2.INTER_CUBIC) for s in (2, 6, 16)]
    return (np.clip(sum(layers) / 3, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def panned(scene):
    """Six frames of a window that moves 2 px to the right each frame over the scene."""
    return np.stack([scene[8:88, 4 + 2 * t : 100 + 2 * t] for t in range(6)])


def noisy(frames, sigma, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def blurred(frames, sigma):
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def rising(values):
    return all(a < b for a, b in zip(values, values[1:]))


def test_psnr_agrees_with_scikit_image(panned):
    skimage = pytest.importorskip("skimage.metrics")
    other = noisy(panned, 20)
    expected = np.mean([skimage.peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(panned, other)])
    assert metrics.psnr(panned, other) == pytest.approx(expected, abs=1e-9)


def test_psnr_of_a_known_difference_does_not_overflow():
    dark, bright = np.zeros((2, 4, 4, 3), np.uint8), np.full((2, 4, 4, 3), 51, np.uint8)
    assert metrics.psnr(dark, bright) == pytest.approx(-20 * np.log10(0.2))
    assert metrics.psnr(bright, dark) == pytest.approx(-20 * np.log10(0.2))
    assert metrics.psnr(dark, dark) == np.inf


def test_psnr_counts_only_the_region():
    a = np.zeros((2, 4, 4, 3), np.uint8)
    b = a.copy()
    b[:, :, 2:] = 255
    left = np.zeros((2, 4, 4), bool)
    left[:, :, :2] = True
    assert metrics.psnr(a, b, left) == np.inf
    left[0, :, 2:] = True
    left[1] = False
    assert metrics.psnr(a, b, left) == pytest.approx(-10 * np.log10(0.5))
    with pytest.raises(UserError, match="empty"):
        metrics.psnr(a, b, np.zeros((2, 4, 4), bool))


def test_tensors_and_arrays_score_alike(panned):
    other = noisy(panned, 10)
    tensors = [torch.from_numpy(x).permute(0, 3, 1, 2) / 255 for x in (panned, other)]
    assert metrics.psnr(*tensors) == pytest.approx(metrics.psnr(panned, other), rel=1e-5)
    assert metrics.warp_error(tensors[1]) == pytest.approx(metrics.warp_error(other), rel=1e-4)
    assert metrics.st_lpips(tensors[0][:2], tensors[1][:2]) == pytest.approx(
        metrics.st_lpips(panned[:2], other[:2]), rel=1e-4
    )


def test_st_lpips_is_zero_for_equal_frames_and_symmetric(panned):
    assert metrics.st_lpips(panned[:2], panned[:2]) == 0
    other = noisy(panned, 25)
    forth, back = metrics.st_lpips(panned[:2], other[:2]), metrics.st_lpips(other[:2], panned[:2])
    assert forth == pytest.approx(back, rel=1e-5)


@pytest.mark.parametrize("damage", [noisy, blurred])
def test_st_lpips_rises_with_the_strength_of_the_damage(panned, damage):
    assert rising([0] + [metrics.st_lpips(panned[:1], damage(panned[:1], s)) for s in (1.0, 2.0, 4.0, 8.0)])


def test_st_lpips_minds_a_shift_less_than_a_blur_of_the_same_psnr(panned):
    shifted = np.roll(panned[:1], 1, axis=2)
    assert metrics.psnr(panned[:1], shifted) < metrics.psnr(panned[:1], blurred(panned[:1], 1.5))
    assert metrics.st_lpips(panned[:1], shifted) < metrics.st_lpips(panned[:1], blurred(panned[:1], 1.5))


def test_st_lpips_does_not_depend_on_the_batch_and_reports_progress(panned):
    other, seen = noisy(panned, 15), []
    whole = metrics.st_lpips(panned[:3], other[:3], batch=3)
    parts = metrics.st_lpips(panned[:3], other[:3], batch=2, progress=lambda *told: seen.append(told))
    assert parts == pytest.approx(whole, rel=1e-5)
    assert seen == [("st_lpips", 2, 3), ("st_lpips", 3, 3)]


def test_missing_weights_are_named_with_the_command_that_brings_them(monkeypatch):
    monkeypatch.setattr(stlpips, "WEIGHTS", stlpips.WEIGHTS._replace(package="a_package_that_is_not_there"))
    stlpips.load_stlpips.cache_clear()
    with pytest.raises(UserError, match="pip install stlpips-pytorch"):
        stlpips.load_stlpips()


def test_warp_error_takes_motion_out(panned):
    still = np.repeat(panned[:1], 4, axis=0)
    assert metrics.warp_error(still) == 0
    unwarped = np.mean(np.square(np.diff(panned / 255.0, axis=0)).sum(-1))
    assert metrics.warp_error(panned) < 0.05 * unwarped


def test_warp_error_of_a_flicker_of_known_size():
    flat = np.full((4, 64, 64, 3), 100, np.uint8)
    flat[1::2] = 151
    assert metrics.warp_error(flat) == pytest.approx(3 * 0.2**2, rel=1e-5)


def test_warp_error_rises_with_noise(panned):
    assert rising([metrics.warp_error(noisy(panned, s)) for s in (0, 5, 10, 20, 40)])


def test_the_flow_mask_leaves_out_occlusions_borders_and_the_outside():
    flow = np.zeros((40, 40, 2), np.float32)
    flow[10:30, 10:30, 0] = 5
    agreeing = np.zeros_like(flow)
    agreeing[10:30, 15:35, 0] = -5
    mask = metrics.reliable(flow, agreeing)
    assert mask[20, 20] and mask[2, 2]
    assert not mask[20, 9] and not mask[20, 32] and not mask[9, 20]
    assert not metrics.reliable(flow, np.zeros_like(flow))[20, 20]
    out = np.full_like(flow, 3)
    assert not metrics.reliable(out, -out)[:, 37:].any() and metrics.reliable(out, -out)[:37, :37].all()


def test_background_change_counts_background_in_both_frames_only():
    frames = np.full((3, 10, 10, 3), 50, np.uint8)
    mattes = np.zeros((3, 10, 10), np.uint8)
    mattes[0, :5], mattes[1, :5], mattes[2, 5:] = 255, 255, 255
    frames[1, :5] = 200  # the person, in frames 0 and 1
    frames[1, 5:, 0] = 58  # background in frames 0 and 1; covered in frame 2
    assert metrics.background_change(frames, mattes * 0) > 10
    with_person_out = metrics.background_change(frames, mattes)
    assert with_person_out == pytest.approx(8 / 10)
    assert metrics.background_change(np.repeat(frames[:1], 3, axis=0), mattes) == 0


def test_background_change_rises_with_noise(panned):
    still, mattes = np.repeat(panned[:1], 4, axis=0), np.zeros((4, 80, 96), np.uint8)
    assert rising([metrics.background_change(noisy(still, s), mattes) for s in (0, 2, 5, 10, 20)])


def test_what_cannot_be_compared_is_refused_in_a_sentence(panned):
    for compare in (metrics.psnr, metrics.st_lpips):
        with pytest.raises(UserError, match=r"same length and size: one is \(6, 80, 96\), the other \(5, 80, 96\)"):
            compare(panned, panned[:5])
        with pytest.raises(UserError, match="same length and size"):
            compare(panned, panned[:, :40])
        with pytest.raises(UserError, match="same length"):
            compare(panned[:0], panned[:0])
    with pytest.raises(UserError, match="at least two frames"):
        metrics.warp_error(panned[:1])
    with pytest.raises(UserError, match="matte of its own size"):
        metrics.background_change(panned, np.zeros((6, 40, 96), np.uint8))
    with pytest.raises(UserError, match="No pixel is background"):
        metrics.background_change(panned, np.full((6, 80, 96), 255, np.uint8))
