"""PSNR, SSIM and MS-SSIM against other people's code, and cases worked by hand."""

import math

import numpy as np
import pytest
import torch
from drawn import blurred, noisy, scene

from eval import metrics
from eval.metrics.picture import edge_energy, sharpness
from perfclone.errors import UserError


@pytest.fixture(scope="module")
def pair():
    """Two (180, 193, 3) uint8 frames: a scene, and the same blurred and noisy."""
    clean = scene(180, 193)
    return clean, noisy(blurred(clean, 1.0), 12)


def similarity(a, b, **options):
    ours = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return pytest.importorskip("skimage.metrics").structural_similarity(a, b, channel_axis=2, **ours, **options)


def test_psnr_agrees_with_scikit_image(pair):
    theirs = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio(*pair, data_range=255)
    assert metrics.psnr_frame(*pair) == pytest.approx(theirs, abs=1e-9)
    assert metrics.psnr_frame(*(x / 255 for x in pair)) == pytest.approx(theirs, abs=1e-9)


def test_psnr_of_black_and_white_does_not_overflow():
    black, white = np.zeros((300, 300, 3), np.uint8), np.full((300, 300, 3), 255, np.uint8)
    assert metrics.psnr_frame(black, white) == metrics.psnr_frame(white, black) == 0


def test_ssim_agrees_with_scikit_image(pair):
    assert metrics.ssim_frame(*pair) == pytest.approx(similarity(*pair), abs=1e-6)
    flat = [np.full((40, 50, 3), level, np.uint8) for level in (250, 251)]
    assert metrics.ssim_frame(*flat) == pytest.approx(similarity(*flat), abs=1e-6)
    assert metrics.ssim_frame(pair[0], 255 - pair[0]) == pytest.approx(similarity(pair[0], 255 - pair[0]), abs=1e-6)


def test_ssim_of_a_region_is_the_mean_of_the_map_there(pair):
    where = np.zeros((180, 193), bool)
    where[:60, 100:] = True  # reaches the border, where no window fits
    _, full = similarity(*pair, full=True)
    expected = full.mean(-1)[5:60, 100:-5].mean()
    assert metrics.ssim_frame(*pair, where) == pytest.approx(expected, abs=1e-6)
    half = pair[0].copy()
    half[:, 100:] = pair[1][:, 100:]
    assert metrics.ssim_frame(pair[0], half, np.arange(193) < np.full((180, 1), 95)) == 1.0
    assert math.isnan(metrics.ssim_frame(*pair, np.zeros((180, 193), bool)))
    border = np.zeros((180, 193), bool)
    border[:5] = True
    assert math.isnan(metrics.ssim_frame(*pair, border))


@pytest.mark.parametrize("size", [(176, 176), (199, 193)])
def test_ms_ssim_agrees_with_torchmetrics(size):
    theirs = pytest.importorskip("torchmetrics.functional.image").multiscale_structural_similarity_index_measure
    clean = scene(*size)
    for other in (noisy(clean, 25), blurred(clean, 2.0), 255 - clean):
        tensors = [torch.from_numpy(x).permute(2, 0, 1)[None].double() / 255 for x in (other, clean)]
        expected = theirs(*tensors, data_range=1.0, normalize="relu").item()
        assert metrics.ms_ssim_frame(clean, other) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_a_region_sees_no_damage_far_from_it(pair):
    damaged = scene(352, 400)
    truth = damaged.copy()
    damaged[:, 380:] = 0
    left, right = np.zeros((2, 352, 400), bool)
    left[:, :200], right[:, 200:] = True, True
    assert metrics.ms_ssim_frame(truth, damaged, left) == pytest.approx(1, abs=1e-12)
    assert metrics.ms_ssim_frame(truth, damaged, right) < metrics.ms_ssim_frame(truth, damaged) < 0.99
    assert metrics.ms_ssim_frame(truth, damaged, left | right) == metrics.ms_ssim_frame(truth, damaged)
    assert math.isnan(metrics.ms_ssim_frame(*pair, np.zeros((180, 193), bool)))


def test_equal_frames_have_the_ideal_exactly(pair):
    frames = np.stack([pair[0], pair[1]])
    assert metrics.psnr(frames, frames) == math.inf
    assert metrics.ssim(frames, frames) == 1.0
    assert metrics.ms_ssim(frames, frames) == 1.0


def test_a_video_is_the_mean_of_its_frames_and_may_come_frame_by_frame(pair):
    a, b = np.stack([pair[0], pair[0]]), np.stack([pair[1], noisy(pair[0], 3)])
    masks = np.zeros((2, 180, 193), bool)
    masks[0, 20:90, 20:90] = True
    for name in ("psnr", "ssim", "ms_ssim"):
        whole, frame = getattr(metrics, name), getattr(metrics, f"{name}_frame")
        assert whole(a, b) == pytest.approx(np.mean([frame(a[0], b[0]), frame(a[1], b[1])]), rel=1e-12)
        assert whole(iter(a), (x for x in b)) == whole(a, b)
    for name in ("psnr", "ssim"):
        whole, frame = getattr(metrics, name), getattr(metrics, f"{name}_frame")
        assert whole(a, b, masks) == frame(a[0], b[0], masks[0])  # frame 1 has nothing to count
        with pytest.raises(UserError, match="empty in every frame"):
            whole(a, b, masks & False)


def test_what_does_not_fit_is_refused_in_a_sentence(pair):
    a = np.stack([pair[0]] * 3)
    with pytest.raises(UserError, match=r"one is \(180, 193, 3\), the other \(180, 190, 3\)"):
        metrics.ssim_frame(pair[0], pair[0][:, :190])
    with pytest.raises(UserError, match=r"the frame is \(180, 193\), the mask \(180, 190\)"):
        metrics.psnr_frame(*pair, np.ones((180, 190), bool))
    with pytest.raises(UserError, match="the second has more than the 2 frames of the first"):
        metrics.psnr(iter(a[:2]), iter(a))
    with pytest.raises(UserError, match="the first has more than the 2 frames of the second"):
        metrics.psnr(iter(a), iter(a[:2]))
    with pytest.raises(UserError, match="no frame"):
        metrics.psnr(iter([]), iter([]))
    for masks, words in ((2, "there are just 2"), (4, "more masks than the 3 frames")):
        with pytest.raises(UserError, match=words):
            metrics.psnr(a, a, np.ones((masks, 180, 193), bool))
    with pytest.raises(UserError, match="at least 176 pixels high and wide, and this one is 175x193"):
        metrics.ms_ssim_frame(pair[0][:175], pair[1][:175])
    with pytest.raises(UserError, match="11x11 pixels, and this frame is 10x193"):
        metrics.ssim_frame(pair[0][:10], pair[1][:10])


def test_sharpness_falls_with_blur_and_does_not_see_grain(pair):
    clean = pair[0]
    real = edge_energy(clean)
    found = [sharpness(edge_energy(blurred(clean, sigma)), real) for sigma in (0.5, 1.0, 2.0)]
    assert 1 > found[0] > 0.6 > found[1] > 0.25 > found[2] > 0
    assert sharpness(edge_energy(noisy(clean, 2)), real) > 0.98 and sharpness(2 * real, real) == 1
    assert math.isnan(sharpness(real, 0.0)) and math.isnan(edge_energy(clean, np.zeros(clean.shape[:2], bool)))
