"""The generator of actors of formats 1 and 2, which painted all from learned textures; they are still painted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import FACING, PartMaps, facing
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.painting import Layers, Painting, View
from perfclone.backends.layered.parts import PARTS
from perfclone.backends.layered.unet import UNet


class NeuralTextures(nn.Module):
    """One learned texture for each part of the body (Thies et al., *Deferred Neural Rendering*, 2019).

    Args:
        channels: Features of a texel.
        side: Texels along a side.
    """

    #: Texture samples whose share of the pixel is smaller than this are left out; most of them are 0.
    least_share = 0.02

    def __init__(self, channels: int, side: int):
        super().__init__()
        self.side = side
        self.texels = nn.Parameter(torch.randn(PARTS * side * side, channels) * 0.1)

    def forward(self, maps: PartMaps) -> Tensor:
        """(B, N, C): the textures of the parts over each pixel, sampled bilinearly and blended by their shares."""
        batch, pixels, parts = maps.share.shape
        pairs = (maps.share > self.least_share).flatten().nonzero()[:, 0]
        place = (maps.uv.view(-1, 2)[pairs] * 0.5 + 0.5) * (self.side - 1)
        inside = ((place > -1) & (place < self.side)).all(-1)
        pairs, at = pairs[inside], place[inside].clamp(0, self.side - 1)
        pixel, p = pairs // parts, pairs % parts
        share = maps.share.flatten()[pairs]
        low = at.floor().clamp(max=self.side - 2)
        fraction = at - low
        column, row = low.long().unbind(-1)
        corner = (p * self.side + row) * self.side + column
        texel = torch.stack([corner, corner + 1, corner + self.side, corner + self.side + 1], -1)
        x, y = fraction.unbind(-1)
        blend = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], -1) * share[:, None]
        counts = torch.bincount(pixel, minlength=batch * pixels)
        offsets = (counts.cumsum(0) - counts) * 4
        features = F.embedding_bag(
            texel.flatten(), self.texels, offsets, mode="sum", per_sample_weights=blend.flatten().to(self.texels.dtype)
        )
        return features.view(batch, pixels, -1)


class TexturedGenerator(Painting):
    """Paints from one learned texture for each part; see :class:`perfclone.backends.layered.generator.Painting`."""

    def __init__(self, config: GeneratorConfig):
        super().__init__(config)
        self.textures = NeuralTextures(config.texture_channels, config.texture_side)
        self.unet = UNet(config.texture_channels + PARTS + 4 + 4 + 4, 20, config.widths, FACING)

    def paint(
        self, view: View, last: Tensor | None = None, bar: Tensor | None = None, large: int | None = None
    ) -> tuple[Layers, None]:
        """Paint a frame from what is known of it; it copies nothing, and knows no larger pictures."""
        x = self.pictured(view, self.textures(view.maps))
        out = F.pixel_shuffle(self.unet(x, facing(view.now, view.seen, view.scale)).float(), 2)
        alpha = ((torch.sigmoid(out[:, 3:4] - 1) - 0.01) / 0.98).clamp(0, 1)
        shadow = (torch.sigmoid(out[:, 4:5] + 3) / 0.94).clamp(0, 1)
        return Layers(torch.sigmoid(out[:, :3]), alpha, shadow), None
