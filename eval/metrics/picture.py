"""How close a picture is to the true one, pixel by pixel.

Frames are (H, W, 3), uint8 RGB or floats in [0, 1]; all is computed in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from perfclone.errors import UserError

from .frames import Masks, Video, as_unit, check_frames, frame_pairs

WINDOW, SIGMA = 11, 1.5
#: K1 and K2 of Wang et al., times the range of the data, squared; colours in [0, 1].
C1, C2 = 0.01**2, 0.03**2
#: How much each scale counts, from the finest to the coarsest (Wang et al. 2003).
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: The coarsest scale must still hold one window.
SMALLEST_MS_SSIM = WINDOW * 2 ** (len(SCALES) - 1)


def psnr_frame(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio of a frame in decibels.

    -10 log10 mean |a - b|^2 over pixels and R, G, B, colours in [0, 1], in double precision (on uint8 the squares
    overflow and the result is far too good). Infinite for equal frames; higher is better; 20 is a rough likeness, 30
    is close.

    Args:
        a: (H, W, 3) uint8, or floats in [0, 1].
        b: The other, of the same size.
        where: (H, W) bool, the only pixels that count; None counts all.

    Returns:
        Decibels; NaN where no pixel counts.
    """
    check_frames(a, b, where)
    a, b = (x if where is None else x[where] for x in (a, b))
    if not a.size:
        return math.nan
    if a.dtype == b.dtype == np.uint8:
        error = np.square(cv2.absdiff(a, b), dtype=np.uint32).mean(dtype=np.float64) / 255**2
    else:
        error = np.square(as_unit(a, np.float64) - as_unit(b, np.float64)).mean()
    return float(-10 * np.log10(error)) if error else math.inf


def psnr(a: Video, b: Video, where: Masks | None = None) -> float:
    """Peak signal-to-noise ratio in decibels, the mean of the frames' own: see :func:`psnr_frame`.

    Args:
        a: Frames of one video, all at once or one by one.
        b: Frames of the other.
        where: (T, H, W) bool, the only pixels that count; frames without any are left out. None counts all.

    Raises:
        UserError: The videos differ in length or size, or nothing is left to count.
    """
    return _mean("PSNR", psnr_frame, a, b, where)


def ssim_frame(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """Structural similarity of a frame: the mean of :func:`ssim_map`.

    Wang et al., TIP 2004. From -1 to 1, which equal frames have; higher is better.

    Args:
        a: (H, W, 3) uint8, or floats in [0, 1]; at least 11 pixels high and wide.
        b: The other, of the same size.
        where: (H, W) bool; only windows whose centre is inside count. Their pixels may reach 5 px beyond it.

    Returns:
        The similarity; NaN where no window counts.

    Raises:
        UserError: The frames differ in size, or are smaller than a window.
    """
    check_frames(a, b, where)
    return window_mean(ssim_map(a, b), where)


def ssim(a: Video, b: Video, where: Masks | None = None) -> float:
    """Structural similarity, the mean of the frames' own: see :func:`ssim_frame`.

    Args:
        a: Frames of one video, all at once or one by one.
        b: Frames of the other.
        where: (T, H, W) bool; only windows with their centre inside count, and frames without any are left out.

    Raises:
        UserError: The videos differ in length or size, are smaller than a window, or nothing is left to count.
    """
    return _mean("SSIM", ssim_frame, a, b, where)


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity window by window, for callers that average it over several regions.

    (2 m_a m_b + C1) (2 s_ab + C2) / ((m_a^2 + m_b^2 + C1) (s_a^2 + s_b^2 + C2)) of each colour, then the mean over R,
    G, B. Means, variances and covariance are those of a Gaussian window of 11x11 and sigma 1.5; K1 = 0.01, K2 = 0.03.

    Returns:
        (H - 10, W - 10) float64: only windows that lie in the picture, as Wang et al. have it; [0, 0] is the window
        around pixel (5, 5).
    """
    luminance, structure = _similarity(a, b)
    return (luminance * structure).mean(-1)


def window_mean(values: np.ndarray, where: np.ndarray | None = None) -> float:
    """Average a map of windows, (H - 10, W - 10), over those whose centre is in an (H, W) mask; NaN if none is."""
    if where is not None:
        edge = WINDOW // 2
        values = values[where[edge:-edge, edge:-edge]]
    return float(values.mean()) if values.size else math.nan


def ms_ssim_frame(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """Structural similarity of a frame over five scales.

    Wang et al., Asilomar 2003: l^0.1333 prod_j cs_j^w_j; cs_j is the mean contrast and structure term of SSIM over
    windows and colours at scale j, each scale the 2x2 average of the one before, l the mean of the whole SSIM at the
    coarsest. Negative terms count as 0. From 0 to 1, which equal frames have; higher is better.

    Args:
        a: (H, W, 3) uint8, or floats in [0, 1]; at least 176 pixels high and wide.
        b: The other, of the same size.
        where: (H, W) bool; at each scale only windows count at whose centre at least half of the pixels are inside.

    Returns:
        The similarity; NaN where at some scale no window counts.

    Raises:
        UserError: The frames differ in size, or are too small for five scales.
    """
    check_frames(a, b, where)
    return structural_regions(a, b, {"": where})[""][1]


def structural_regions(
    a: np.ndarray, b: np.ndarray, regions: Mapping[str, np.ndarray | None]
) -> dict[str, tuple[float, float]]:
    """Structural similarity of several regions of a frame, over one scale and over five, each computed once for all.

    Args:
        a: (H, W, 3) uint8, or floats in [0, 1]; at least 176 pixels high and wide.
        b: The other, of the same size.
        regions: Name -> (H, W) bool, or None for the whole frame; as ``where`` of :func:`ms_ssim_frame`.

    Returns:
        Name -> :func:`ssim_frame` and :func:`ms_ssim_frame`; NaN where no window counts.

    Raises:
        UserError: The frames are too small for five scales.
    """
    if min(a.shape[:2]) < SMALLEST_MS_SSIM:
        raise UserError(
            f"MS-SSIM looks at five scales, for which a frame must be at least {SMALLEST_MS_SSIM} pixels high and "
            f"wide, and this one is {a.shape[0]}x{a.shape[1]} (height x width); use larger frames, or SSIM."
        )
    x, y = as_unit(a, np.float64), as_unit(b, np.float64)
    shares = {name: None if where is None else where.astype(np.float64) for name, where in regions.items()}
    alike, results = {}, dict.fromkeys(regions, 1.0)
    for scale, weight in enumerate(SCALES):
        if scale:
            x, y = _halve(x), _halve(y)
            shares = {name: None if share is None else _halve(share) for name, share in shares.items()}
        luminance, structure = _similarity(x, y)
        whole = (luminance * structure).mean(-1)
        values = structure.mean(-1) if scale < len(SCALES) - 1 else whole
        for name, share in shares.items():
            inside = None if share is None else share >= 0.5
            alike.setdefault(name, window_mean(whole, inside))
            results[name] *= np.maximum(window_mean(values, inside), 0) ** weight
    return {name: (alike[name], float(result)) for name, result in results.items()}


def ms_ssim(a: Video, b: Video, where: Masks | None = None) -> float:
    """Structural similarity over five scales, the mean of the frames' own: see :func:`ms_ssim_frame`.

    Args:
        a: Frames of one video, all at once or one by one.
        b: Frames of the other.
        where: (T, H, W) bool; frames in which some scale has no window inside are left out.

    Raises:
        UserError: The videos differ in length or size, are too small, or nothing is left to count.
    """
    return _mean("MS-SSIM", ms_ssim_frame, a, b, where)


def edge_energy(frame: np.ndarray, where: np.ndarray | None = None) -> float:
    """How much fine detail there is: the mean square of the Laplacian of Gaussian of the brightness.

    Marr and Hildreth, Proc. R. Soc. B 1980; with sigma = 1 pixel, so that grain hardly counts: noise of two levels
    adds less than 1 %, while a blur of one pixel leaves 0.4 of it and one of two pixels 0.1.

    Args:
        frame: (H, W, 3) uint8 RGB.
        where: (H, W) bool, the only pixels that count; None counts all.

    Returns:
        Squared 8-bit levels, from 0; NaN where no pixel counts.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    energy = np.square(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F))
    energy = energy if where is None else energy[where]
    return float(energy.mean(dtype=np.float64)) if energy.size else math.nan


def sharpness(output: float, truth: float) -> float:
    """How sharp an output is beside the truth: the ratio of their :func:`edge_energy`, at most 1.

    From 0 to 1, which equal frames have; higher is better. What is more than the truth's, such as grain of its own,
    counts as 1: likeness judges that.

    Returns:
        The ratio; NaN where the truth has no detail at all.
    """
    return min(output / truth, 1.0) if truth > 0 else math.nan


def _mean(name: str, of_frame: Callable[..., float], a: Video, b: Video, where: Masks | None) -> float:
    values = np.array([of_frame(*each) for each in frame_pairs(a, b, where)])
    values = values[~np.isnan(values)]
    if not values.size:
        raise UserError(f"{name} has no pixels to compare: the region is empty in every frame; give another region.")
    return float(values.mean())


def _similarity(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance term, and contrast and structure term of SSIM: (H - 10, W - 10, 3) float64 each."""
    if min(a.shape[:2]) < WINDOW:
        raise UserError(
            f"SSIM looks at windows of {WINDOW}x{WINDOW} pixels, and this frame is {a.shape[0]}x{a.shape[1]} "
            "(height x width); use larger frames."
        )
    a, b = as_unit(a, np.float64), as_unit(b, np.float64)
    mean_a, mean_b = _blur(a), _blur(b)
    squares, product = mean_a * mean_a + mean_b * mean_b, 2 * mean_a * mean_b
    variances, covariance = _blur(a * a + b * b) - squares, 2 * _blur(a * b) - product
    return (product + C1) / (squares + C1), (covariance + C2) / (variances + C2)


def _blur(image: np.ndarray) -> np.ndarray:
    """Gaussian means of the windows that lie in the picture."""
    kernel, edge = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F), WINDOW // 2
    return cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)[edge:-edge, edge:-edge]


def _halve(image: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels, (H // 2, W // 2, ...); an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in image.shape[:2])
    return cv2.resize(image[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
