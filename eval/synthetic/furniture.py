"""What hangs on the wall of a room and stands against it, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: How far right and left of the middle things may stand, metres.
FARTHEST = 14.0


@dataclass(frozen=True)
class Wall:
    """A wall while it is furnished.

    Attributes:
        image: (H, W, 3) float32, sRGB 0-255; painted in place.
        x: (H, W) m, how far right of the wall's middle each pixel is.
        y: (H, W) m, how far above the floor.
        rng: Chooses everything; each thing draws from it in order.
    """

    image: np.ndarray
    x: np.ndarray
    y: np.ndarray
    rng: np.random.Generator

    def furnish(self) -> None:
        """Stand two of a shelf, a door and a plant to the left and right, and hang a picture or two."""
        left, right = self.rng.permutation(3)[:2]
        for k, cx in ((left, -1.25), (right, 1.25)):
            (self.shelf, self.door, self.plant)[k](cx + self.rng.uniform(-0.1, 0.1))
            if k == 2:
                self.picture(cx * 0.95, 1.75)
        self.picture(self.rng.uniform(-0.45, 0.45), 1.95)

    def furnish_beyond(self) -> None:
        """Go on to the left and right of what :meth:`furnish` does, which an ordinary camera does not see."""
        for cx in np.arange(3.4, min(self.x.max(), FARTHEST), 2.1):
            for middle in (-cx, cx):
                part = self._between(middle - 0.6, middle + 1.5)
                (part.shelf, part.door, part.plant)[self.rng.integers(3)](middle)
                part.picture(middle + 1.05, self.rng.uniform(1.5, 2.1))

    def _between(self, left: float, right: float) -> Wall:
        """The part of the wall from left to right, m."""
        columns = np.flatnonzero((self.x[0] > left) & (self.x[0] < right))
        seen = (slice(None), slice(*columns[[0, -1]]) if len(columns) else slice(0, 0))
        return Wall(self.image[seen], self.x[seen], self.y[seen], self.rng)

    def picture(self, cx: float, cy: float) -> None:
        """Hang a framed landscape, its middle at (cx, cy) m."""
        x, y, rng = self.x, self.y, self.rng
        w, h = rng.uniform(0.18, 0.3), rng.uniform(0.16, 0.26)
        self.image[self._inside(cx - w, cy - h, cx + w, cy + h, dx=0.03, dy=-0.03)] *= 0.82
        self.image[self._inside(cx - w, cy - h, cx + w, cy + h)] = self._colour(30, 90)
        inner = self._inside(cx - w + 0.03, cy - h + 0.03, cx + w - 0.03, cy + h - 0.03)
        sky, meadow, sunlight = self._colour(120, 235), self._colour(60, 200), self._colour(60, 200)
        hill = cy - 0.05 + 0.06 * np.sin((x - cx) * rng.uniform(8, 16) + rng.uniform(0, 6))
        sun = np.hypot(x - cx - 0.06, y - cy - 0.07) < 0.045
        self.image[inner] = np.where((y < hill)[..., None], meadow, np.where(sun[..., None], sunlight, sky))[inner]

    def shelf(self, cx: float) -> None:
        """Stand a shelf full of books, its middle at cx m."""
        wood, w, rng = self._colour(70, 150), 0.38, self.rng
        self.image[self._inside(cx - w, 0, cx + w, 1.75, dx=0.04)] *= 0.85
        self.image[self._inside(cx - w, 0, cx + w, 1.75)] = wood
        for level in np.arange(0.1, 1.6, 0.41):
            self.image[self._inside(cx - w + 0.03, level, cx + w - 0.03, level + 0.37)] = wood * 0.5
            left = cx - w + 0.05
            while left < cx + w - 0.1:
                thick, tall, back = rng.uniform(0.025, 0.06), rng.uniform(0.2, 0.32), self._colour(50, 210)
                self.image[self._inside(left, level, left + thick, level + tall)] = back
                label = self._inside(left, level + tall * 0.7, left + thick, level + tall * 0.78)
                self.image[label] = back * 0.7 + 60
                left += thick + rng.choice((0.004, 0.004, 0.05))

    def door(self, cx: float) -> None:
        """Put a door in, its middle at cx m."""
        paint = self._colour(130, 235)
        self.image[self._inside(cx - 0.5, 0, cx + 0.5, 2.1)] = paint * 0.88
        self.image[self._inside(cx - 0.43, 0, cx + 0.43, 2.03)] = paint
        for low, high in ((0.15, 0.9), (1.05, 1.9)):
            for left in (-0.35, 0.04):
                self.image[self._inside(cx + left, low, cx + left + 0.31, high)] = paint * 0.93
                self.image[self._inside(cx + left, high - 0.02, cx + left + 0.31, high)] = paint * 0.8
        self.image[np.hypot(self.x - cx + 0.36, self.y - 1.0) < 0.03] = (190, 170, 110)

    def plant(self, cx: float) -> None:
        """Stand a plant in its pot, its middle at cx m."""
        x, y, rng = self.x, self.y, self.rng
        pot = self._inside(cx - 0.14, 0, cx + 0.14, 0.3) & (np.abs(x - cx) < 0.1 + y * 0.13)
        self.image[pot] = self._colour(90, 200)
        for _ in range(26):
            tip = rng.uniform(-0.36, 0.36), rng.uniform(0.5, 1.25)
            u = np.clip((y - 0.3) / (tip[1] - 0.3), 0, 1)
            leaf = np.abs(x - cx - tip[0] * u**1.6) < 0.035 * np.sin(np.pi * u) + 0.003
            self.image[leaf & (y > 0.3) & (y < tip[1])] = np.array((40, 95, 45)) * rng.uniform(0.75, 1.35)

    def _colour(self, low: int, high: int) -> np.ndarray:
        return self.rng.integers(low, high, 3).astype(np.float32)

    def _inside(
        self, left: float, bottom: float, right: float, top: float, dx: float = 0.0, dy: float = 0.0
    ) -> np.ndarray:
        """(H, W) bool, where a rectangle is, moved by (dx, dy) m."""
        x, y = self.x - dx, self.y - dy
        return (x > left) & (x < right) & (y > bottom) & (y < top)
