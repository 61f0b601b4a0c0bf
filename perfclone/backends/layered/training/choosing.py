"""Which filmed frames become exemplars, and how they are cut out."""

from __future__ import annotations

import numpy as np

from perfclone.backends.layered.features import expressed
from perfclone.backends.layered.fingers import shapes
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.skeleton import BODY_18
from perfclone.pose.space import normalise

#: How many frames an actor keeps.
COUNT = 64
#: How much a hand of another shape counts, torso lengths.
_HANDS = 3.0
#: A frame gives way to a calmer one, whose motion blurs it less, within so many seconds.
CALM_S = 0.1
#: What face and hands may look otherwise in that one: a blink is soon over.
_ALIKE = 0.15


def choose_exemplars(poses: PoseSequence, usable: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Choose frames that lie far apart in pose, face and hands (farthest-point sampling; Gonzalez 1985), and calm.

    Args:
        poses: Of the reference video.
        usable: (T,) bool, the frames that may be taken.
        count: How many at most.

    Returns:
        (K,) int, rising.
    """
    good = np.flatnonzero(usable & (poses.scores > 0).any(1))
    body = normalise(poses.keypoints, poses.scores)[:, :BODY_18].reshape(len(poses), -1)
    faces, hands = expressed(poses.details), shapes(poses.details)
    places = np.concatenate([body, faces, _HANDS * hands], 1)[good]
    looks = np.concatenate([faces, hands], 1)
    chosen = [len(good) // 2]
    distance = np.abs(places - places[chosen[0]]).sum(1)
    while len(chosen) < count and distance.max() > 0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.abs(places - places[chosen[-1]]).sum(1))
    speed = np.abs(np.gradient(body, axis=0)).sum(1) if len(body) > 1 else np.zeros(len(body))
    return np.unique([_calm(n, good, poses.times, looks, speed) for n in good[chosen]])


def _calm(n: int, good: np.ndarray, times: np.ndarray, looks: np.ndarray, speed: np.ndarray) -> int:
    """The calmest of the good frames around frame n whose faces and hands look like its own."""
    near = good[np.abs(times[good] - times[n]) <= CALM_S]
    near = near[np.abs(looks[near] - looks[n]).sum(1) <= _ALIKE]
    return near[speed[near].argmin()]


def cut_out(frame: np.ndarray, matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """Take the plate out of a frame: the person's own colour, where I = a F + (1 - a) P (Porter and Duff 1984).

    Args:
        frame: (S, S, 3) uint8.
        matte: (S, S) uint8.
        plate: (S, S, 3) uint8, what lies behind the person.

    Returns:
        (S, S, 4) uint8 straight RGBA, black where nobody is.
    """
    alpha = matte[..., None].astype(np.float32) / 255
    colour = (frame - (1 - alpha) * plate) / np.maximum(alpha, 1e-3)
    return np.dstack([np.where(matte[..., None] > 0, colour.clip(0, 255), 0).astype(np.uint8), matte])
