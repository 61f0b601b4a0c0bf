"""Stick people: true joints without a picture."""

import numpy as np

from perfclone.pose import INDEX, KEYPOINTS, PoseSequence
from perfclone.pose.body import BONES, LENGTHS, Body

ROOT = -1


def person(lengths, centre=(100.0, 50.0), angles=None, frames=1):
    """A stick person whose bones have the given lengths, seen from the front, with arms and legs at given angles."""
    rng = np.random.default_rng(3)
    angles = rng.uniform(0, 2 * np.pi, len(BONES)) if angles is None else angles
    points = {ROOT: np.array(centre)}
    for (parent, child, group), angle in zip(BONES, angles):
        points[child] = points[parent] + lengths[group] * np.array([np.cos(angle), np.sin(angle)])
    pose = np.stack([points[n] for n in range(len(KEYPOINTS))]).astype(np.float32)
    # the middle of the hips is measured from the hips, so they must lie on both sides of it
    half = np.array([lengths["hip"], 0], np.float32)
    shift_r, shift_l = centre - half - pose[INDEX["right_hip"]], centre + half - pose[INDEX["left_hip"]]
    for side, shift in (("right", shift_r), ("left", shift_l)):
        for part in ("hip", "knee", "ankle", "heel", "toe"):
            pose[INDEX[f"{side}_{part}"]] += shift
    return np.repeat(pose[None], frames, 0)


def standing(lengths, centre=(100.0, 50.0), **kw):
    down = {"torso": -np.pi / 2, "head": -np.pi / 2}
    angles = [down.get(group, np.pi / 2) for _, _, group in BONES]
    angles = [
        (np.pi if KEYPOINTS[child].startswith("right") else 0.0) if group in ("shoulder", "hip") else angle
        for (_, child, group), angle in zip(BONES, angles)
    ]
    return person(lengths, centre, angles, **kw)


def scaled(**factors):
    return {name: 40 * share * factors.get(name, 1) for name, share in LENGTHS.items()}


def body(lengths, centre_x=100.0, floor_y=150.0):
    return Body(tuple(lengths.values()), centre_x, floor_y)


def bone_lengths(pose):
    root = pose[[INDEX["right_hip"], INDEX["left_hip"]]].mean(0)
    return {
        (parent, child): np.linalg.norm(pose[child] - (root if parent == ROOT else pose[parent]))
        for parent, child, _ in BONES
    }


def sequence(poses, scores=None):
    t = len(poses)
    return PoseSequence(poses, np.ones((t, len(KEYPOINTS)), np.float32) if scores is None else scores,
                        np.arange(t) / 30, (200, 200))  # fmt: skip
