"""What a pose carries beside its joints: how near they are, the face and the fingers; any of it may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from perfclone.pose.skeleton import KEYPOINTS, OTHER_SIDE

#: Apple's ARKit names of what a face can do, in alphabetical order: the place of each on the axis of expressions.
EXPRESSIONS: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
#: Points of a hand in MediaPipe's order: the wrist, then each finger from its root to its tip, the thumb first.
HAND_POINTS: tuple[str, ...] = ("wrist",) + tuple(
    f"{finger}_{n}" for finger in ("thumb", "index", "middle", "ring", "pinky") for n in range(1, 5)
)


@dataclass(frozen=True)
class Details:
    """What is known of a pose beside its joints, or of many: every array may have leading axes, the same in all.

    Attributes:
        depths: (..., J) float32, how much nearer to the camera than the middle of the hips each joint is, as a
            negative number of pixels of the frame (farther is positive); 0 where it is not known.
        expression: (..., 52) float32 in [0, 1], the actions of ``EXPRESSIONS``; left and right are the person's own.
        head: (..., 3) float32, rotation of the head against one that looks straight into the camera, radians: yaw,
            positive where the face turns to the right of the picture, pitch, positive where it turns down, and roll,
            positive where the top of the head tilts to the right of the picture.
        face_score: (...) float32 in [0, 1]; 0 where no face was found, then expression and head mean nothing.
        hands: (..., 2, 21, 2) float32, the right and the left hand, each with ``HAND_POINTS``, pixels of the frame,
            x then y.
        hand_scores: (..., 2) float32 in [0, 1]; 0 where that hand was not found, then its points mean nothing.
    """

    depths: np.ndarray
    expression: np.ndarray
    head: np.ndarray
    face_score: np.ndarray
    hands: np.ndarray
    hand_scores: np.ndarray

    def __post_init__(self):
        lead = np.shape(self.face_score)
        for name, shape in _SHAPES.items():
            array = np.asarray(getattr(self, name), np.float32)
            object.__setattr__(self, name, array)
            if array.shape != lead + shape:
                raise ValueError(f"{name} must be {lead + shape}, got {array.shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite")

    def __len__(self) -> int:
        return len(self.face_score)

    def __getitem__(self, index: int | slice | np.ndarray) -> Details:
        """Those of one pose, a slice or an index array, along the first axis."""
        return Details(*(array[index] for array in self.arrays().values()))

    @classmethod
    def unknown(cls, *lead: int) -> Details:
        """Nothing is known, all is 0; with these leading axes."""
        return cls(*(np.zeros(lead + shape, np.float32) for shape in _SHAPES.values()))

    @classmethod
    def stack(cls, details: Sequence[Details]) -> Details:
        """Those of several poses along a new first axis; there may be none."""
        if not details:
            return cls.unknown(0)
        return cls(*(np.stack([getattr(one, name) for one in details]) for name in _SHAPES))

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], prefix: str = "") -> Details | None:
        """Those of a file that holds what :meth:`arrays` gave, its names prefixed; None where it holds none."""
        names = [prefix + name for name in _SHAPES]
        return cls(*(arrays[name] for name in names)) if names[0] in arrays else None

    @property
    def known(self) -> bool:
        """Whether anything at all is known."""
        return any(array.any() for array in (self.depths, self.face_score, self.hand_scores))

    def arrays(self) -> dict[str, np.ndarray]:
        """Each array by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def swapped(self) -> Details:
        """The same where right and left of the body had been taken for one another; a face is told by itself."""
        return replace(
            self,
            depths=self.depths[..., _OTHER],
            hands=self.hands[..., ::-1, :, :],
            hand_scores=self.hand_scores[..., ::-1],
        )

    def with_hands_moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Details:
        """The same with the hands elsewhere in the picture.

        Args:
            move: Given points (..., 42, 2) of both hands; returns as many.
        """
        flat = self.hands.reshape(*self.face_score.shape, -1, 2)
        moved = np.where(self.hand_scores[..., None, None] > 0, move(flat).reshape(self.hands.shape), 0)
        return replace(self, hands=moved)


_OTHER = list(OTHER_SIDE)
_SHAPES = {
    "depths": (len(KEYPOINTS),),
    "expression": (len(EXPRESSIONS),),
    "head": (3,),
    "face_score": (),
    "hands": (2, len(HAND_POINTS), 2),
    "hand_scores": (2,),
}
#: Those of a pose of which nothing beside its joints is known.
UNKNOWN = Details.unknown()
