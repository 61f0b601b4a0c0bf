"""What hangs: how skirts, coats and long hair are carried by the bones, and how freely."""

from __future__ import annotations

import numpy as np

from ..synthetic.rig import Rig


def _step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def loosened(rest: np.ndarray, weights: np.ndarray, rig: Rig, hair: bool) -> tuple[np.ndarray, np.ndarray]:
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


def under(vertices: np.ndarray, weights: np.ndarray, rest: np.ndarray, rig: Rig) -> np.ndarray:
    """The vertices (V,) of legs that a skirt, at rest (N, 3), hides however they move."""
    hem, hips = np.percentile(rest[:, 1], 2) + 0.10, rig.at("LeftUpLeg")[1]
    legs = weights[:, rig.which("Leg")].sum(1) > 0.5
    return legs & (vertices[:, 1] > hem) & (vertices[:, 1] < min(hips, rest[:, 1].max()))
