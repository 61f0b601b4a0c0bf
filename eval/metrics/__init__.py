"""How good a clone is, as numbers: pure functions of frames, each with its formula, range, direction and origin.

Frames are (T, H, W, 3) uint8 RGB arrays, or (T, 3, H, W) float tensors in [0, 1]. Mattes are (T, H, W) uint8, 255
where the person is.
"""

from eval.metrics.frames import Frames, as_array, as_tensor, check_pair
from eval.metrics.perceptual import st_lpips
from eval.metrics.picture import psnr
from eval.metrics.temporal import BACKGROUND_BELOW, background_change, reliable, warp, warp_error

__all__ = [
    "BACKGROUND_BELOW",
    "Frames",
    "as_array",
    "as_tensor",
    "background_change",
    "check_pair",
    "psnr",
    "reliable",
    "st_lpips",
    "warp",
    "warp_error",
]
