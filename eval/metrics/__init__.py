"""How good a clone is, as numbers: pure functions of frames, each with its formula, range, direction and origin.

Videos are (T, H, W, 3) uint8 RGB arrays, (T, 3, H, W) float tensors in [0, 1], or anything that gives (H, W, 3) uint8
frames one by one, of which no more than a few are then held at once. Mattes are (T, H, W) uint8, 255 where the person
is.
"""

from .flow import optical_flow, reliable, warp
from .frames import Frames, Video, as_array, as_tensor, check_frames, check_pair, each_frame, frame_pairs
from .perceptual import PerceptualDistance, load_perceptual, st_lpips
from .picture import (
    ms_ssim,
    ms_ssim_frame,
    psnr,
    psnr_frame,
    ssim,
    ssim_frame,
    ssim_map,
    window_mean,
)
from .temporal import (
    BACKGROUND_BELOW,
    background_change,
    background_change_pair,
    flickering_pair,
    t_lp,
    t_lp_pair,
    t_of,
    t_of_pair,
    temporal_flickering,
    warp_error,
    warp_error_pair,
)

__all__ = [
    "BACKGROUND_BELOW", "Frames", "PerceptualDistance", "Video", "as_array", "as_tensor", "background_change",
    "background_change_pair", "check_frames", "check_pair", "each_frame", "flickering_pair", "frame_pairs",
    "load_perceptual", "ms_ssim", "ms_ssim_frame", "optical_flow", "psnr", "psnr_frame", "reliable", "ssim",
    "ssim_frame", "ssim_map", "st_lpips", "t_lp", "t_lp_pair", "t_of", "t_of_pair", "temporal_flickering", "warp",
    "warp_error", "warp_error_pair", "window_mean",
]  # fmt: skip
