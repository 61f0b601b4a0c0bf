"""Noise that is attached to the body, so that what it makes of the picture moves along with the actor.

Each place of the latents is a sum over what noise lies under it, as in Chang et al., *How I Warped Your Noise*, 2024,
so that it stays white, and changes by degrees where the body moves by a part of a place.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.parts import HEAD_RADIUS, LIMB_WIDTH, LIMBS, PARTS
from perfclone.pose.body import LENGTHS

#: Samples along the side of a place, and texels along the side of a part, after which its noise repeats itself.
_FINE, _TEXELS = 2, 64
#: The part of a body's weight from which a sample belongs to it.
_BODY = 0.2
#: The limbs' length groups, as ``Body`` has them, by where they begin and end.
_GROUPS = {
    ("shoulder", "elbow"): "upper_arm", ("elbow", "wrist"): "forearm", ("hip", "knee"): "thigh",
    ("knee", "ankle"): "shin", ("wrist", "index"): "hand", ("ankle", "toe"): "foot", ("shoulder", "hip"): "torso",
    ("neck", "nose"): "head", ("neck", "shoulder"): "shoulder",
}  # fmt: skip
_LONG = [LENGTHS[_GROUPS[tuple(end.split("_")[-1] for end in limb)]] for limb in LIMBS]
#: (P, 2) how large a unit of the parts' coordinates is in an average adult, torso lengths; see ``PartMaps.uv``.
_UNITS = torch.tensor(
    [(long / 1.4, LIMB_WIDTH) for long in _LONG]
    + [(LENGTHS["shoulder"] / 0.7, LENGTHS["torso"] / 1.4), (HEAD_RADIUS / 0.7, HEAD_RADIUS / 0.7)],
    device="cpu",
)


class BodyNoise:
    """Independent normal noise for each texel of each part of the body, and for each place of the crop around it.

    Args:
        channels: Of the latents.
        side: Of the latents.
        torso: The actor's usual torso length there.
        seed: The same noise for the same seed.
    """

    def __init__(self, channels: int, side: int, torso: float, seed: int = 0):
        made, self.side = torch.Generator().manual_seed(seed), side
        self.texels = _UNITS * (torso * _FINE)
        self.around = PARTS * _TEXELS**2 + torch.arange(side**2)[:, None]
        self.noise = torch.randn(PARTS * _TEXELS**2 + side**2, channels, generator=made)

    def of(self, maps: PartMaps) -> Tensor:
        """(1, C, side, side) the noise of a frame, of mean 0 and variance 1.

        Args:
            maps: Of one frame, (1, N, ...).
        """
        at = self._samples(math.isqrt(maps.weight.shape[1])).to(maps.weight.device)
        weight, part = (each.cpu() for each in maps.weight[0, at].max(-1))
        uv = maps.uv[0, at].cpu().gather(2, part[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]
        x, y = (uv * self.texels[part]).floor().long().remainder(_TEXELS).unbind(-1)
        index = torch.where(weight > _BODY, (part * _TEXELS + y) * _TEXELS + x, self.around)
        alike = (index[:, :, None] == index[:, None]).sum((1, 2))  # the variance of the sum
        noise = self.noise[index].sum(1) / alike.sqrt()[:, None]
        return noise.T.reshape(1, -1, self.side, self.side).to(maps.weight.device)

    def _samples(self, side: int) -> Tensor:
        """(side ** 2, FINE ** 2) which pixels of maps of another side are the samples of each place."""
        count = self.side * _FINE
        line = ((torch.arange(count) + 0.5) * (side / count)).long().view(self.side, 1, _FINE, 1)
        return (line * side + line.view(1, self.side, 1, _FINE)).reshape(self.side**2, _FINE**2)
