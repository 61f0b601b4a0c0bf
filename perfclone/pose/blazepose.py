"""BlazePose through mediapipe: weights in the wheel, offline, a matte for the asking; the default extractor."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from perfclone.pose.closeup import CloseUps
from perfclone.pose.details import UNKNOWN
from perfclone.pose.performer import person_size
from perfclone.pose.quiet import silent_stderr
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import KEYPOINTS, NECK, SHOULDERS
from perfclone.pose.window import Window, tiles

#: At most so many people are looked for in a frame.
MAX_PEOPLE = 5
#: A person counts as found with so many joints of at least half visibility.
MIN_JOINTS = 6
#: Where everybody is looked for, plants and furniture pass for people too; they were seen to reach 0.8 of a mean
#: visibility of head and shoulders and an empty matte, people 0.98 and more and half of the box around their joints.
MIN_VISIBILITY, MIN_MATTE = 0.9, 0.1
#: Where nobody is larger than this share of the frame's longest side, one frame in so many is looked at in tiles, too:
#: of these shares of that side, the next only if nobody is in sight yet, and none of fewer pixels than the last.
LARGE, SEARCH_EVERY, TILES, SMALLEST_TILE = 0.25, 30, (0.5, 0.25), 240
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
_BODY = [*range(9), *range(11, 17), *range(23, 33)]
_ORDER = [_LANDMARKS.get(name, 0) for name in KEYPOINTS]


class _Found(NamedTuple):
    """One person in a window.

    Attributes:
        landmarks: (33, 3) x and y in 0-1 of the window, and visibility.
        depths: (33,) behind the middle of the hips, 1 is the width of the window.
        matte: (h, w) uint8 or None.
        window: Where it was found.
    """

    landmarks: np.ndarray
    depths: np.ndarray
    matte: np.ndarray | None
    window: Window

    @property
    def points(self) -> np.ndarray:
        """(33, 2) pixels of the frame."""
        return self.window.to_frame(self.landmarks[:, :2])

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Upper left and lower right corner, pixels of the frame, of the landmarks inside the window."""
        points = self.window.to_frame(self.landmarks[:, :2].clip(0, 1))
        return points.min(axis=0), points.max(axis=0)


class BlazePose:
    """BlazePose full (Bazarevsky et al. 2020), Apache-2.0, by ``mediapipe.solutions.pose``.

    It sees one person at a time. So everybody is found by painting over those already found and looking again, in the
    whole picture and, where nobody large is in it, in tiles of it. After :meth:`follow` it tracks the one person from
    frame to frame in a window that goes along, which is much faster, until that person is lost.

    Args:
        matte: Also give the matte of each person, at frame resolution; by the larger network where its file is.
        details: Let :meth:`look_closer` find faces and hands. Depths come for free.
    """

    name = "blazepose"
    batch = 1

    def __init__(self, *, matte: bool = False, details: bool = True):
        self._matte, self._details = matte, details
        self._close_ups: CloseUps | None = None
        complexity = 2 if matte and _heavy_network().is_file() else 1
        self._finder = _open_graph(static=True, matte=True, complexity=complexity)
        self._tracker = _open_graph(static=False, matte=matte, complexity=complexity)
        self._graphs = [self._finder, self._tracker]
        self._close = weakref.finalize(self, _close_graphs, self._graphs)
        self._window: Window | None = None
        self._frame: np.ndarray | None = None
        self._people: list[tuple[_Found, Pose]] = []
        self._searched = 0

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
        self._frame, self._people, self._searched = None, [], 0
        if self._close_ups:
            self._close_ups.reset()

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The people of each frame, largest first; only the one followed while there is one.

        Args:
            frames: (H, W, 3) uint8 RGB each, upright.
        """
        return [self._people_of(frame) for frame in frames]

    def everybody(self, frame: np.ndarray) -> list[Pose]:
        """The people of a frame, those too who are far away, however large somebody else is; slow.

        Args:
            frame: (H, W, 3) uint8 RGB, upright.
        """
        people = _find_everybody(self._finder, frame, Window.whole(frame.shape[1::-1]))
        for share in TILES:
            people = _with(people, _find_in_tiles(self._finder, frame, share))
        return [self._to_pose(found) for found in people]

    def follow(self, pose: Pose | None) -> None:
        """Track the person of this pose, returned by the last call of :meth:`people`; None looks for everybody."""
        if pose is None and self._window is not None:
            self._tracker.process(_BLANK)
            self._window = None
        elif pose is not None and self._window is None:
            person = next(found for found, other in self._people if other is pose)
            window = Window.around(person.points[_BODY], person.window.frame)
            picture = window.picture(self._frame)
            for found, other in self._people:
                if other is not pose:
                    picture = _paint_over(picture, _seen_in(window, found))
            self._window = window if _found_by(self._tracker, picture, window) else None
            self._searched = 0

    def look_closer(self, frame: np.ndarray, pose: Pose) -> Pose:
        """The pose of the performer with face and hands; see :class:`perfclone.pose.extractor.CloserExtractor`."""
        if not self._details:
            return pose
        if self._close_ups is None:
            self._close_ups = CloseUps()
            self._graphs.append(self._close_ups)
        return self._close_ups(frame, pose)

    def _people_of(self, frame: np.ndarray) -> list[Pose]:
        self._frame = frame
        if self._window is not None:
            found = _found_by(self._tracker, self._window.picture(frame), self._window)
            if found is not None:
                self._window = self._window.following(found.points[_BODY])
                return [self._to_pose(found)]
        lost, self._window = self._window, None
        people = [(found, self._to_pose(found)) for found in self._look_for_everybody(frame, lost)]
        self._people = sorted(people, key=lambda person: person_size(person[1]), reverse=True)
        return [pose for _, pose in self._people]

    def _look_for_everybody(self, frame: np.ndarray, lost: Window | None) -> list[_Found]:
        """The people of a frame, wherever they are; ``lost`` is the window out of which somebody just went."""
        whole = Window.whole(frame.shape[1::-1])
        people = _find_everybody(self._finder, frame, whole)
        if lost is not None and lost.side < whole.side:
            people = _with(people, _find_everybody(self._finder, frame, lost))
        elif not any(np.ptp(found.box, axis=0).max() > LARGE * whole.side for found in people):
            if self._searched % SEARCH_EVERY == 0:
                found = (_with(people, _find_in_tiles(self._finder, frame, share)) for share in TILES)
                people = next((more for more in found if more), people)
            self._searched += 1
        return people

    def _to_pose(self, found: _Found) -> Pose:
        values = found.landmarks[_ORDER]
        values[NECK] = values[SHOULDERS].mean(axis=0)
        values[NECK, 2] = values[SHOULDERS, 2].min()
        points = found.window.to_frame(values[:, :2])
        inside = ((points >= 0) & (points < found.window.frame)).all(axis=1)
        matte = found.window.spread(found.matte) if self._matte else None
        depths = found.depths[_ORDER]
        depths[NECK] = depths[SHOULDERS].mean()
        details = replace(UNKNOWN, depths=depths * found.window.width)
        return Pose(points, values[:, 2] * inside, matte, details)


def _found_by(graph, picture: np.ndarray, window: Window) -> _Found | None:
    """The one person that the network sees best in the picture of a window."""
    result = graph.process(picture)
    if result.pose_landmarks is None:
        return None
    values = np.array([(p.x, p.y, p.visibility, p.z) for p in result.pose_landmarks.landmark], np.float32)
    landmarks, depths = values[:, :3].copy(), values[:, 3]
    if (landmarks[:, 2] > 0.5).sum() < MIN_JOINTS:
        return None
    mask = result.segmentation_mask
    return _Found(landmarks, depths, None if mask is None else (mask.clip(0, 1) * 255).astype(np.uint8), window)


def _find_everybody(graph, frame: np.ndarray, window: Window) -> list[_Found]:
    """Look, paint over who was found, look again, until nobody new is there."""
    people: list[_Found] = []
    picture = window.picture(frame)
    while len(people) < MAX_PEOPLE and (found := _found_by(graph, picture, window)) is not None:
        if not _is_person(found) or any(_box_overlap(found, other) > 0.5 for other in people):
            break
        people.append(found)
        picture = _paint_over(picture, found)
    return people


def _find_in_tiles(graph, frame: np.ndarray, share: float) -> list[_Found]:
    """The people whom tiles of a share of the frame show, each confirmed by a look from nearby."""
    size, people = frame.shape[1::-1], []
    for tile in tiles(size, share) if share * max(size) >= SMALLEST_TILE else []:
        for found in _find_everybody(graph, frame, tile):
            window = Window.around(found.points[_BODY], size)
            nearby = _found_by(graph, window.picture(frame), window)
            if nearby is not None and _is_person(nearby) and _box_overlap(nearby, found) > 0.5:
                people = _with(people, [nearby])
    return people


def _with(people: list[_Found], more: list[_Found]) -> list[_Found]:
    """Both, without those of the second who are among the first."""
    return people + [found for found in more if not any(_box_overlap(found, other) > 0.5 for other in people)]


def _is_person(found: _Found) -> bool:
    low, high = found.landmarks[:, :2].clip(0, 1).min(axis=0), found.landmarks[:, :2].clip(0, 1).max(axis=0)
    share = (found.matte > 127).mean() / max((high - low).prod(), 1e-6)
    return found.landmarks[_HEAD_AND_SHOULDERS, 2].mean() > MIN_VISIBILITY and share > MIN_MATTE


def _box_overlap(a: _Found, b: _Found) -> float:
    """Intersection of the boxes over the smaller of them, 0-1."""
    (low_a, high_a), (low_b, high_b) = a.box, b.box
    common = (np.minimum(high_a, high_b) - np.maximum(low_a, low_b)).clip(0).prod()
    return float(common / max(min((high_a - low_a).prod(), (high_b - low_b).prod()), 1e-6))


def _seen_in(window: Window, found: _Found) -> _Found:
    """The same person in another window."""
    left, top, right, bottom = window.box
    points = (found.points - np.float32((left, top))) / np.float32((right - left, bottom - top))
    matte = window.picture(found.window.spread(found.matte))
    return _Found(np.concatenate([points, found.landmarks[:, 2:]], axis=1), found.depths, matte, window)


def _paint_over(picture: np.ndarray, found: _Found) -> np.ndarray:
    """The picture with a person replaced by the mean colour of what is around."""
    height, width = picture.shape[:2]
    person = found.matte > 64
    points = (found.landmarks[found.landmarks[:, 2] > 0.5, :2] * (width, height)).astype(np.int32)
    hull = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), cv2.convexHull(points), 1)
    margin = max(3, int(0.05 * np.ptp(points, axis=0).max()))
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    person = cv2.dilate(person.astype(np.uint8), kernel) | (hull & (found.matte > 16))
    ring = cv2.dilate(person, kernel).astype(bool) & ~person.astype(bool)
    painted = picture.copy()
    painted[person.astype(bool)] = (picture[ring] if ring.any() else picture.reshape(-1, 3)).mean(axis=0)
    return painted


def _open_graph(*, static: bool, matte: bool, complexity: int):
    """A running mediapipe graph, its networks loaded."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
    with silent_stderr():
        from mediapipe.python.solutions.pose import Pose as Graph

        graph = Graph(
            static_image_mode=static,
            model_complexity=complexity,
            smooth_landmarks=False,
            enable_segmentation=matte,
            smooth_segmentation=False,
            min_detection_confidence=0.3,
        )
        graph.process(_BLANK)
    return graph


def _heavy_network() -> Path:
    """Where the larger network is, whose mattes are cleaner, if somebody put its file beside those of the wheel."""
    import mediapipe

    return Path(mediapipe.__file__).parent / "modules" / "pose_landmark" / "pose_landmark_heavy.tflite"


def _close_graphs(graphs: list) -> None:
    for graph in graphs:
        graph.close()
