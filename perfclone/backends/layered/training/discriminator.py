"""The discriminator: it looks at single frames beside pictures of their pose."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from perfclone.backends.layered.conditioning import LIMBS, PartMaps

#: Pictures of the pose that the discriminator compares a frame with: arms, legs, rest of the limbs, torso, head.
POSE_PICTURES = 5
_ARMS = [n for n, (a, _) in enumerate(LIMBS) if a.endswith(("shoulder", "elbow", "wrist"))]
_LEGS = [n for n, (a, _) in enumerate(LIMBS) if a.endswith(("hip", "knee", "ankle"))]


def pose_pictures(maps: PartMaps) -> Tensor:
    """(B, POSE_PICTURES, S, S) in [0, 1]: where the arms, the legs, all limbs, the torso and the head should be."""
    weight, n = maps.weight, len(LIMBS)
    picture = torch.stack(
        [
            weight[..., _ARMS].amax(-1),
            weight[..., _LEGS].amax(-1),
            weight[..., :n].amax(-1),
            weight[..., n],
            weight[..., n + 1],
        ],
        1,
    )
    half = math.isqrt(weight.shape[1])
    return F.interpolate(picture.view(-1, POSE_PICTURES, half, half), scale_factor=2.0)


class PatchDiscriminator(nn.Module):
    """Scores overlapping patches of what it sees (Isola et al. 2017), spectrally normalised (Miyato et al. 2018).

    Args:
        channels: Input channels: 3 of the frame, and those of the pose pictures.
        width: Channels of the first layer.
    """

    def __init__(self, channels: int, width: int = 32):
        super().__init__()
        sizes = [(channels, width, 2), (width, width * 2, 2), (width * 2, width * 4, 2), (width * 4, width * 4, 1)]
        layers: list[nn.Module] = []
        for a, b, stride in sizes:
            layers += [spectral_norm(nn.Conv2d(a, b, 4, stride, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width * 4, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, 1, h, w) patch scores, higher for real."""
        return self.layers(x)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye 2017): scores of real and generated patches -> scalar."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
