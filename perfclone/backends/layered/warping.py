"""The warp: where the pixels of a pose come from in the exemplars, region by region.

A region's exemplar is warped as a whole: at each pixel the affine maps of the parts near by are blended, as linear
blend skinning does with bones, so that clothes and hair beyond the limbs go along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered import laying, laying_hands
from perfclone.backends.layered.choice import SHOWN, Choice
from perfclone.backends.layered.copying import STEP, Piece, Warp, window_around
from perfclone.backends.layered.exemplars import Exemplars, nearness
from perfclone.backends.layered.fingers import SIDES
from perfclone.backends.layered.painting import View
from perfclone.backends.layered.parts import (
    ARMS,
    BESIDE,
    BODY,
    FACE,
    JOINTS,
    LIMBS,
    PARTS,
    REGIONS,
    TIPS,
    carrying_frames,
    firmness,
    limb_lengths,
)
from perfclone.pose.skeleton import NECK, TRUNK


def _met(r: int, part: int) -> int | None:
    """The first joint at which a part meets a region."""
    return next((joint for joint in JOINTS[part] if any(joint in JOINTS[own] for own in REGIONS[r])), None)


#: Torso lengths: how far from its parts a region still reaches, an arm how far, how softly they end there, and an
#: arm's half-width.
_REACH, _ARM_REACH, _FADE, _SLEEVE = 0.6, 0.35, 0.1, 0.25
#: The share of an exemplar's pixel from which a region begins to show it, and how quickly; and the same of an arm.
_SHOWN_FROM, _SHOWN_BY, _ARM_FROM, _ARM_BY = 0.15, 5.0, 0.1, 2.0
#: Torso lengths: from how far beyond the trunk an arm may be behind it, and from where it surely is.
_BEHIND = (0.5, 1.0)
#: The regions of the body fill up together what they show at least so much of.
_ENOUGH = 0.3
#: From which weight on an exemplar is asked whether a hand is before what another one shows.
_TELLING = 0.05
#: The bone that carries nothing: it swings as a head turns.
_TO_THE_NOSE = LIMBS.index(("neck", "nose"))
#: (R, P) 1 for a region's own parts, which carry its pixels.
_OWN = torch.tensor([[float(p in own and p != _TO_THE_NOSE) for p in range(PARTS)] for own in REGIONS], device="cpu")
#: The joints at which the parts of two regions meet.
_JOINTS = [*TRUNK, NECK]
#: (R, J, P) 1 where a part beside a region meets it at such a joint.
_MET = torch.tensor(
    [[[float(p in beside and p not in REGIONS[r] and p != _TO_THE_NOSE and joint == _met(r, p))
       for p in range(PARTS)] for joint in _JOINTS] for r, beside in enumerate(BESIDE)], device="cpu",
)  # fmt: skip
#: How far from that joint such a part still carries, torso lengths: no forearm goes with the belly that it is before.
_MEETING = 0.25


class _Limbs(NamedTuple):
    """The limbs of a pose.

    Attributes:
        frames: (B, P, 2, 3), as :func:`carrying_frames` gives them, of the other parts too.
        lengths: (B, L) torso lengths.
        beyond: (B, side, side, L) how far beyond the ends of a limb a place is, of the limb's lengths; signed.
    """

    frames: Tensor
    lengths: Tensor
    beyond: Tensor


@torch.no_grad()
def warp(exemplars: Exemplars, choice: Choice, view: View) -> Warp:
    """Find where the pixels of each region come from.

    Args:
        exemplars: Opened.
        choice: For the B frames.
        view: Of these.

    Returns:
        The regions that are in the picture.
    """
    now, scale, side = view.now, view.scale, exemplars.resolution // STEP
    reach = view.maps.reach_of_every(STEP // 2).unflatten(1, (side, side))
    near, limbs = nearness(reach), _limbs(now, view.seen, scale, side)
    claims = torch.stack([near[..., list(REGIONS[r])].amax(-1) for r in BODY], -1)
    claims = claims / claims.sum(-1, keepdim=True).clamp(min=1e-12)
    firm, pieces = firmness(now, scale)[:, None, None], []
    meeting = _meeting(now, scale, side)
    for r in (*BODY, *ARMS):
        distance = reach[..., list(REGIONS[r])].amin(-1)
        reaches = _ARM_REACH if r in ARMS else _REACH
        rows, columns = window_around(distance < (reaches + _FADE) ** 2)
        if rows.stop <= rows.start:
            continue
        distance, claim = distance[:, rows, columns], claims[:, rows, columns]
        mask = torch.exp(-(distance / _SLEEVE**2).clamp(max=20)) if r in ARMS else claim[..., BODY.index(r)]
        mask = mask * ((reaches + _FADE - distance.sqrt()) / _FADE).clamp(0, 1)
        carries = _OWN[r].to(now) + meeting[:, rows, columns] @ _MET[r].to(now)
        carrying = firm * near[:, rows, columns] * carries
        fields = _fields(exemplars, choice, r, limbs, carrying, rows, columns, mask)
        hidden = _behind(view.arms[:, ARMS.index(r)]) if r in ARMS else None
        pieces.append(Piece(r, rows, columns, fields, choice.index[:, r], choice.weight[:, r], hidden))
        if r == FACE and exemplars.marks is not None:
            pieces.extend(_lent(exemplars, choice, pieces[-1], view.face))
        if r in ARMS and exemplars.hands is not None and view.hands is not None:
            pieces.extend(_hand(exemplars, choice, pieces[-1], near, view))
    _close(pieces, side)
    return Warp(pieces, len(now), side, now.device)


def _behind(arms: Tensor) -> Tensor:
    """How surely arms are behind the trunk, [0, 1]; of their depths beyond it, torso lengths."""
    return ((arms - _BEHIND[0]) / (_BEHIND[1] - _BEHIND[0])).clamp(0, 1)


def _close(pieces: list[Piece], side: int) -> None:
    """Let the regions of the body fill what they share, if together they show enough of it: no seam is translucent."""
    body = [piece for piece in pieces if piece.region in BODY]
    if not body:
        return
    total = body[0].fields.new_zeros(len(body[0].fields), side, side)
    for piece in body:
        total[:, piece.rows, piece.columns] += piece.fields[:, 2]
    for piece in body:
        piece.fields[:, 2] /= total[:, piece.rows, piece.columns].clamp(_ENOUGH, 1)


def _meeting(now: Tensor, scale: Tensor, side: int) -> Tensor:
    """(B, side, side, J) in [0, 1] how near the joints are at which regions meet."""
    whole = slice(0, side)
    at = _centres(whole, whole, now.device)[:, None, :2]
    apart = (at - now[:, None, _JOINTS]).square().sum(-1) / (_MEETING * scale[:, None, None]) ** 2
    return torch.exp(-apart.clamp(max=20)).unflatten(1, (side, side))


def _limbs(now: Tensor, known: Tensor, scale: Tensor, side: int) -> _Limbs:
    """What is known of the limbs of a pose at the places of the coarse grid."""
    frames, whole = carrying_frames(now, known, scale), slice(0, side)
    along = _centres(whole, whole, now.device) @ frames[:, : len(LIMBS), 0].transpose(1, 2)
    beyond = (along - torch.minimum(along.clamp(min=0), TIPS.to(along))).unflatten(1, (side, side))
    return _Limbs(frames, limb_lengths(now, scale), beyond)


def _fields(
    exemplars: Exemplars,
    choice: Choice,
    r: int,
    limbs: _Limbs,
    near: Tensor,
    rows: slice,
    columns: slice,
    mask: Tensor,
) -> Tensor:
    """``Piece.fields`` of a region."""
    size, index = exemplars.resolution, choice.index[:, r]  # (B, M)
    there = near[:, None] * exemplars.firm[index][:, :, None, None]  # (B, M, h, w, P)
    share = there / there.sum(-1, keepdim=True).clamp(min=1e-12)
    frames, back = limbs.frames, exemplars.back[index]
    square = torch.eye(3, device=frames.device)[2:].expand(*frames.shape[:2], 1, 3)
    affine = back @ torch.cat([frames, square], 2)[:, None]  # (B, M, P, 2, 3) pixel -> pixel
    affine = (share.flatten(2, 3) @ affine.flatten(3)).unflatten(-1, (2, 3))  # (B, M, hw, 2, 3)
    places = (affine @ _centres(rows, columns, frames.device)[:, :, None])[..., 0]
    # beyond its ends a limb is no longer stretched as it is between them
    stretch = limbs.lengths[:, None] / exemplars.lengths[index] - 1
    beyond = share[..., : len(LIMBS)] * limbs.beyond[:, None, rows, columns]
    places = places + beyond.flatten(2, 3) @ (back[:, :, : len(LIMBS), :, 0] * stretch[..., None])
    grid = (places * (2 / size) - 1).unflatten(2, share.shape[2:4]).flatten(0, 1)  # (B M, h, w, 2)
    labels = exemplars.labels[index, r].flatten(0, 1)
    least, gain = (_ARM_FROM, _ARM_BY) if r in ARMS else (_SHOWN_FROM, _SHOWN_BY)
    shows = (gain * (F.grid_sample(labels[:, None], grid, align_corners=False) - least)).clamp(0, 1)
    if r in BODY and exemplars.palms is not None:
        shows = _without_hands(exemplars, choice, r, grid, shows)
    return torch.cat([grid.permute(0, 3, 1, 2), shows * mask.repeat_interleave(SHOWN, 0)[:, None]], 1)


def _without_hands(exemplars: Exemplars, choice: Choice, r: int, grid: Tensor, shows: Tensor) -> Tensor:
    """What a region shows, (B M, 1, h, w), less the hands before it where another of its exemplars has none there."""
    index, weight = choice.index[:, r], choice.weight[:, r]
    palms = exemplars.palms[index.flatten()].amax(1, keepdim=True)
    free = shows * (1 - F.grid_sample(palms, grid, align_corners=False))
    apart = (free * (weight / _TELLING).clamp(max=1).view(-1, 1, 1, 1)).unflatten(0, index.shape)
    somewhere = apart.amax(1).repeat_interleave(SHOWN, 0)
    return torch.maximum(free, shows * (1 - somewhere))


def _lent(exemplars: Exemplars, choice: Choice, head: Piece, face: Tensor) -> Iterator[Piece]:
    """The features of the face that lie over a head."""
    at = _centres(head.rows, head.columns, face.device)[:, :2]
    for n, shown in laying.lay(exemplars, choice, head.fields, at, face, STEP):
        r = len(REGIONS) + n
        over = torch.zeros_like(choice.weight[:, r, 0])
        yield Piece(
            r, shown.rows, shown.columns, shown.fields, choice.index[:, r], choice.weight[:, r], over, shown.gain
        )


def _hand(exemplars: Exemplars, choice: Choice, arm: Piece, near: Tensor, view: View) -> Iterator[Piece]:
    """The hand that lies at the end of an arm, which gives way to it."""
    side = ARMS.index(arm.region)
    laid = laying_hands.lay(exemplars, choice, view.hands, view.scale, side, STEP)
    if laid is not None:
        own = near[:, arm.rows, arm.columns][..., list(REGIONS[arm.region])]
        palms = exemplars.palms[arm.index.flatten(), side, None]
        shown = F.grid_sample(palms, arm.fields[:, :2].permute(0, 2, 3, 1), align_corners=False)[:, 0]
        told = (exemplars.hands[arm.index.flatten(), side] != 0).any((1, 2))[:, None, None]
        gone = laying_hands.gives_way(own.repeat_interleave(SHOWN, 0), shown, told)
        arm.fields[:, 2] *= 1 - laid.strength.repeat_interleave(SHOWN)[:, None, None] * gone
        weight = choice.weight[:, side - SIDES]
        yield Piece(arm.region, laid.rows, laid.columns, laid.fields, laid.index, weight, arm.hidden)


def _centres(rows: slice, columns: slice, device: torch.device) -> Tensor:
    """(N, 3) x, y, 1 of the places of a window at which the warp is computed, crop pixels."""
    y, x = (STEP * (torch.arange(span.start, span.stop, device=device) + 0.5) for span in (rows, columns))
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], -1).flatten(0, 1)
