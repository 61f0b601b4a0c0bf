"""Exemplars on the disk: their pictures, and the marks of the faces in them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from perfclone.backends.layered.choice import FACE_TRAITS
from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.features import MARKS
from perfclone.backends.layered.pictures import code
from perfclone.pose.sequence import Pose


class Kept:
    """The exemplars of a reference video, as they come.

    Args:
        at: (K,) int, rising, which frames they are.

    Attributes:
        pictures: Those that came, coded.
        marks: (P, 2) for each, as ``Exemplars.marks``.
        faces: (FACE_TRAITS,) for each, the face in that very frame, unsmoothed; 0 where none is found.
    """

    def __init__(self, at: np.ndarray):
        self.at, self.pictures, self.marks, self.faces = at, [], [], []
        self._find = None

    def add(self, frame: np.ndarray, pose: Pose, box: Box, picture: np.ndarray) -> None:
        """Keep the next one.

        Args:
            frame: (H, W, 3) uint8, the whole frame.
            pose: The person in it.
            box: Where the crop lies in it.
            picture: (S, S, 4) uint8, the person cut out.
        """
        self.pictures.append(code(picture))
        face, marks = np.zeros(FACE_TRAITS, np.float32), np.zeros((len(MARKS), 2), np.float32)
        found = self._look(frame, pose)
        if found is not None:
            marks[:] = (found.points[list(MARKS)] - (box.x, box.y)) * (2 / box.side) - 1
            face[:] = np.concatenate([[1], found.head, found.expression])
        self.marks.append(marks)
        self.faces.append(face)

    def _look(self, frame: np.ndarray, pose: Pose):
        if not find_spec("mediapipe"):  # poses are at hand, and nothing else that would need it
            return None
        from perfclone.pose.face import FaceFinder

        self._find = self._find or FaceFinder()
        return self._find(frame, pose)

    def save(self, folder: Path) -> None:
        """Write them."""
        if self._find:
            self._find.close()
        lengths, whole = [len(picture) for picture in self.pictures], np.frombuffer(b"".join(self.pictures), np.uint8)
        faces = {"marks": np.stack(self.marks), "faces": np.stack(self.faces)}
        np.savez(folder / "exemplars.npz", at=self.at, lengths=lengths, pictures=whole, **faces)
