"""The parts of a body, each with a coordinate frame of its own, and the regions that are copied as one piece.

A limb measures *u* along itself and *v* across it; the torso and the head have an affine frame, whose sign tells front
from back. What is looked up in these coordinates sticks to the part however it moves.
"""

from __future__ import annotations

import torch
from torch import Tensor

from perfclone.pose.skeleton import EARS, EYES, HEAD, HIPS, INDEX, NECK, SHOULDERS, TRUNK

#: Limbs as (start, end); the torso and the head follow them on the part axis.
LIMBS: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("wrist", "index"),
                 ("ankle", "toe"), ("shoulder", "hip"))
    for side in ("right", "left")
) + (("neck", "nose"), ("neck", "right_shoulder"), ("neck", "left_shoulder"))  # fmt: skip
PARTS = len(LIMBS) + 2
TORSO, SKULL = PARTS - 2, PARTS - 1
#: (P,) the J indices that each part hangs on.
JOINTS: tuple[tuple[int, ...], ...] = (
    *((INDEX[a], INDEX[b]) for a, b in LIMBS), (*TRUNK, NECK), (*HEAD, NECK),
)  # fmt: skip
STARTS, ENDS = ([INDEX[limb[end]] for limb in LIMBS] for end in (0, 1))
#: Half-width of a limb in its own coordinates, and the head's radius, torso lengths.
LIMB_WIDTH, HEAD_RADIUS = 0.35, 0.38
#: Torso lengths: how short a part may look before it is held, in frames that carry pictures.
SHORTEST = 0.25
#: Torso lengths of the lines through eyes and ears that say as much of what is up as the neck does.
_NECKS = 0.1
#: No limb is taken to be shorter, crop pixels.
LEAST_LENGTH = 2.0
#: How many times as long as to the knuckle, which P gives, a hand is to the tips of its fingers; and any limb.
FINGERS = 2.0
TIPS = torch.tensor([FINGERS if end.endswith("index") else 1.0 for _, end in LIMBS], device="cpu")


def _limbs(*ends: tuple[str, str]) -> tuple[int, ...]:
    return tuple(LIMBS.index(limb) for limb in ends)


def _side(name: str, *chain: str) -> tuple[int, ...]:
    joints = [f"{name}_{joint}" for joint in chain]
    return _limbs(*zip(joints, joints[1:]))


#: The regions, each some parts that are copied from one filmed frame. Those of ARMS lie over the others.
REGIONS: tuple[tuple[int, ...], ...] = (
    (TORSO, *_side("right", "shoulder", "hip"), *_side("left", "shoulder", "hip"),
     *_limbs(("neck", "right_shoulder"), ("neck", "left_shoulder"))),
    (SKULL, *_limbs(("neck", "nose"))),
    _side("right", "hip", "knee", "ankle", "toe"),
    _side("left", "hip", "knee", "ankle", "toe"),
    _side("right", "shoulder", "elbow", "wrist", "index"),
    _side("left", "shoulder", "elbow", "wrist", "index"),
)  # fmt: skip
BODY, FACE, LEGS, ARMS = (0, 1, 2, 3), 1, (2, 3), (4, 5)
#: For each region its parts and those that share a joint with them.
BESIDE: tuple[tuple[int, ...], ...] = tuple(
    tuple(p for p in range(PARTS) if {j for part in parts for j in JOINTS[part]} & set(JOINTS[p])) for parts in REGIONS
)


def part_frames(now: Tensor, known: Tensor, scale: Tensor) -> Tensor:
    """The affine maps from a pixel to the coordinates of each part.

    Args:
        now: (B, J, 2) float, pixels.
        known: (B, J) bool.
        scale: (B,) float, the torso length in pixels.

    Returns:
        (B, P, 2, 3): limbs (u in [0, 1] from start to end, v in LIMB_WIDTH), torso and head about [-1, 1].
    """
    limbs = _limb_rows(now[:, STARTS], now[:, ENDS], scale)
    whole = torch.stack([_torso_frame(now, scale), _head_frame(now, known, scale)], 1)
    return torch.cat([limbs, whole], 1)


def carrying_frames(now: Tensor, known: Tensor, scale: Tensor) -> Tensor:
    """The frames of :func:`part_frames`, held where a part points at the camera, to carry pictures.

    A frame that is as short or narrow as a foreshortened part would tear what it carries: no limb is taken to be
    shorter, and no torso narrower, than ``SHORTEST``.
    """
    start, along = now[:, STARTS], now[:, ENDS] - now[:, STARTS]
    missing = (SHORTEST * scale[:, None, None] - along.norm(dim=-1, keepdim=True)).clamp(min=0)
    limbs = _limb_rows(start, start + along + _unit(along) * missing, scale)
    whole = torch.stack([_torso_frame(now, scale, SHORTEST), _head_frame(now, known, scale, level=True)], 1)
    return torch.cat([limbs, whole], 1)


def limb_lengths(now: Tensor, scale: Tensor) -> Tensor:
    """(B, L) how long the limbs look, as they are held to carry pictures, torso lengths."""
    return (now[:, ENDS] - now[:, STARTS]).norm(dim=-1).div(scale[:, None]).clamp(min=SHORTEST)


def firmness(now: Tensor, scale: Tensor) -> Tensor:
    """(B, P) in (0, 1] how well a part's direction is known: little where it points at the camera."""
    length = (now[:, ENDS] - now[:, STARTS]).norm(dim=-1) / scale[:, None]
    limbs = (length / SHORTEST).clamp(0.05, 1)
    return torch.cat([limbs, torch.ones_like(limbs[:, :2])], 1)


def parts_seen(known: Tensor) -> Tensor:
    """(B, J) -> (B, P) bool, whether a part's joints are known."""
    limbs = known[:, STARTS] & known[:, ENDS]
    torso = known[:, TRUNK].all(1, keepdim=True)
    head = known[:, HEAD].any(1, keepdim=True) & known[:, NECK : NECK + 1]
    return torch.cat([limbs, torso, head], 1)


def _limb_rows(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    """(B, L, 2, 3) affine maps from a pixel to (u in [0, 1] from start to end, v in half-widths)."""
    d = b - a
    unit, length = _unit(d), d.norm(dim=-1, keepdim=True).clamp(min=LEAST_LENGTH)
    across = torch.stack([unit[..., 1], -unit[..., 0]], -1) / (LIMB_WIDTH * scale[:, None, None])
    return _rows(a, unit / length, across)


def _unit(d: Tensor) -> Tensor:
    """Directions (..., 2) of length 1; down where there is none."""
    length = d.norm(dim=-1, keepdim=True)
    return torch.where(length > 1e-3, d / length.clamp(min=1e-3), d.new_tensor([0.0, 1.0]))


def _rows(origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Stack two covectors (..., 2) and their offsets at the origin into (..., 2, 3)."""
    axes = torch.stack([first, second], -2)
    return torch.cat([axes, -(axes @ origin[..., None])], -1)


def _affine(origin: Tensor, across: Tensor, down: Tensor, least: Tensor) -> Tensor:
    """(B, 2, 3) inverse of the frame (origin, across, down); its determinant keeps its sign and at least ``least``."""
    det = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    det = torch.where(det < 0, -1.0, 1.0) * torch.maximum(det.abs(), least)
    first = torch.stack([down[:, 1], -down[:, 0]], -1) / det[:, None]
    second = torch.stack([-across[:, 1], across[:, 0]], -1) / det[:, None]
    return _rows(origin, first, second)


def _torso_frame(now: Tensor, scale: Tensor, narrowest: float = 0.0) -> Tensor:
    neck, hips = now[:, NECK], now[:, HIPS].mean(1)
    across, spine = (now[:, SHOULDERS[1]] - now[:, SHOULDERS[0]]) / 2, hips - neck
    normal = torch.stack([spine[:, 1], -spine[:, 0]], -1) / spine.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    normal = torch.where((normal * across).sum(-1, keepdim=True) < 0, -normal, normal)
    across = across + normal * (narrowest * scale[:, None] - across.norm(dim=-1, keepdim=True)).clamp(min=0)
    return _affine((neck + hips) / 2, across, (hips - neck) / 2, 0.08 * scale.square())


def _head_frame(now: Tensor, known: Tensor, scale: Tensor, level: bool = False) -> Tensor:
    """A disc around the head, centred between the ears (on the face if they are hidden), its axis from the neck.

    Where it is to be level with the face, the line through eyes and ears tells what is up, as far as it is seen: it
    correlates with the roll that face landmarks give with 0.9 and more, the axis from the neck with 0.5 (six clips).
    """
    face = known[:, HEAD].float()[..., None]
    centre = (now[:, HEAD] * face).sum(1) / face.sum(1).clamp(min=1)
    ears = known[:, EARS].all(1, keepdim=True)
    centre = torch.where(ears, now[:, EARS].mean(1), centre)
    up = centre - now[:, NECK]
    up = up / up.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    if level:
        up = up * (_NECKS * scale[:, None]) + _above_the_face(now, known, up)
        up = up / up.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    radius = (HEAD_RADIUS * scale)[:, None]
    return _rows(centre, torch.stack([-up[:, 1], up[:, 0]], -1) / radius, -up / radius)


def _above_the_face(now: Tensor, known: Tensor, up: Tensor) -> Tensor:
    """(B, 2) at right angles to the lines through eyes and ears, on the side of ``up``; as long as these are seen."""
    pairs = now[:, EYES + EARS].unflatten(1, (2, 2))
    lines = (pairs[:, :, 1] - pairs[:, :, 0]) * known[:, EYES + EARS].unflatten(1, (2, 2)).all(2)[..., None]
    across = 2 * lines[:, 0] + lines[:, 1]  # eyes are nearer to one another
    above = torch.stack([across[:, 1], -across[:, 0]], -1)
    return torch.where((above * up).sum(-1, keepdim=True) < 0, -above, above)
