"""Telling one performer from the other people of a clip."""

from __future__ import annotations

import logging

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import BODY_18, INDEX, TRUNK

#: How far the performer may move, in body sizes: this much at once, and this much more for each second unseen.
REACH, REACH_PER_SECOND = 0.35, 2.0
#: Largest difference in the colours of the clothes (CIELAB units, 0-255 scale) of one person in two frames.
COLOUR_TOLERANCE = 40.0
#: Somebody else's clothes are believed only within REACH, and not after an absence longer than this, in seconds. It
#: counts from the first frame without the performer: a second between two frames of a slow video is no absence.
ABSENCE = 0.5
#: A performer half out of the picture looks smaller by this factor a frame at most.
SIZE_MEMORY = 0.98
#: Share of a new look that enters the remembered one.
COLOUR_UPDATE = 0.05

#: Somebody whom nothing tells from a performer in other clothes or other light is taken for them after so many
#: seconds as the only one; as the most alike of several, after so many without the performer. Seconds unseen between.
ALONE, LOST, BLINK = 1.0, 5.0, 0.25

log = logging.getLogger(__name__)

_THIGHS = [(INDEX[f"{side}_hip"], INDEX[f"{side}_knee"]) for side in ("right", "left")]


def person_size(pose: Pose) -> float:
    """Diagonal of the box around the joints seen, in pixels; 0 for nobody."""
    seen = pose.keypoints[:BODY_18][pose.scores[:BODY_18] > 0]
    return float(np.linalg.norm(np.ptp(seen, axis=0))) if len(seen) else 0.0


def person_centre(pose: Pose) -> np.ndarray:
    """(2,) mean of the torso joints seen, or of all joints seen where no torso is; pixels."""
    torso = [j for j in TRUNK if pose.scores[j] > 0]
    return pose.keypoints[torso or pose.scores > 0].mean(axis=0)


def clothes(pose: Pose, pixels: np.ndarray) -> np.ndarray:
    """Mean colour of the chest and of the thighs.

    Args:
        pose: A pose in the frame.
        pixels: (H, W, 3) uint8 RGB, the frame.

    Returns:
        (2, 3) float32 CIELAB in OpenCV's 8-bit scale; NaN for a part that is not seen.
    """
    t = np.linspace(0.15, 0.85, 8, dtype=np.float32)[:, None]
    right, left, right_hip, left_hip = pose.keypoints[TRUNK]
    sides = right + t * (right_hip - right), left + t * (left_hip - left)
    chest = (sides[0][None] + t[:, None] * (sides[1] - sides[0])[None]).reshape(-1, 2)
    thighs = [
        pose.keypoints[a] + t * (pose.keypoints[b] - pose.keypoints[a])
        for a, b in _THIGHS
        if pose.scores[a] > 0 and pose.scores[b] > 0
    ]
    parts = [chest if (pose.scores[TRUNK] > 0).all() else None, np.concatenate(thighs) if thighs else None]
    return np.stack([_mean_colour(pixels, part) for part in parts])


def _mean_colour(pixels: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """(3,) mean CIELAB colour at the points, NaN for None."""
    if points is None:
        return np.full(3, np.nan, np.float32)
    height, width = pixels.shape[:2]
    x, y = points.astype(int).clip(0, (width - 1, height - 1)).T
    return cv2.cvtColor(pixels[y, x][None], cv2.COLOR_RGB2LAB)[0].mean(axis=0, dtype=np.float32)


def _colour_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference among the parts seen in both; 0 where there is none to compare."""
    difference = np.linalg.norm(a - b, axis=1)
    return float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return _colour_difference(a, b) <= COLOUR_TOLERANCE


class Performer:
    """The one person followed through a clip: chosen by size once, then by nearness and clothes.

    Who is lost is taken up again, with a warning, as the only person there or the most alike, unless that is somebody
    who was seen beside the performer.

    Args:
        rank: 0 takes the largest person of the first frame where anybody is, 1 the second largest, and so on.
    """

    def __init__(self, rank: int = 0):
        self.rank = rank
        self._last: Pose | None = None
        self._time, self._size = 0.0, 1.0
        self._absent_since: float | None = None
        self._clothes: np.ndarray | None = None
        self._anywhere = False
        self._bystanders: list[np.ndarray] = []
        self._alone: tuple[float, float] | None = None

    def cut(self) -> None:
        """The next frame belongs to another shot: the performer may be anywhere in it, and of any size."""
        self._anywhere = self._last is not None

    def choose(self, people: list[Pose], pixels: np.ndarray, time: float) -> Pose | None:
        """The performer among the people of the next frame, or None if absent.

        Args:
            people: The people found in the frame.
            pixels: (H, W, 3) uint8 RGB, the frame.
            time: Its time in seconds.

        Raises:
            UserError: It is the first frame with people, and there are too few of them.
        """
        people = [pose for pose in people if pose.seen]
        if self._last is None:
            pose = self._pick_by_size(people, time)
        else:
            pose = self._recognise(people, pixels, time) or self._take_up(people, pixels, time)
        if pose is not None:
            self._remember(pose, pixels, time)
            self._know_bystanders([other for other in people if other is not pose], pixels)
        elif self._absent_since is None:
            self._absent_since = time
        return pose

    def _pick_by_size(self, people: list[Pose], time: float) -> Pose | None:
        if not people:
            return None
        if self.rank >= len(people):
            raise UserError(
                f"Person {self.rank} was asked for, counting from 0, but the first frame with anybody in it "
                f"(at {time:.2f} s) shows {len(people)}; ask for a person below {len(people)}."
            )
        return sorted(people, key=person_size, reverse=True)[self.rank]

    def _recognise(self, people: list[Pose], pixels: np.ndarray, time: float) -> Pose | None:
        unseen = time - self._time
        absent = 0.0 if self._absent_since is None else time - self._absent_since
        reach = np.inf if self._anywhere else REACH + REACH_PER_SECOND * unseen
        best, lowest = None, np.inf
        for pose in people:
            moved = np.linalg.norm(person_centre(pose) - person_centre(self._last)) / self._size
            colour = _colour_difference(clothes(pose, pixels), self._clothes) / COLOUR_TOLERANCE
            other_clothes = colour > 1 and (moved > REACH or absent > ABSENCE)
            if moved <= reach and not other_clothes and moved / reach + colour < lowest:
                best, lowest = pose, moved / reach + colour
        return best

    def _take_up(self, people: list[Pose], pixels: np.ndarray, time: float) -> Pose | None:
        """Somebody who may be the performer in other light or clothes, once they were there long enough."""
        looks = [(pose, clothes(pose, pixels)) for pose in people]
        strangers = [(pose, look) for pose, look in looks if not any(_alike(look, b) for b in self._bystanders)]
        absent = 0.0 if self._absent_since is None else time - self._absent_since
        if len(strangers) == 1:
            since, last = self._alone or (time, time)
            self._alone = (since if time - last <= BLINK else time, time)
            why = f"was the only one there for {ALONE:g} s" if time - self._alone[0] >= ALONE else None
        else:
            self._alone = self._alone if not strangers else None
            why = f"was the most alike after {LOST:g} s" if strangers and absent >= LOST else None
        if why is None:
            return None
        log.warning("At %.1f s the performer is taken up again: somebody who looks different %s.", time, why)
        pose = min(strangers, key=lambda other: _colour_difference(other[1], self._clothes))[0]
        self._clothes = None
        return pose

    def _know_bystanders(self, others: list[Pose], pixels: np.ndarray) -> None:
        """Remember those seen beside the performer in other clothes: the performer is none of them."""
        for look in (clothes(pose, pixels) for pose in others):
            known = any(_alike(look, bystander) for bystander in self._bystanders)
            if not known and np.isfinite(look).any() and not _alike(look, self._clothes):
                self._bystanders.append(look)

    def _remember(self, pose: Pose, pixels: np.ndarray, time: float) -> None:
        look = clothes(pose, pixels)
        if self._clothes is not None:
            mixed = self._clothes + COLOUR_UPDATE * (look - self._clothes)
            look = np.where(np.isnan(mixed), np.where(np.isnan(look), self._clothes, look), mixed)
        self._last, self._time, self._clothes, self._absent_since = pose, time, look, None
        self._anywhere, self._alone = False, None
        self._size = max(person_size(pose), SIZE_MEMORY * self._size)
