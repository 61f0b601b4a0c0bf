"""The camera: does it stand still, and if not, how are its frames laid over one another?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from perfclone.background.align import Picture
from perfclone.background.margin import size_within
from perfclone.background.place import Place, content, find_place, shift_of

_SIDE = 960  # longest side of the pictures in which the camera is measured
_EXPLAINED = 0.5  # share of the background from which a frame is believed to show the place
_ODD = 0.03  # share of the frames up to which, like a single one, those of other places are not worth a word
_MOST_LOST = 0.5  # share of the frames that may belong to no place of more than a few frames


@dataclass(frozen=True)
class View:
    """How a frame saw the place.

    Attributes:
        matrix: (3, 3) float64, pixels of the frame -> pixels of the steady view; exactly the identity where the camera
            stands still.
        explained: Share of the frame's patterned background that looks as the place does, in [0, 1].
    """

    matrix: np.ndarray
    explained: float


@dataclass(frozen=True)
class Camera:
    """How the camera moved, and how to lay its frames over one another.

    Attributes:
        kind: "still"; "moving", where the frames can be laid over one larger picture of the place; or "lost".
        views: For each frame looked at how it saw the place, in that frame's own pixels; None: it shows another place.
        max_shift_px: Largest shift of a picture corner against the steady view, pixels of a picture whose short side
            is 720.
        median_shift_px: The same, median over the frames.
        movement: What the camera does, as the end of a sentence that begins "the camera: ".
        left_out: Share of the frames that show other places, in [0, 1]; a single one, or up to 3 %, does not count.
    """

    kind: Literal["still", "moving", "lost"]
    views: tuple[View | None, ...]
    max_shift_px: float
    median_shift_px: float
    movement: str
    left_out: float
    _place: Place

    def tracker(self) -> CameraTracker:
        """Something that says of each frame of the same video, in order, how it saw the place."""
        return CameraTracker(self._place, self.kind)


class CameraTracker:
    """Lays every frame over the place itself, so that no error adds up.

    Args:
        place: From :func:`find_camera`.
        kind: Of the camera.
    """

    def __init__(self, place: Place, kind: str):
        self._place, self._still = place, kind == "still"
        self._last: np.ndarray | None = None

    def __call__(self, pixels: np.ndarray, matte: np.ndarray, cut: bool = False) -> View | None:
        """How a frame saw the place.

        Args:
            pixels: (H, W, 3) uint8 RGB, of any size of the video's shape.
            matte: (H, W) uint8, 255 where anybody is.
            cut: Whether this frame begins another shot.

        Returns:
            The view in this frame's own pixels; None where it does not show the place.
        """
        place = self._place
        picture = place.picture(pixels, matte)
        if self._still:
            explained = place.template.explained(picture, np.eye(3))
            return View(np.eye(3), explained) if explained >= _EXPLAINED else None
        fit = None
        if self._last is not None and not cut:
            fit = place.template.fit(picture, self._last, coarsest=2, freedom=place.freedom)
        if fit is None or fit.explained < _EXPLAINED:
            fit = max(place.search(picture), key=lambda each: each.explained, default=None)
        if fit is None or fit.explained < _EXPLAINED:
            self._last = None
            return None
        self._last = fit.matrix
        return View(_scaled(np.linalg.inv(fit.matrix), place.size, pixels.shape[1::-1]), fit.explained)


def find_camera(frames: Sequence[np.ndarray], mattes: Sequence[np.ndarray]) -> Camera:
    """Find out whether the camera stands still, and how its frames are laid over one another.

    That it stands still is what is believed until most of the picture fits clearly better otherwise: noise, shadows,
    lamps, captions, screens and a background without texture are no movement.

    Args:
        frames: Pictures (h, w, 3) uint8 RGB of one size, evenly spread over the video, about two a second.
        mattes: (h, w) uint8 for each, 255 where anybody is.

    Raises:
        ValueError: There is no frame, or not as many mattes.
    """
    if not frames or len(frames) != len(mattes):
        raise ValueError(f"a camera needs a matte for each of its frames; got {len(frames)} and {len(mattes)}")
    given = frames[0].shape[1::-1]
    size = size_within(_SIDE, frames[0])
    inside = content(frames, size)
    pictures = [Picture.of(pixels, matte, size, inside) for pixels, matte in zip(frames, mattes)]
    place, fits, lost = find_place(pictures, size, inside)
    elsewhere = sum(fit is None for fit in fits)
    left_out = elsewhere / len(fits) if elsewhere > max(1, _ODD * len(fits)) else 0.0
    views = tuple(fit and View(_scaled(np.linalg.inv(fit.matrix), size, given), fit.explained) for fit in fits)
    shifts = np.array([shift_of(view.matrix, given[::-1]) for view in views if view])
    kind = "lost" if lost > _MOST_LOST else "moving" if shifts.any() else "still"
    movement = _words(kind, views, shifts, left_out)
    return Camera(kind, views, float(shifts.max()), float(np.median(shifts)), movement, left_out, place)


def _scaled(matrix: np.ndarray, size: tuple[int, int], wanted: tuple[int, int]) -> np.ndarray:
    """A matrix between pixels of pictures of one (w, h), as one between pixels of pictures of another."""
    x, y = wanted[0] / size[0], wanted[1] / size[1]
    grow = np.array([[x, 0, 0.5 * x - 0.5], [0, y, 0.5 * y - 0.5], [0, 0, 1]])
    return matrix if size == wanted or np.array_equal(matrix, np.eye(3)) else grow @ matrix @ np.linalg.inv(grow)


def _words(kind, views, shifts, left_out) -> str:
    """What the camera does, as the end of a sentence."""
    if kind == "lost":
        return "in most of its frames the background cannot be laid over that of the others"
    zooms = np.array([np.sqrt(abs(np.linalg.det(view.matrix[:2, :2]))) for view in views if view])
    zoom = float(zooms.max() / zooms.min() - 1)
    if kind == "still":
        words = "it stands still"
    elif zoom > 0.05 and zoom * 0.5 * 720 > 0.5 * shifts.max():
        words = f"it zooms by {zoom:.0%}"
    else:
        words = f"it drifts by up to {shifts.max():.0f} px at 720p"
    return f"{words}, and {left_out:.0%} of the video shows other places" if left_out else words
