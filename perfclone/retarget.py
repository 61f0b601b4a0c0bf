"""Retargeting: a driving pose moved to the actor's limb lengths, place and scale. Plain maths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, repeat

import numpy as np

from perfclone.pose.body import BONES, LENGTHS, ROOT, Body, bone_vectors, find_root, lowest, measure_body
from perfclone.pose.details import Details
from perfclone.pose.driver import MEASURED, ZOOM_AHEAD_S, driven
from perfclone.pose.expression import expressed, find_neutral
from perfclone.pose.floor import Floor
from perfclone.pose.sequence import Moment, Pose, PoseSequence
from perfclone.pose.skeleton import FEET, KEYPOINTS, joints
from perfclone.pose.space import normalise
from perfclone.pose.stance import FADE_S, Stance, stand_in

#: The floor line of the clone may leave the actor's by this share of the actor's height: so much higher stand feet
#: in the picture whose toes point away from the camera, or one step deeper in the room.
_STRAY = 0.015
#: No further than this share of the actor's height do feet sink into the floor: that of a leap down lags a little.
_SINK = 0.03
#: Of the way from the actor's usual place to where the body, hands aside, touches the border of the picture, this
#: share is free, and the rest is never quite reached. There always is the one, and flesh around the joints the other,
#: in torso lengths.
_FREE, _LEAST, _FLESH = 0.7, 0.2, 0.1
_WRISTS = joints("right_wrist", "left_wrist")
_HANDS = np.array([name.split("_")[-1] in ("wrist", "thumb", "index", "pinky") for name in KEYPOINTS])


@dataclass(frozen=True)
class Retarget:
    """The stage that moves a driver's poses to the actor, whose feet stay on their floor wherever the driver walks.

    It is :func:`retarget` over a floor line that follows what the driver rests on. Who walks towards the camera comes
    lower in the picture, and so does the floor under them; the lowest foot tells where it is, but for jumps, which are
    rises that end within ``airborne_s``. The morphological closing of the foot's path (Serra, 1982) fills just these
    and follows everything else without lag. Where no foot is seen the floor stays where it was, and so
    it does under somebody who hangs.

    All windows go by the moments' own times, and each shot begins anew.

    Attributes:
        driver: The driving performer; None measures them in each shot, and follows them where it zooms.
        actor: The target actor.
        fps: Usual frames a second.
        keep_proportions: Only scale and place the driver's own proportions.
        airborne_s: Feet that leave the floor come back within this time, seconds; what rises for longer is the floor.
        steady_s: Half the time over which the floor line is averaged, seconds.
        stance: How the actor stands, in for what the driver does not show; None leaves that out.
        width: Of the actor's frame, pixels, in which the actor stays; None lets them go where the driver goes.
        measured: How many moments of a shot the driver is measured on; None takes all.
        neutral: (52,) the actor's face at rest, as :func:`perfclone.pose.expression.find_neutral` gives it: the
            driver's expressions come to the actor as what they add to the driver's own; None leaves them as they are.
    """

    driver: Body | None
    actor: Body
    fps: float
    keep_proportions: bool = False
    airborne_s: float = 1.0
    steady_s: float = 0.2
    stance: Stance | None = None
    width: int | None = None
    measured: int | None = MEASURED
    neutral: np.ndarray | None = None

    @property
    def ahead_s(self) -> float:
        """How far it looks ahead, seconds: about ``airborne_s + steady_s``, and more where the driver is measured."""
        stood_in = FADE_S if self.stance else 0.0
        measured = 0.0 if self.driver else ZOOM_AHEAD_S + 2 * (self.measured or 0) / self.fps
        return self._floor.ahead_s + stood_in + measured

    @property
    def _floor(self) -> Floor:
        return Floor(self.fps, self.airborne_s, self.steady_s)

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """The moments in the actor's frame, without mattes; see :class:`perfclone.pose.stage.Stage`."""
        if self.neutral is not None:
            moments = expressed(moments, self.neutral, self.measured)
        known = zip(moments, repeat(self.driver)) if self.driver else driven(moments, self.measured)
        for _, shot in groupby(known, lambda driven: driven[0].shot):
            yield from self._shot(shot)

    def _shot(self, shot: Iterator[tuple[Moment, Body]]) -> Iterator[Moment]:
        first = next(shot)
        shot = chain([first], shot)
        if self.stance:
            ratio = bone_ratios(first[1], self.actor, self.keep_proportions)
            shot = stand_in(shot, self.stance, np.array([1 / ratio[group] for _, _, group in BONES]))
        floor_y = first[1].floor_y
        for here, (moment, driver) in self._floor.under(shot):
            floor_y = here if np.isfinite(here) else floor_y
            pose = moment.pose
            keypoints, scores = retarget(
                pose.keypoints[None],
                pose.scores[None],
                driver,
                self.actor,
                self.keep_proportions,
                np.array([floor_y]),
                self.width,
                self.stance is not None and not self.stance.filmed[FEET].any(),
            )
            scores = scores[0] if self.stance is None else scores[0] * self.stance.filmed
            keypoints = np.where(scores[:, None] > 0, keypoints[0], 0)
            details = self._details(pose.details, keypoints, scores, driver)
            yield moment._replace(pose=Pose(keypoints, scores, details=details))

    def _details(self, details: Details, keypoints: np.ndarray, scores: np.ndarray, driver: Body) -> Details:
        """Depths and hands in the actor's frame: a hand has the actor's length and goes where its wrist went."""
        if not details.known:
            return details
        wrists = scores[_WRISTS] > 0
        ratio = bone_ratios(driver, self.actor, self.keep_proportions)["hand"]
        hands = keypoints[_WRISTS, None] + (details.hands - details.hands[:, :1]) * ratio
        seen = wrists & (details.hand_scores > 0)
        return replace(
            details,
            depths=np.where(scores > 0, details.depths * (self.actor.torso / driver.torso), 0),
            hands=np.where(seen[:, None, None], hands, 0),
            hand_scores=np.where(seen, details.hand_scores, 0),
        )


def retarget_sequence(
    poses: PoseSequence,
    actor: Body,
    size: tuple[int, int],
    stance: Stance | None = None,
    neutral: np.ndarray | None = None,
    driver: Body | None = None,
) -> PoseSequence:
    """Retarget a whole performance by :class:`Retarget`.

    Args:
        poses: Cleaned poses of the driving video.
        actor: The target actor.
        size: (width, height) of the actor's frame, pixels.
        stance: How the actor stands; None leaves out what the driver does not show.
        neutral: (52,) the actor's face at rest; None leaves the driver's expressions as they are.
        driver: The driving performer; None measures them on all of each shot.
    """
    stage = Retarget(driver, actor, poses.fps, stance=stance, width=size[0], measured=None, neutral=neutral)
    return PoseSequence.from_moments(list(stage(poses.moments())), size, poses.extractor)


def retarget_to(poses: PoseSequence, reference: PoseSequence) -> PoseSequence:
    """A whole performance as the person of a reference would give it there; see :func:`retarget_sequence`."""
    body = measure_body(reference)
    stance = Stance.find(normalise(reference.keypoints, reference.scores), reference.scores, body)
    return retarget_sequence(poses, body, reference.size, stance, find_neutral(reference.details))


def bone_ratios(driver: Body, actor: Body, keep_proportions: bool = False) -> dict[str, float]:
    """How many times as long each kind of bone is in the actor's frame as in the driver's."""
    scale = actor.height / driver.height
    return {
        name: scale if keep_proportions else float(np.clip(a / d, 0.5 * scale, 2.0 * scale))
        for name, a, d in zip(LENGTHS, actor.lengths, driver.lengths)
    }


def retarget(
    keypoints: np.ndarray,
    scores: np.ndarray,
    driver: Body,
    actor: Body,
    keep_proportions: bool = False,
    floor_y: np.ndarray | None = None,
    width: int | None = None,
    cut_off: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Move driving poses to the actor's body, place and scale.

    Every bone keeps its direction and its foreshortening (its length as a share of the driver's own) and takes the
    actor's length; the skeleton is then put where the driver stood, measured from the actor's usual place, with the
    lowest foot, or whatever else bears the body, as high above the actor's floor line as the driver's was above
    theirs. Hips that are not seen are under the neck. Frames are independent of each other, so a stream may come in
    pieces of any size.

    Args:
        keypoints: (T, J, 2) float, pixels in the driving video.
        scores: (T, J) float in [0, 1].
        driver: The driving performer, measured in the driving video.
        actor: The target actor, measured in the reference video.
        keep_proportions: Only scale and place the driver's own proportions.
        floor_y: (T,) the floor line under the driver in each frame, pixels; None takes ``driver.floor_y``
            throughout. However it moves, the actor's own hardly does.
        width: Of the actor's frame, pixels, whose borders the actor does not cross; None lets them go.
        cut_off: Whether the actor was only filmed down to the border of the picture; then they do not leave the
            floor, so that what was not filmed stays below it.

    Returns:
        (T, J, 2) float32 in the actor's frame and (T, J) float32 scores, 0 where a joint's parent was not seen.
    """
    scale, ratio = actor.height / driver.height, bone_ratios(driver, actor, keep_proportions)
    root, root_known = find_root(keypoints, scores, driver.torso)
    moved, out = np.zeros_like(keypoints, np.float32), np.zeros_like(scores, np.float32)
    for bone in BONES:
        parent, child, group = bone
        vector, seen = bone_vectors(keypoints, scores, bone, root, root_known)
        base, placed = (0.0, root_known) if parent == ROOT else (moved[:, parent], out[:, parent] > 0)
        moved[:, child] = base + vector * ratio[group]
        out[:, child] = np.where(seen & placed, scores[:, child], 0)
    x = scale * (root[:, 0] - driver.centre_x)
    there = out * ~_HANDS > 0
    x = actor.centre_x + (x if width is None else _within(x, np.where(there, moved[..., 0], 0), actor, width))
    floor_y = np.full(len(root), driver.floor_y) if floor_y is None else floor_y
    stray = np.clip(scale * (floor_y - driver.floor_y), -_STRAY * actor.height, _STRAY * actor.height)
    floor = actor.floor_y + stray
    height = np.maximum(scale * (floor_y - lowest(keypoints, scores, driver.torso)), -_SINK * actor.height)
    height = np.minimum(height, 0) if cut_off else height
    y = floor - height - lowest(moved, out, actor.torso)
    y = np.where(np.isfinite(y), y, floor + scale * (root[:, 1] - floor_y))
    if width is not None:  # the head stays below the upper border, if it does where the actor stands
        top = min(0.0, actor.floor_y - actor.height - actor.lengths[-1])
        y = np.maximum(y, top - np.where(there, moved[..., 1], 0).min(1))
    moved += np.stack([x, y], -1)[:, None].astype(np.float32)
    return np.where(out[..., None] > 0, moved, 0).astype(np.float32), out


def _within(x: np.ndarray, moved: np.ndarray, actor: Body, width: int) -> np.ndarray:
    """Ways of the hips from the actor's usual place, held so that the body stays within the picture.

    Args:
        x: (T,) pixels, to the right.
        moved: (T, J) pixels, x of the joints from the middle of the hips; 0 for those that may cross the border.
        actor: The actor.
        width: Of the picture, pixels.
    """
    room = np.where(x < 0, actor.centre_x + moved.min(1), width - actor.centre_x - moved.max(1))
    room = np.maximum(room - _FLESH * actor.torso, _LEAST * actor.torso)
    over = np.maximum(np.abs(x) / room - _FREE, 0) / (1 - _FREE)
    return np.where(over > 0, np.sign(x) * room * (_FREE + (1 - _FREE) * np.tanh(over)), x)
