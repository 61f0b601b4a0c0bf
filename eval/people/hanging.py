"""What hangs: how skirts, coats and long hair are carried by the bones, and how freely."""

from __future__ import annotations

import numpy as np

from ..synthetic.rig import Rig


def step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 where x is below `low`, 1 above `high`, a soft step between."""
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def loosened(rest: np.ndarray, weights: np.ndarray, rig: Rig, hair: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights (V, B) and looseness (V,) of what hangs: a skirt goes with both legs, long hair less with the head."""
    out, names = weights.copy(), rig.names
    if hair:
        chin, chest = rig.at("Head")[1], names.index("Spine2")
        free = step(0.0, 0.3, chin - rest[:, 1])
        head, neck = names.index("Head"), names.index("Neck")
        whole = np.zeros_like(out)
        whole[:, head] = 1 - 0.75 * free
        whole[:, neck], whole[:, chest] = 0.25 * free, 0.5 * free
        return whole, free
    hips, knee = rig.at("LeftUpLeg")[1], rig.at("LeftLeg")[1]
    legs = [[names.index(side + bone) for bone in ("UpLeg", "Leg", "Foot", "ToeBase")] for side in ("Left", "Right")]
    share = out[:, legs[0] + legs[1]].sum(1)
    free = step(-0.02, hips - knee, hips - rest[:, 1]) * share
    width = max(0.08, np.abs(rest[rest[:, 1] < hips, 0]).max(initial=0.1))
    left = step(-width, width, rest[:, 0])
    stays = 0.3 * (1 - free)
    low = 0.35 * step(0, 0.25, knee - rest[:, 1])
    out[:, legs[0] + legs[1]] = 0
    for side, part in zip(legs, (left, 1 - left)):
        out[:, side[0]] += share * part * (1 - stays) * (1 - low)
        out[:, side[1]] += share * part * (1 - stays) * low
    out[:, names.index("Hips")] += share * stays
    return out, free


def under(vertices: np.ndarray, weights: np.ndarray, rest: np.ndarray, rig: Rig) -> np.ndarray:
    """The vertices (V,) of legs that a skirt, at rest (N, 3), hides however they move."""
    low, hips = np.percentile(rest[:, 1], 2), rig.at("LeftUpLeg")[1]
    hem = low + (0.10 if low < rig.at("LeftLeg")[1] else 0.2)  # a short one shows more of the legs
    legs = weights[:, rig.which("Leg")].sum(1) > 0.5
    return legs & (vertices[:, 1] > hem) & (vertices[:, 1] < min(hips, rest[:, 1].max()))


class Legs:
    """Thighs and shins as tapered rods that hanging cloth cannot enter.

    Args:
        rig: The bones at rest.
        vertices: (V, 3) m, the body at rest.
        weights: (V, B) its bones' shares.
        rest: (W, 3) m, a dressed mesh at rest.
        which: (N,) its vertices of cloth that hangs; none is pushed where it rests.
    """

    def __init__(self, rig: Rig, vertices: np.ndarray, weights: np.ndarray, rest: np.ndarray, which: np.ndarray):
        self.which = which
        self.bones = [rig.names.index(side + bone) for side in ("Left", "Right") for bone in ("UpLeg", "Leg")]
        self.radii = np.zeros((len(self.bones), 2))
        for n, bone in enumerate(self.bones):
            own = vertices[weights[:, bone] > 0.6]
            along, outward = _beside(own, rig.heads[bone], rig.tails[bone])
            far = np.linalg.norm(outward, axis=1)
            for end in range(2):
                near = np.abs(along - (0.25, 0.8)[end]) < 0.2
                self.radii[n, end] = np.percentile(far[near], 75) if near.any() else 0.06
        ends = zip(self.bones, self.radii)
        self.excused = [_short(rest[which], rig.heads[b], rig.tails[b], radii)[0] for b, radii in ends]

    def push(self, world: np.ndarray, heads: np.ndarray, tails: np.ndarray) -> None:
        """Push the cloth out of the legs, in place.

        Args:
            world: (V, 3) m, the posed dressed mesh.
            heads: (B, 3) m, where the posed bones start.
            tails: (B, 3) m, and where they end.
        """
        at = world[self.which]
        for bone, radii, excused in zip(self.bones, self.radii, self.excused):
            short, away = _short(at, heads[bone], tails[bone], radii)
            at += away * np.maximum(short - excused, 0)[:, None]
        world[self.which] = at


def _short(points: np.ndarray, start: np.ndarray, end: np.ndarray, radii: np.ndarray
           ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """How deep (N,) m points (N, 3) are in a rod with two radii (2,) m, and the ways (N, 3) out of it, units."""
    along, outward = _beside(points, start, end)
    far, (top, low) = np.linalg.norm(outward, axis=1), radii
    reach = 0.012 + top + (low - top) * np.clip((along - 0.25) / 0.55, 0, 1)
    short = np.where((along > 0) & (along < 1), np.maximum(reach - far, 0), 0)
    return short, outward / np.maximum(far, 1e-6)[:, None]


def _beside(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points (N, 3) are along a bone (0 start to 1 end), and from its axis to them, (N, 3) m."""
    axis = end - start
    along = (points - start) @ axis / (axis @ axis)
    return along, points - start - along[:, None] * axis
