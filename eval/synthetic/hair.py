"""Hair: a shell over the scalp, and what hangs from it."""

from __future__ import annotations

import numpy as np

from .appearance import HairStyle
from .mesh import Mesh, clip
from .rig import EARS, Rig

#: Hairline: depth behind the eyes -> height above them, both in heights of the skull above the eyes.
DEPTH = (-0.3, 0.1, 0.45, 0.62, 0.78, 1.0, 1.25, 1.6)
LINE = (0.66, 0.62, 0.52, 0.05, -0.05, -0.1, -0.75, -0.85)
VOLUME = {"short": 0.016, "bob": 0.024, "ponytail": 0.012, "bun": 0.012}


def hairline(mesh: Mesh, eye: np.ndarray, crown: float) -> np.ndarray:
    """How far inside the hair each vertex is, (V,), in skull heights; ears stay free."""
    up, back = (mesh.vertices[:, 1] - eye[1]) / crown, (eye[2] - mesh.vertices[:, 2]) / crown
    ragged = 0.03 * np.sin(mesh.vertices[:, 0] * 310) + 0.05 * np.cos(mesh.vertices[:, 0] * 47)
    return up - np.interp(back, DEPTH, LINE) + ragged - 3 * mesh.masks[:, EARS]


def grow(style: HairStyle, skull: Mesh, rig: Rig, eye: np.ndarray, crown: float) -> list[Mesh]:
    """The meshes of a head of hair; `skull` is the bare body, `eye` (3,) and `crown` as in `Body`."""
    head = skull.only(skull.vertices[skull.faces].mean(1)[:, 1] > eye[1] - crown)
    shell = clip(head, lambda x: hairline(x, eye, crown))
    inside = np.clip(hairline(shell, eye, crown) / 0.28, 0, 1)
    v = shell.vertices
    tufts = 1 + 0.18 * np.sin(v[:, 0] * 130 + 40 * v[:, 2]) * np.sin(v[:, 1] * 90 + 60 * v[:, 2])
    shell = shell.inflated(0.002 + VOLUME[style] * crown / 0.115 * inside * (2 - inside) * tufts)
    back = shell.vertices[:, 2].min()
    own = np.zeros(len(rig.names))
    own[rig.names.index("Head")] = 1
    scale = crown / 0.115
    if style == "bob":
        return [shell, curtain(shell, eye, crown, own)]
    if style == "ponytail":
        knot = np.array([0, eye[1] + 0.5 * crown, back - 0.005])
        fall = [(0, 0.03), (0.02, -0.02), (-0.01, -0.055), (-0.09, -0.07), (-0.17, -0.065), (-0.23, -0.05)]
        path = knot + scale * np.array([(0, y, z) for y, z in fall])
        return [shell, tube(path, scale * np.array([0.016, 0.022, 0.032, 0.036, 0.028, 0.004]), own)]
    if style == "bun":
        middle = np.array([0, eye[1] + 0.85 * crown, back + 0.02])
        turn = np.linspace(0, np.pi, 9)
        path = middle + scale * 0.036 * np.stack([0 * turn, -np.cos(turn) * 0.7, np.cos(turn) * 0.8], 1)
        return [shell, tube(path, scale * 0.042 * np.sin(turn) + 1e-3, own)]
    return [shell]


def _mesh(grid: np.ndarray, own: np.ndarray, closed: bool) -> Mesh:
    """A grid of points (R, C, 3) as a mesh that follows one bone."""
    rows, columns = grid.shape[:2]
    at = np.arange(rows * columns).reshape(rows, columns)
    nxt = np.roll(at, -1, 1) if closed else at[:, 1:]
    here = at if closed else at[:, :-1]
    a, b, c, d = here[:-1], nxt[:-1], here[1:], nxt[1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, c, b), (b, c, d))])
    count = rows * columns
    return Mesh(grid.reshape(-1, 3), np.tile(own, (count, 1)), np.zeros((count, 4)), np.zeros((count, 2)), faces)


def curtain(shell: Mesh, eye: np.ndarray, crown: float, own: np.ndarray) -> Mesh:
    """Hair that falls from the shell to the shoulders around the sides and the back."""
    v = shell.vertices
    half, back = np.abs(v[np.abs(v[:, 1] - eye[1] - 0.3 * crown) < 0.1 * crown, 0]).max(), v[:, 2].min()
    middle = eye[2] - 0.92 * crown
    angle, t = np.radians(np.linspace(-108, 108, 64)), np.linspace(0, 1, 24)[:, None]
    front = np.abs(angle) / np.radians(108)
    y = eye[1] + 0.55 * crown - t * crown * (2.25 - 0.25 * front**2)
    tucked = 0.80 + 0.24 * np.clip(t / 0.25, 0, 1) * (2 - np.clip(t / 0.25, 0, 1))
    wide = (tucked - 0.10 * t**3) * (1 + 0.018 * np.sin(angle * 19 + 5 * t) * t)
    x = half * wide * np.sin(angle)
    z = middle - (middle - back) * wide * np.cos(angle)
    return _mesh(np.stack([x, y + 0 * x, z], -1), own, closed=False)


def tube(path: np.ndarray, radius: np.ndarray, own: np.ndarray) -> Mesh:
    """A round strand along a path (N, 3) in the plane x = 0 with its radii (N,)."""
    fine = np.linspace(0, len(path) - 1, 4 * len(path))
    path = np.stack([np.interp(fine, np.arange(len(path)), path[:, k]) for k in range(3)], 1)
    radius = np.interp(fine, np.arange(len(radius)), radius)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    side = np.array([1.0, 0, 0])
    other = np.cross(along, side)
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)[None, :, None]
    grid = path[:, None] + radius[:, None, None] * (np.cos(angle) * side + np.sin(angle) * other[:, None])
    return _mesh(grid, own, closed=True)
