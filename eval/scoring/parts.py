"""The meters of faces and hands: found again or not, where their points are, how sharp and how alike they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from ..metrics.identity import FaceDistance
from ..metrics.parts import find_face, find_hand, point_error
from ..metrics.perceptual import load_perceptual
from ..metrics.picture import edge_energy, sharpness
from ..results import Row
from .meters import Series
from .regions import cut_square, hand_squares, head_square, points_square
from .sight import FramePair, Sight

#: Side of the squares in which faces and hands are compared, pixels.
PART_SIDE = 128
#: They are looked at in at most this many frames, evenly spaced.
PART_FRAMES = 150


class Part(NamedTuple):
    """A face or a hand of the truth.

    Attributes:
        wide: (2, 3) the square in which it was found, as `regions` has squares.
        points: (P, 2) pixels of that square.
        close: (2, 3) the square around its points.
    """

    wide: np.ndarray
    points: np.ndarray
    close: np.ndarray


class PartMeter:
    """Faces, or hands, where the truth shows them: one value a frame, the mean of both hands where both are there.

    Args:
        region: "face" or "hands".
        frames: How many pairs there will be.
        device: Where the perceptual network runs.
        identity: Measure the distance of faces too, which needs optional packages.
    """

    def __init__(self, region: Literal["face", "hands"], frames: int, device: str, identity: bool = False):
        self.region, self.network, self.series = region, load_perceptual(device), Series()
        self.every, self._t = math.ceil(frames / PART_FRAMES), -1
        self._find: Callable = find_face if region == "face" else find_hand
        self._identity = FaceDistance() if identity else None
        self._names = ["found_again", "point_error", "sharpness", self.network.name]
        self._names += ["face_distance"] if identity else []

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        self._t += 1
        found = []
        if self._t % self.every == 0:
            parts = pair.truth.once(self.region, lambda: list(self._parts(pair)))
            found = [self._compare(pair, part, n) for n, part in enumerate(parts)]
        for name in self._names:
            values = [each[name] for each in found if each.get(name) is not None]
            self.series.add(name, self.region, float(np.mean(values)) if values else None)

    def _parts(self, pair: FramePair) -> Iterator[Part]:
        """The faces or hands that the truth shows."""
        joints = pair.keypoints, pair.scores
        squares = [head_square(*joints)] if self.region == "face" else hand_squares(*joints, pair.torso)
        for wide in squares:
            points = None if wide is None else self._find(cut_square(pair.truth.pixels, wide), sure=True)
            if points is not None:
                yield Part(wide, points, points_square(points, wide, PART_SIDE))

    def _compare(self, pair: FramePair, part: Part, n: int) -> dict[str, float | None]:
        """What is measured of one of them."""
        head = cut_square(pair.output.pixels, part.wide)
        points = self._find(head)
        (features, energy), (real_features, real_energy) = (
            sight.once((self.region, n), lambda s=sight: self._see(s, part)) for sight in pair.sights
        )
        found = {
            "found_again": float(points is not None),
            "point_error": None if points is None else point_error(points, part.points),
            "sharpness": sharpness(energy, real_energy),
            self.network.name: float(self.network.distance(features, real_features)),
        }
        if self._identity:
            found["face_distance"] = self._identity.distance(head, cut_square(pair.truth.pixels, part.wide))
        return found

    def _see(self, sight: Sight, part: Part) -> tuple[list, float]:
        """What the network sees of it, enlarged, and how much detail it has at its own size."""
        features = self.network.features(cut_square(sight.pixels, part.close, PART_SIDE)[None])
        (left, top), size = -part.close[:, 2] / part.close[0, 0], PART_SIDE / part.close[0, 0]
        rows, columns = (slice(max(0, int(at)), max(0, math.ceil(at + size))) for at in (top, left))
        return features, edge_energy(sight.pixels[rows, columns])

    def finish(self, row: Row) -> None:
        """Hand the series over, or say that there is nothing to measure."""
        known = any(value is not None for value in self.series.found["found_again"][self.region])
        what = "face" if self.region == "face" else "hand"
        if not known:
            row.notes.append(f"No {what} was found in the real video, so nothing is said of any.")
            return
        self.series.into(row)
        if self.every > 1:
            row.notes.append(f"One frame of {self.every} was looked at for its {what}.")
