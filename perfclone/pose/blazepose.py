"""BlazePose through mediapipe: weights in the wheel, offline, a matte for the asking; the default extractor."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from perfclone.pose.performer import person_size
from perfclone.pose.quiet import silent_stderr
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import KEYPOINTS, NECK, SHOULDERS

#: Longest side of the image given to the network, which itself sees 256 x 256 of it.
MAX_SIDE = 512
#: At most so many people are looked for in a frame.
MAX_PEOPLE = 5
#: A person counts as found with so many joints of at least half visibility.
MIN_JOINTS = 6
#: Where everybody is looked for, plants and furniture pass for people too; they were seen to reach 0.8 of a mean
#: visibility of head and shoulders and an empty matte, people 0.98 and more and half of the box around their joints.
MIN_VISIBILITY, MIN_MATTE = 0.9, 0.1
#: Our keypoint -> BlazePose landmark; the neck, which it has not, is the middle of the shoulders.
_LANDMARKS = {
    "nose": 0,
    "right_shoulder": 12, "right_elbow": 14, "right_wrist": 16,
    "left_shoulder": 11, "left_elbow": 13, "left_wrist": 15,
    "right_hip": 24, "right_knee": 26, "right_ankle": 28,
    "left_hip": 23, "left_knee": 25, "left_ankle": 27,
    "right_eye": 5, "left_eye": 2, "right_ear": 8, "left_ear": 7,
    "right_heel": 30, "right_toe": 32, "left_heel": 29, "left_toe": 31,
    "right_thumb": 22, "right_index": 20, "right_pinky": 18,
    "left_thumb": 21, "left_index": 19, "left_pinky": 17,
}  # fmt: skip
#: Nobody is here: what a graph sees to load its networks, and a tracker to lose track.
_BLANK = np.zeros((64, 64, 3), np.uint8)
_HEAD_AND_SHOULDERS = slice(0, 13)
_ORDER = [_LANDMARKS.get(name, 0) for name in KEYPOINTS]


class _Found(NamedTuple):
    """One person in the shrunken image: landmarks (33, 3) as x and y in 0-1 and visibility, matte (h, w) uint8."""

    landmarks: np.ndarray
    matte: np.ndarray | None


class BlazePose:
    """BlazePose full (Bazarevsky et al. 2020), Apache-2.0, by ``mediapipe.solutions.pose``.

    It sees one person at a time. So everybody is found by painting over those already found and looking again; after
    :meth:`follow` it tracks the one person from frame to frame, which is much faster, until that person is lost.

    Args:
        matte: Also give the matte of each person, at frame resolution.
    """

    name = "blazepose"
    batch = 1

    def __init__(self, *, matte: bool = False):
        self._matte = matte
        self._finder = _open_graph(static=True, matte=True)
        self._tracker = _open_graph(static=False, matte=matte)
        self._following = False
        self._image: np.ndarray | None = None
        self._people: list[tuple[_Found, Pose]] = []
        self._close = weakref.finalize(self, _close_graphs, self._finder, self._tracker)

    def __enter__(self) -> BlazePose:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Free the network; it happens by itself when the extractor is no longer used."""
        self._close()

    def reset(self) -> None:
        """Forget who is followed."""
        self.follow(None)
        self._image, self._people = None, []

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The people of each frame, largest first; only the one followed while there is one.

        Args:
            frames: (H, W, 3) uint8 RGB each, upright.
        """
        return [self._people_of(frame) for frame in frames]

    def follow(self, pose: Pose | None) -> None:
        """Track the person of this pose, returned by the last call of :meth:`people`; None looks for everybody."""
        if pose is None and self._following:
            self._tracker.process(_BLANK)
            self._following = False
        elif pose is not None and not self._following:
            image = self._image
            for found, other in self._people:
                if other is not pose:
                    image = _paint_over(image, found)
            self._following = _found_by(self._tracker, image) is not None

    def _people_of(self, frame: np.ndarray) -> list[Pose]:
        self._image = shrink(frame)
        if self._following:
            found = _found_by(self._tracker, self._image)
            if found is not None:
                return [self._to_pose(found, frame)]
            self._following = False
        everybody = [(found, self._to_pose(found, frame)) for found in _find_everybody(self._finder, self._image)]
        self._people = sorted(everybody, key=lambda person: person_size(person[1]), reverse=True)
        return [pose for _, pose in self._people]

    def _to_pose(self, found: _Found, frame: np.ndarray) -> Pose:
        height, width = frame.shape[:2]
        values = found.landmarks[_ORDER]
        values[NECK] = values[SHOULDERS].mean(axis=0)
        values[NECK, 2] = values[SHOULDERS, 2].min()
        inside = ((values[:, :2] >= 0) & (values[:, :2] < 1)).all(axis=1)
        matte = cv2.resize(found.matte, (width, height)) if self._matte else None
        return Pose(values[:, :2] * np.float32((width, height)), values[:, 2] * inside, matte)


def shrink(frame: np.ndarray) -> np.ndarray:
    """The frame with its longest side at most ``MAX_SIDE``, contiguous.

    Halving by area and then one linear step keeps it free of aliasing and costs a tenth of one step by area.
    """
    while max(frame.shape[:2]) >= 2 * MAX_SIDE:
        frame = cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)
    scale = MAX_SIDE / max(frame.shape[:2])
    return np.ascontiguousarray(frame) if scale >= 1 else cv2.resize(frame, None, fx=scale, fy=scale)


def _found_by(graph, image: np.ndarray) -> _Found | None:
    """The one person that the network sees best."""
    result = graph.process(image)
    if result.pose_landmarks is None:
        return None
    landmarks = np.array([(p.x, p.y, p.visibility) for p in result.pose_landmarks.landmark], np.float32)
    if (landmarks[:, 2] > 0.5).sum() < MIN_JOINTS:
        return None
    mask = result.segmentation_mask
    return _Found(landmarks, None if mask is None else (mask.clip(0, 1) * 255).astype(np.uint8))


def _find_everybody(graph, image: np.ndarray) -> list[_Found]:
    """Look, paint over who was found, look again, until nobody new is there."""
    people: list[_Found] = []
    while len(people) < MAX_PEOPLE and (found := _found_by(graph, image)) is not None:
        if not _is_person(found) or any(_box_overlap(found, other) > 0.5 for other in people):
            break
        people.append(found)
        image = _paint_over(image, found)
    return people


def _box(found: _Found) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner, 0-1, of the landmarks inside the picture."""
    points = found.landmarks[:, :2].clip(0, 1)
    return points.min(axis=0), points.max(axis=0)


def _is_person(found: _Found) -> bool:
    low, high = _box(found)
    share = (found.matte > 127).mean() / max((high - low).prod(), 1e-6)
    return found.landmarks[_HEAD_AND_SHOULDERS, 2].mean() > MIN_VISIBILITY and share > MIN_MATTE


def _box_overlap(a: _Found, b: _Found) -> float:
    """Intersection of the boxes over the smaller of them, 0-1."""
    (low_a, high_a), (low_b, high_b) = _box(a), _box(b)
    common = (np.minimum(high_a, high_b) - np.maximum(low_a, low_b)).clip(0).prod()
    return float(common / max(min((high_a - low_a).prod(), (high_b - low_b).prod()), 1e-6))


def _paint_over(image: np.ndarray, found: _Found) -> np.ndarray:
    """The image with a person replaced by the mean colour of what is around."""
    height, width = image.shape[:2]
    person = found.matte > 64
    points = (found.landmarks[found.landmarks[:, 2] > 0.5, :2] * (width, height)).astype(np.int32)
    hull = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), cv2.convexHull(points), 1)
    margin = max(3, int(0.05 * np.ptp(points, axis=0).max()))
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    person = cv2.dilate(person.astype(np.uint8), kernel) | (hull & (found.matte > 16))
    ring = cv2.dilate(person, kernel).astype(bool) & ~person.astype(bool)
    painted = image.copy()
    painted[person.astype(bool)] = (image[ring] if ring.any() else image.reshape(-1, 3)).mean(axis=0)
    return painted


def _open_graph(*, static: bool, matte: bool):
    """A running mediapipe graph, its networks loaded."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
    with silent_stderr():
        from mediapipe.python.solutions.pose import Pose as Graph

        graph = Graph(
            static_image_mode=static,
            model_complexity=1,
            smooth_landmarks=False,
            enable_segmentation=matte,
            smooth_segmentation=False,
            min_detection_confidence=0.3,
        )
        graph.process(_BLANK)
    return graph


def _close_graphs(*graphs) -> None:
    for graph in graphs:
        graph.close()
