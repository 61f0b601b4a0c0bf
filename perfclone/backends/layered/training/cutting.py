"""The third pass over a reference video: the person's crops, with mattes and the plate behind them, onto the disk.

Each frame is cut in its own pixels, by a box that lies in it as the box of the steady view lies on the plate; the
poses move with it from the one box to the other. So no limb is bent and no pixel is shifted by the camera, and
what stands behind the person is the plate as that frame's own camera saw it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from perfclone.backends.layered.crop import Box, scaled
from perfclone.backends.layered.training.choosing import cut_out
from perfclone.backends.layered.training.footage import Footage, borders
from perfclone.backends.layered.training.keeping import Kept
from perfclone.backends.layered.training.placing import Placed, kept_frames
from perfclone.backends.layered.training.watching import Watched
from perfclone.background.exposure import in_exposure_of
from perfclone.background.laying import move_points
from perfclone.background.matting import refine
from perfclone.pose.sequence import PoseSequence
from perfclone.progress import Progress

_BLOCK = 1 << 20
_CLEAR = 16  # matte values below this (of 255) are background
_ROUGH = 64  # side in which what is behind the person of a frame without a plate is made up
#: Side that an exemplar has at most, pixels.
LARGEST = 1024
_FINER = 2  # times G's resolution that a crop has at most while its matte is refined


def cut(
    video: Path,
    watched: Watched,
    placed: Placed,
    boxes: np.ndarray,
    resolution: int,
    exemplars: np.ndarray,
    folder: Path,
    progress: Progress | None = None,
) -> tuple[Footage, Kept]:
    """Cut frames, mattes and plates out of the video, onto the disk, and exemplars at their own size.

    Args:
        video: The reference video.
        watched: The first pass.
        placed: The second.
        boxes: (n, 3) int32, the crops in the steady view.
        resolution: Side S of G's crop.
        exemplars: (K,) int, rising, the frames that become exemplars.
        folder: Where the files go.
        progress: Called with "crops", frames done and frames in all.

    Returns:
        The footage, and the exemplars as they are kept.
    """
    shape = (len(boxes), resolution, resolution)
    frames, mattes = mapped(folder / "frames.npy", (*shape, 3)), mapped(folder / "mattes.npy", shape)
    own = boxes if placed.still else _own_boxes(boxes, placed.matrices)
    first, plate_of = _different(boxes, placed.still and not placed.lost)
    plates = mapped(folder / "plates.npy", (len(first), *shape[1:], 3))
    behind = lru_cache(64)(lambda n: _behind(placed, n, Box(*own[n].tolist()), _finer(own[n, 2], resolution)))
    kept = Kept(exemplars)
    for n, frame in enumerate(kept_frames(video, watched.kept[placed.on])):
        box = Box(*own[n].tolist())
        if placed.lost:
            crop = _alone(frame.pixels, watched.matte(placed.on[n]), box, _finer(box.side, resolution))
        else:
            crop = _crop(frame.pixels, watched, placed, n, box, *behind(first[plate_of[n]]))
        frames[n], mattes[n], plates[plate_of[n]] = (scaled(each, resolution) for each in crop)
        if n in exemplars:
            kept.add(frame.pixels, placed.own_pose(n), box, _exemplar(frame.pixels, crop, placed, n, box))
        if progress:
            progress("crops", n + 1, len(boxes))
    for array in (frames, mattes, plates):
        array.flush()
    follows = watched.follows[placed.on] & np.r_[False, np.diff(placed.on) == 1]
    filmed = borders(own, placed.poses.size, resolution)
    return Footage(_moved(placed, own, boxes), boxes, follows, plate_of, plates, frames, mattes, filmed), kept


def _finer(side: int, resolution: int) -> int:
    """Side in which a crop is worked on before it is shrunk: the more pixels, the better the mattes."""
    return int(np.clip(side, resolution, _FINER * resolution))


def _crop(
    pixels: np.ndarray, watched: Watched, placed: Placed, n: int, box: Box, plate: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crop of frame n as bright as the plate (S, S, 3), its matte (S, S), refined against it, and that plate."""
    side, at = len(plate), placed.on[n]
    frame = box.cut(pixels, side)
    matte, others, pose = box.cut(watched.matte(at), side), watched.beside(at), placed.own_pose(n)
    frame = in_exposure_of(frame, plate, known & (matte < _CLEAR))
    points = (pose.keypoints - (box.x, box.y)) * (side / box.side)
    others = None if others is None else box.cut(others, side)
    return frame, refine(matte, frame, plate, known, points, pose.scores, others), plate


def _alone(pixels: np.ndarray, matte: np.ndarray, box: Box, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crop of a frame that lies on no plate: what is behind the person is the frame itself, filled from around."""
    frame, matte = box.cut(pixels, side), box.cut(matte, side)
    small, hole = scaled(frame, _ROUGH), cv2.dilate(scaled(matte, _ROUGH), np.ones((5, 5), np.uint8)) > 0
    filled = scaled(cv2.inpaint(small, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA), side)
    person = cv2.dilate(matte, np.ones((9, 9), np.uint8))[..., None] > 0
    return frame, matte, np.where(person, filled, frame)


def _exemplar(pixels: np.ndarray, crop: tuple[np.ndarray, ...], placed: Placed, n: int, box: Box) -> np.ndarray:
    """The person of frame n, cut out at the size that they were filmed in: (S, S, 4) uint8."""
    side, matte = min(box.side, LARGEST), crop[1]
    matte = scaled(matte, side)
    if placed.lost:
        return cut_out(box.cut(pixels, side), matte, scaled(crop[2], side))
    plate, known = _behind(placed, n, box, side)
    frame = in_exposure_of(box.cut(pixels, side), plate, known & (matte < _CLEAR))
    return cut_out(frame, matte, plate)


def _different(boxes: np.ndarray, still: bool) -> tuple[np.ndarray, np.ndarray]:
    """The first frame of each different view of the plate, (m,), and which of these each frame has, (n,).

    Before a camera that stands still there is one for each different box, otherwise one for each frame.
    """
    if not still:
        return np.arange(len(boxes)), np.arange(len(boxes))
    _, first, plate_of = np.unique(boxes, axis=0, return_index=True, return_inverse=True)
    return first, plate_of.reshape(-1)


def _behind(placed: Placed, n: int, box: Box, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """The plate in the crop of frame n, (S, S, 3) uint8, and where it was really seen, (S, S) bool."""
    if placed.still:
        known = box.cut(placed.plate.steady_known.astype(np.uint8), resolution)
        return box.cut(placed.plate.steady, resolution), known > 0
    grow = box.side / resolution
    to_frame = np.array([[grow, 0, box.x + grow / 2 - 0.5], [0, grow, box.y + grow / 2 - 0.5], [0, 0, 1]])
    return placed.plate.view(placed.matrices[n] @ to_frame, (resolution, resolution))


def _own_boxes(boxes: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Where the boxes (n, 3) of the steady view lie in the frames themselves, (n, 3) int32."""
    centres = (boxes[:, :2] + boxes[:, 2:] / 2)[:, None]
    steps = centres + np.array([[0, 0], [1, 0], [0, 1]])
    in_frame = move_points(steps, np.linalg.inv(matrices)).astype(np.float64)
    right, down = in_frame[:, 1] - in_frame[:, 0], in_frame[:, 2] - in_frame[:, 0]
    scale = np.sqrt(np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]))
    sides = np.maximum(np.round(boxes[:, 2] * scale), 8)
    corners = np.round(in_frame[:, 0] - sides[:, None] / 2)
    return np.column_stack([corners, sides]).astype(np.int32)


def _moved(placed: Placed, own: np.ndarray, boxes: np.ndarray) -> PoseSequence:
    """The poses as the crops show them, in pixels of the steady view."""
    if placed.still:
        return placed.poses
    inverse, ratio = np.linalg.inv(placed.matrices), (boxes[:, 2] / own[:, 2])[:, None, None]
    return placed.poses.moved(
        lambda points: (move_points(points, inverse) - own[:, None, :2]) * ratio + boxes[:, None, :2]
    )


def mapped(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A new array of bytes on disk, with its room taken: a mapped file that finds none later ends the process."""
    np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    with open(path, "r+b") as file:
        _take_room(file, path.stat().st_size)
    return np.lib.format.open_memmap(path, "r+")


def _take_room(file: BinaryIO, size: int) -> None:
    """Make sure that the disk has room for a file of so many bytes, though most of them were never written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    while block := file.read(_BLOCK):  # a system that cannot be asked is given each byte anew
        file.seek(-len(block), os.SEEK_CUR)
        file.write(block)
        file.flush()
    os.fsync(file.fileno())
