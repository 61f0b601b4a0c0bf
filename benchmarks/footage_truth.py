"""What perfclone finds of a generated clip against what is true about it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from benchmarks.footage_clip import Examined, pixels_of
from eval import metrics
from eval.benchmark.steady import views_on
from eval.metrics.performance import pck
from eval.trouble import Truth
from eval.trouble.filming import look_through
from perfclone.background.camera import find_camera
from perfclone.pose import PoseSequence
from perfclone.pose.body import measure_body

#: The camera is found from every so manieth frame, and then followed in all of them.
EVERY = 12
#: Of a plate only what at least so many frames showed without the person is compared.
SEEN_TWICE = 2


def compare(truth: Truth, seen: Examined) -> dict:
    """The columns that only generated clips have.

    Returns:
        "camera_error_px" (pixels at 720p, median over the frames), "plate_psnr" (dB, where it was seen twice),
        "pck_0.1" (of the joints in plain view) and "matte_error" (mean difference, share of the person's area); None
        where there is nothing to compare.
    """
    frames = list(pixels_of(truth.path))
    return {
        "camera_error_px": camera_error(truth, views(frames, [seen.matte(n) for n in range(len(frames))])),
        "plate_psnr": plate_psnr(truth, seen.plate),
        "pck_0.1": joints_right(truth, seen.poses),
        "matte_error": matte_error(truth, seen),
    }


def views(frames: list[np.ndarray], mattes: list[np.ndarray]) -> np.ndarray:
    """How frames are laid over one another, as perfclone finds it.

    Returns:
        (T, 3, 3), pixels of each frame to those of a steady view; NaN where a frame shows another place.
    """
    tracker = find_camera(frames[::EVERY], mattes[::EVERY]).tracker()
    found = [tracker(frame, matte) for frame, matte in zip(frames, mattes)]
    return np.stack([np.full((3, 3), np.nan) if view is None else view.matrix for view in found])


def camera_error(truth: Truth, found: np.ndarray) -> float | None:
    """Median distance between where the found and the true path put the picture, pixels at 720p.

    Args:
        truth: Of the clip.
        found: (T, 3, 3), frame pixels to those of a steady view, wherever that is.
    """
    at = _comparable(truth)
    matrices, found = truth.matrices[at], found[at]
    if not np.isfinite(found).any():
        return None
    apart = _apart(steady_to_place(truth, found, at) @ found, matrices, truth.poses.size)
    scale = np.sqrt(np.linalg.det(matrices[:, :2, :2]))
    return float(np.median(apart / scale) * 720 / min(truth.poses.size))


def steady_to_place(truth: Truth, found: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Where a steady view lies in the first place, (3, 3): of what the frames say, that which most agree with.

    Args:
        truth: Of the clip.
        found: (N, 3, 3), frames `at` to the steady view.
        at: (T,) bool.
    """
    matrices = truth.matrices[at]
    said = [matrix @ np.linalg.inv(view) for matrix, view in zip(matrices, found) if np.isfinite(view).all()]
    apart = [np.median(_apart(each @ found, matrices, truth.poses.size)) for each in said]
    return said[int(np.argmin(apart))]


def _comparable(truth: Truth) -> np.ndarray:
    """(T,) bool, frames that show the first place, and of which is known how."""
    return (truth.places == 0) & truth.performing & np.isfinite(truth.matrices).all((1, 2))


def _apart(a: np.ndarray, b: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N,) mean distance between the pixels of a picture moved by (N, 3, 3) and by another (N, 3, 3); NaN is far."""
    x, y = np.meshgrid(np.linspace(0, size[0], 5), np.linspace(0, size[1], 5))
    grid = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    places = [moved[:, :2] / moved[:, 2:] for moved in (a @ grid, b @ grid)]
    return np.nan_to_num(np.linalg.norm(places[0] - places[1], axis=1).mean(-1), nan=np.inf)


def plate_psnr(truth: Truth, plate: np.ndarray | None) -> float | None:
    """PSNR of a plate against the empty place in its view, dB, where it was seen `SEEN_TWICE` times or more.

    Args:
        truth: Of the clip.
        plate: (H, W, 3) uint8, or None.
    """
    at = _comparable(truth)
    if plate is None or not at.any():
        return None
    size, found = plate.shape[1::-1], views_on(plate, truth.path, truth.poses, truth.mattes)
    place = steady_to_place(truth, np.tile(np.eye(3), (at.sum(), 1, 1)) if found is None else found[at], at)
    seen = np.zeros(plate.shape[:2], int)
    for n in np.flatnonzero(at):
        clear = (truth.mattes[n] == 0).astype(np.uint8)
        seen += cv2.warpPerspective(clear, np.linalg.inv(place) @ truth.matrices[n], size, flags=cv2.INTER_NEAREST)
    return metrics.psnr_frame(plate, look_through(truth.plates[0], place, size), seen >= SEEN_TWICE)


def joints_right(truth: Truth, found: PoseSequence) -> float:
    """PCK at 0.1 torso lengths of the joints in plain view."""
    plain = np.where(truth.poses.scores == 1, truth.poses.scores, 0)
    torso = measure_body(replace(truth.poses, scores=np.ones_like(truth.poses.scores))).torso
    return float(np.nanmean(pck(found.keypoints, found.scores, truth.poses.keypoints, plain, torso, 0.1)))


def matte_error(truth: Truth, seen: Examined) -> float:
    """Sum of the differences between found and true mattes, over the sum of the true ones."""
    wrong = sum(float(cv2.absdiff(seen.matte(n), true).sum(dtype=np.float64)) for n, true in enumerate(truth.mattes))
    return wrong / float(truth.mattes.sum(dtype=np.float64))
