"""Motion capture from .bvh files as the frames of `eval.synthetic.motions`, however its skeleton rests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from perfclone.errors import UserError

from ..synthetic import motions

#: The bones that are read.
_NEEDED = ("Hips", "Spine2", "Neck", "Head", *(side + bone for side in ("Left", "Right") for bone in (
    "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot")))  # fmt: skip


@cache
def motion(path: Path, fps: float) -> np.ndarray:
    """A captured motion at a steady rate, turned to the camera, (T, 43).

    Raises:
        UserError: The file is no motion capture, or a bone is missing.
    """
    try:
        rate, places = positions(Path(path).read_text())
    except (OSError, ValueError, IndexError) as error:
        raise UserError(f"{path} cannot be read as motion capture ({error}); choose another .bvh file.") from error
    missing = [name for name in _NEEDED if name not in places]
    if missing:
        raise UserError(f"{path} has no bone {missing[0]}; choose a .bvh file with the usual names.")
    at = np.arange(0, len(places["Hips"]) - 1, rate / fps)
    low, share = at.astype(int), (at % 1)[:, None]
    steady = {name: p[low] * (1 - share) + p[low + 1] * share for name, p in places.items()}
    return motions.face_camera(solve(steady), True)


def positions(text: str) -> tuple[float, dict[str, np.ndarray]]:
    """Frames a second of a .bvh file, and where each joint is in every frame, (T, 3) in the file's unit."""
    words, stack, joints, at = text.split(), [], [], 0
    while words[at] != "MOTION":
        word = words[at]
        if word in ("ROOT", "JOINT", "End"):
            joints.append({"name": words[at + 1], "parent": stack[-1] if stack else -1, "channels": []})
            at += 1
        elif word == "{":
            stack.append(len(joints) - 1)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            joints[-1]["offset"] = np.array([float(v) for v in words[at + 1 : at + 4]])
            at += 3
        elif word == "CHANNELS":
            count = int(words[at + 1])
            joints[-1]["channels"] = words[at + 2 : at + 2 + count]
            at += 1 + count
        at += 1
    count = int(words[words.index("Frames:") + 1])
    time = words.index("Time:")
    table = np.array(words[time + 2 :], float).reshape(count, -1)
    turned, place, column, out = [], [], 0, {}
    for joint in joints:
        moved, spin = np.tile(joint["offset"], (count, 1)), Rotation.identity(count)
        for channel in joint["channels"]:
            values, column = table[:, column], column + 1
            if channel.endswith("position"):
                moved[:, "XYZ".index(channel[0])] = values
            else:
                spin = spin * Rotation.from_euler(channel[0].lower(), values[:, None], degrees=True)
        parent = joint["parent"]
        turned.append(spin if parent < 0 else turned[parent] * spin)
        place.append(moved if parent < 0 else place[parent] + turned[parent].apply(moved))
        out[joint["name"]] = place[-1]
    return 1 / float(words[time + 1]), out


def solve(places: dict[str, np.ndarray]) -> np.ndarray:
    """Motion frames (T, 43) whose limbs point where the joints' places (name -> (T, 3), any unit) say."""
    up = places["Neck"] - places["Hips"]
    height = int(np.abs(np.median(up, 0)).argmax())  # which axis is up differs from file to file
    order = {0: [2, 0, 1], 1: [0, 1, 2], 2: [1, 2, 0]}[height]
    p = {name: at[:, order] for name, at in places.items()}
    right = _unit(p["RightUpLeg"] - p["LeftUpLeg"])
    hips = _basis(p["Spine2"] - p["Hips"], right)
    chest = _basis(p["Neck"] - p["Spine2"], _unit(p["RightArm"] - p["LeftArm"]))
    head = _basis(p["Head"] - p["Neck"], _unit(p["RightArm"] - p["LeftArm"]))
    length = len(up)
    scale = 1.0 / np.median(np.linalg.norm(p["Neck"] - (p["LeftFoot"] + p["RightFoot"]) / 2, axis=1)) * 1.45
    out = np.zeros((length, motions.LENGTH))
    world = p["Hips"] * scale
    out[:, 0], out[:, 2] = world[:, 0] - world[:, 0].mean(), world[:, 2] - world[:, 2].mean()
    feet = np.minimum(p["LeftFoot"][:, 1], p["RightFoot"][:, 1]) * scale
    out[:, 1] = np.clip(feet - np.percentile(feet, 20), 0, 0.5) * (feet - np.percentile(feet, 20) > 0.05)
    _put(out, motions.ROOT, hips)
    _put(out, motions.CHEST, hips.inv() * chest)
    _put(out, motions.NECK, Rotation.from_rotvec(0.5 * (chest.inv() * head).as_rotvec()))
    for side, limbs in (("Right", motions.RIGHT), ("Left", motions.LEFT)):
        arm, bend = _limb(p[f"{side}Arm"], p[f"{side}ForeArm"], p[f"{side}Hand"], chest, 1)
        _put(out, limbs["shoulder"], chest.inv() * arm)
        out[:, limbs["elbow"]] = bend
        thigh, bend = _limb(p[f"{side}UpLeg"], p[f"{side}Leg"], p[f"{side}Foot"], hips, -1)
        _put(out, limbs["hip"], hips.inv() * thigh)
        out[:, limbs["knee"]] = -bend
        shin = thigh * Rotation.from_rotvec(np.outer(-bend, [0, 0, 1]))
        level = Rotation.from_rotvec(0.7 * (shin.inv() * hips).as_rotvec() * [0, 0, 1])
        _put(out, limbs["ankle"], level)
    return out


def _limb(root: np.ndarray, middle: np.ndarray, end: np.ndarray, trunk: Rotation, sense: int
          ) -> tuple[Rotation, np.ndarray]:  # fmt: skip
    """The rotation of an upper limb that hangs straight down at rest, and how far its hinge is bent, (T,) rad."""
    upper, lower = _unit(middle - root), _unit(end - middle)
    bend = np.arccos(np.clip((upper * lower).sum(1), -1, 1))
    hinge, hanging, own = sense * np.cross(upper, lower), trunk.apply([0, -1, 0]), trunk.apply([0, 0, 1])
    # where the limb is straight: the hinge that it has at rest, taken along the shortest way
    own = own - (own * upper).sum(1, keepdims=True) / np.maximum(1 + (hanging * upper).sum(1, keepdims=True), 1e-3) * (
        hanging + upper
    )
    share = np.clip(np.sin(bend) / np.sin(np.radians(15)), 0, 1)[:, None]
    hinge = _unit(hinge) * share + _unit(own) * (1 - share)
    return _basis(-upper, _unit(hinge)), bend


def _basis(up: np.ndarray, right: np.ndarray) -> Rotation:
    """The rotations that take x, y, z (ahead, up, right) to axes with y exactly `up` and z near `right`, (T, 3)."""
    y = _unit(up)
    z = _unit(right - (right * y).sum(1, keepdims=True) * y)
    return Rotation.from_matrix(np.stack([np.cross(y, z), y, z], -1))


def _put(out: np.ndarray, at: int, turn: Rotation) -> None:
    x, y, z, w = turn.as_quat().T
    out[:, at : at + 4] = np.stack([w, x, y, z], 1)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
