"""Putting clothes on a body: every piece fitted to it, what they hide left out, all joined to one mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..synthetic.rig import Rig
from ..synthetic.textures import Textures, pyramids
from . import dye
from .convert import STEP, VERTICES, picture
from .look import Look
from .shape import base

#: What a picture's surface is like: strength and sharpness of its shine, how far light wraps around, depth of folds.
_SURFACES = {"skin": (0.05, 16, 0.28, 0.0), "eye": (0.35, 60, 0.1, 0.0), "mouth": (0.1, 30, 0.1, 0.0),
             "cloth": (0.015, 8, 0.06, 0.16), "shoes": (0.08, 25, 0.04, 0.0), "hair": (0.09, 14, 0.25, 0.0),
             "glasses": (0.3, 60, 0.0, 0.0)}  # fmt: skip
_CUT = ("hair", "brows", "lashes", "glasses", "beard")


@dataclass(frozen=True)
class Part:
    """A mesh at rest, or a part of one.

    Attributes:
        rest: (V, 3) float64 m.
        uv: (V, 2) float32, 0 to 1, v down.
        faces: (F, 3) int32.
        material: (F,) int32, which picture.
        bones, weights: (V, 4) int32 and float64, what carries a vertex.
        moved, moves: (N,) int32 and (52, N, 3) float32 m, the vertices that the face's actions move, and how.
        welded: (V,) int32, the same for vertices on one place.
        looseness: (V,) 0 to 1, see `mesh.Sway`.
        hair: (V,) int8, whether it is hair.
        lift: (V,) m, by how much a vertex counts as nearer than it is, so that cloth hides what it lies on.
        worn: (W,) int32, vertices that stand on the floor.
        textures: The pictures.
        surfaces: (M, 4) float64, of each picture, see `_SURFACES`.
        pierced: (M,) bool, whether a picture has holes.
    """

    rest: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    moved: np.ndarray
    moves: np.ndarray
    welded: np.ndarray
    looseness: np.ndarray
    hair: np.ndarray
    lift: np.ndarray
    worn: np.ndarray
    textures: Textures
    surfaces: np.ndarray
    pierced: np.ndarray


class _Wardrobe:
    """Gathers the pieces of one mesh."""

    def __init__(self, vertices: np.ndarray, weights: np.ndarray, moves: np.ndarray):
        self.vertices, self.bone_weights, self.action_moves = vertices, weights, moves
        self.rows: dict[str, list[np.ndarray]] = {}
        self.pictures: list[np.ndarray] = []
        self.surfaces: list[tuple[float, ...]] = []
        self.pierced: list[bool] = []
        self.count = self.welds = 0

    def picture(self, image: np.ndarray, surface: str, pierced: bool = False) -> int:
        """The number of a new picture."""
        self.pictures.append(image)
        self.surfaces.append(_SURFACES[surface])
        self.pierced.append(pierced)
        return len(self.pictures) - 1

    def add(self, faces: np.ndarray, material: np.ndarray | int, **columns: np.ndarray) -> None:
        """A piece: its faces (F, 3), their picture, and what its vertices carry."""
        kept, index = np.unique(faces, return_inverse=True)
        columns = {name: column[kept] for name, column in columns.items()}
        columns["welded"] = columns["welded"] + self.welds
        self.welds = int(columns["welded"].max()) + 1
        columns["faces"] = index.reshape(-1, 3) + self.count
        columns["material"] = np.broadcast_to(material, len(faces))
        self.count += len(kept)
        for name, column in columns.items():
            self.rows.setdefault(name, []).append(column)

    def whole(self) -> Part:
        rows = {name: np.concatenate(columns) for name, columns in self.rows.items()}
        weights, moves = rows["weights"], rows["moves"]
        bones = np.argsort(-weights, 1)[:, :4]
        shares = np.take_along_axis(weights, bones, 1).astype(np.float64)
        moved = np.nonzero(np.abs(moves).max((1, 2)) > 1e-5)[0]
        low = np.nonzero(rows["rest"][:, 1] < rows["rest"][:, 1].min() + 0.25)[0]
        return Part(
            rows["rest"].astype(np.float64), rows["uv"].astype(np.float32), rows["faces"].astype(np.int32),
            rows["material"].astype(np.int32), bones.astype(np.int32), shares / shares.sum(1, keepdims=True),
            moved.astype(np.int32), np.ascontiguousarray(moves[moved].transpose(1, 0, 2)),
            np.unique(rows["welded"], return_inverse=True)[1].astype(np.int32),
            rows["looseness"], rows["hair"], rows["lift"], low.astype(np.int32),
            pyramids(self.pictures), np.array(self.surfaces), np.array(self.pierced),
        )  # fmt: skip


def dress(look: Look, folder: Path, vertices: np.ndarray, rig: Rig) -> Part:
    """A person's whole mesh.

    Args:
        look: Who it is, and what is worn.
        folder: What `assets.fetch` filled.
        vertices: (V, 3) m, the shaped base mesh.
        rig: Its bones.
    """
    rng = np.random.default_rng([look.seed, 23])
    arrays = base(folder).arrays
    weights = arrays["weights"].astype(np.float32)
    moves = (arrays["action_moves"].transpose(1, 0, 2) * np.float32(STEP)).astype(np.float32)  # (V, 52, 3)
    wardrobe, hidden = _Wardrobe(vertices, weights, moves), np.zeros(VERTICES, bool)
    tone = dye.hair_colour(rng, look.phenotype.age)
    for piece in look.pieces:
        with np.load(folder / f"{piece.name}.npz", allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        rest = np.einsum("vk,vkj->vj", data["shares"], vertices[data["refs"]]) + data["offsets"]
        if piece.kind not in ("hair", "brows", "lashes"):
            hidden |= np.unpackbits(data["hides"])[:VERTICES].astype(bool)
        own = np.einsum("vk,vkb->vb", data["shares"], weights[data["refs"]])
        looseness = np.zeros(len(rest))
        if piece.loose:
            own, looseness = _loosened(rest, own, rig, piece.kind == "hair")
            if piece.kind not in ("hair", "coat"):
                hidden |= _under(vertices, weights, rest, rig)
        faces = data["faces"]
        uv = data["uv"] * [1, -1] + [0, 1]
        image = _painted(piece.kind, picture(data["picture"].tobytes()), rest, uv, faces, rig, rng, tone)
        surface = piece.kind if piece.kind in _SURFACES else "hair" if piece.kind in _CUT else "cloth"
        lift = 0.0002 * float(data["layer"]) if piece.kind not in ("hair", "glasses", "hat") else 0.0
        wardrobe.add(
            faces, wardrobe.picture(image, surface, piece.kind in _CUT or _holed(image)), rest=rest, uv=uv,
            weights=own, moves=np.einsum("vk,vkan->van", data["shares"], moves[data["refs"]]), welded=data["same"],
            looseness=looseness, hair=np.full(len(rest), piece.kind == "hair", np.int8), lift=np.full(len(rest), lift),
        )  # fmt: skip
    _bare(look, folder, wardrobe, hidden, rng)
    return wardrobe.whole()


def _holed(image: np.ndarray) -> bool:
    """Whether a picture has holes enough to count."""
    return bool((image[..., 3] < 100).mean() > 0.01)


def _painted(kind, image, rest, uv, faces, rig, rng, tone) -> np.ndarray:
    """A piece's picture in this person's own colours."""
    if kind in ("hair", "brows", "lashes"):
        return dye.hair(image, tone * (0.25 if kind == "lashes" else 0.75 if kind == "brows" else 1))
    if kind in ("glasses",):
        return image
    waist = rig.at("Hips")[1] + 0.04
    island = _islands(faces, len(rest))
    height = np.bincount(island, rest[:, 1]) / np.maximum(np.bincount(island), 1)
    sort = (height[island[faces[:, 0]]] < waist).astype(int) if kind == "suit" else np.zeros(len(faces), int)
    metres = np.sqrt(_area(rest[faces]).sum() / max(_area(np.pad(uv, ((0, 0), (0, 1)))[faces]).sum(), 1e-6))
    period = float(np.clip(0.05 / metres * dye.SIDE, 8, 200))
    return dye.cloth(image, dye.regions(uv, faces, sort), rng, period)


def _area(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2


def _islands(faces: np.ndarray, count: int) -> np.ndarray:
    """The connected piece (V,) that each vertex belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    return connected_components(coo_matrix((np.ones(len(ends)), ends.T), (count, count)), directed=False)[1]


def _step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def _loosened(rest: np.ndarray, weights: np.ndarray, rig: Rig, hair: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights (V, B) and looseness (V,) of what hangs: a skirt goes with both legs, long hair less with the head."""
    out, names = weights.copy(), rig.names
    if hair:
        chin, chest = rig.at("Head")[1], names.index("Spine2")
        free = _step(0.0, 0.3, chin - rest[:, 1])
        head, neck = names.index("Head"), names.index("Neck")
        whole = np.zeros_like(out)
        whole[:, head] = 1 - 0.75 * free
        whole[:, neck], whole[:, chest] = 0.25 * free, 0.5 * free
        return whole, free
    hips, knee = rig.at("LeftUpLeg")[1], rig.at("LeftLeg")[1]
    legs = [[names.index(side + bone) for bone in ("UpLeg", "Leg", "Foot", "ToeBase")] for side in ("Left", "Right")]
    share = out[:, legs[0] + legs[1]].sum(1)
    free = _step(-0.02, hips - knee, hips - rest[:, 1]) * share
    width = max(0.08, np.abs(rest[rest[:, 1] < hips, 0]).max(initial=0.1))
    left = _step(-width, width, rest[:, 0])
    stays = 0.3 * (1 - free)
    low = 0.35 * _step(0, 0.25, knee - rest[:, 1])
    out[:, legs[0] + legs[1]] = 0
    for side, part in zip(legs, (left, 1 - left)):
        out[:, side[0]] += share * part * (1 - stays) * (1 - low)
        out[:, side[1]] += share * part * (1 - stays) * low
    out[:, names.index("Hips")] += share * stays
    return out, free


def _under(vertices: np.ndarray, weights: np.ndarray, rest: np.ndarray, rig: Rig) -> np.ndarray:
    """The vertices (V,) of legs that a skirt, at rest (N, 3), hides however they move."""
    hem, hips = np.percentile(rest[:, 1], 2) + 0.10, rig.at("LeftUpLeg")[1]
    legs = weights[:, rig.which("Leg")].sum(1) > 0.5
    return legs & (vertices[:, 1] > hem) & (vertices[:, 1] < min(hips, rest[:, 1].max()))


def _bare(look: Look, folder: Path, wardrobe: _Wardrobe, hidden: np.ndarray, rng: np.random.Generator) -> None:
    """Add what is seen of the body itself: skin, eyes, teeth and tongue."""
    arrays, vertices = base(folder).arrays, wardrobe.vertices
    names = [str(name) for name in arrays["group_names"]]
    own, uv = arrays["base"], arrays["uv"].astype(np.float64) * [1, -1] + [0, 1]
    skin = dye.skin(picture((folder / f"skin_{look.skin}.png").read_bytes()), rng)
    iris = dye.eye(rng)
    gum = np.full((4, 4, 4), 255, np.uint8)
    teeth, tongue = gum.copy(), gum.copy()
    teeth[..., :3], tongue[..., :3] = (205, 198, 184), (150, 78, 76)
    for name, image, surface in (
        ("body", skin, "skin"), ("helper-l-eye", iris, "eye"), ("helper-r-eye", iris, "eye"),
        ("helper-upper-teeth", teeth, "mouth"), ("helper-lower-teeth", teeth, "mouth"),
        ("helper-tongue", tongue, "mouth"),
    ):  # fmt: skip
        faces = arrays["faces"][arrays["groups"] == names.index(name)]
        places = uv
        if name == "body":
            faces = faces[~hidden[own[faces]].all(1)]
        if surface == "eye":
            at = vertices[own[faces]].reshape(-1, 3)
            centre, radius = (at.max(0) + at.min(0)) / 2, np.ptp(at[:, 0]) / 2
            places = (vertices[own, :2] - centre[:2]) / (2 * radius) * [1, -1] + 0.5
        wardrobe.add(
            faces, wardrobe.picture(image, surface), rest=vertices[own], uv=places,
            weights=wardrobe.bone_weights[own], moves=wardrobe.action_moves[own], welded=own,
            looseness=np.zeros(len(own)), hair=np.zeros(len(own), np.int8), lift=np.zeros(len(own)),
        )  # fmt: skip
