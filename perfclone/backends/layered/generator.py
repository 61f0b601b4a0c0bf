"""G: limb-local maps -> foreground colour, matte and shadow, over the plate."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import FACING, PARTS, Conditioning, PartMaps, facing
from perfclone.backends.layered.config import GeneratorConfig


class Layers(NamedTuple):
    """What G paints of a crop, each in [0, 1].

    Attributes:
        colour: (B, 3, S, S) RGB of the person.
        alpha: (B, 1, S, S) matte, exactly 0 where nobody is.
        shadow: (B, 1, S, S) share of the plate's light that is left, exactly 1 where no shadow falls.
    """

    colour: Tensor
    alpha: Tensor
    shadow: Tensor

    def over(self, plate: Tensor) -> Tensor:
        """Composite over the plate's crop (B, 3, S, S) in [0, 1]."""
        return self.alpha * self.colour + (1 - self.alpha) * self.shadow * plate

    def memory(self) -> Tensor:
        """(B, 4, S, S) what the next frame is told of this one: premultiplied colour and alpha."""
        return torch.cat([self.alpha * self.colour, self.alpha], 1)


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


class Residual(nn.Module):
    """Two convolutions around a normalisation that the view descriptor shifts."""

    def __init__(self, width: int, descriptor: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.view = nn.Linear(descriptor, width)

    def forward(self, x: Tensor, view: Tensor) -> Tensor:
        """(B, width, h, w) and (B, descriptor) -> (B, width, h, w)."""
        h = self.first(F.silu(self.norm(x))) + self.view(view)[:, :, None, None]
        return x + self.second(F.silu(h))


class UNet(nn.Module):
    """A small U-Net whose skips are added, with one residual block a level below the top.

    Args:
        channels: Input channels.
        out: Output channels.
        widths: Channels at each level, finest first.
        descriptor: Length of the view descriptor.
    """

    def __init__(self, channels: int, out: int, widths: tuple[int, ...], descriptor: int):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairs)
        self.encode = nn.ModuleList(Residual(b, descriptor) for _, b in pairs)
        self.middle = Residual(widths[-1], descriptor)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.decode = nn.ModuleList(Residual(a, descriptor) for a, _ in reversed(pairs[1:]))
        self.top = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.leave = nn.Conv2d(widths[0], out, 3, padding=1)

    def forward(self, x: Tensor, view: Tensor) -> Tensor:
        """(B, channels, h, w) and (B, descriptor) -> (B, out, h, w)."""
        x, skips = self.enter(x), []
        for down, block in zip(self.down, self.encode):
            skips.append(x)
            x = block(down(F.silu(x)), view)
        x = self.middle(x, view)
        for up, block in zip(self.up, self.decode):
            x = block(skips.pop() + F.interpolate(up(x), scale_factor=2.0), view)
        x = skips.pop() + F.interpolate(self.up[-1](x), scale_factor=2.0)
        return self.leave(F.silu(self.top(F.silu(x)) + x))


class Generator(nn.Module):
    """The space-time conditional generator of one actor.

    It sees a window of poses, through the coordinate maps and their motion, and its own previous output moved along
    that motion (Aberman et al. 2019, section 4; Chan et al., *Everybody Dance Now*, 2019).

    Args:
        config: Its sizes.
    """

    def __init__(self, config: GeneratorConfig):
        super().__init__()
        self.config = config
        self.conditioning = Conditioning(config.resolution)
        self.textures = NeuralTextures(config.texture_channels, config.texture_side)
        self.unet = UNet(config.texture_channels + PARTS + 4 + 4 + 4, 20, config.widths, FACING)

    @property
    def resolution(self) -> int:
        """Side S of its square crop, pixels."""
        return self.config.resolution

    def forward(
        self, keypoints: Tensor, seen: Tensor, scale: Tensor, memory: Tensor | None = None
    ) -> tuple[Layers, PartMaps, Tensor | None]:
        """Paint a frame: :meth:`maps`, :meth:`recall` and :meth:`paint`.

        Args:
            keypoints: (B, 3, J, 2) float, crop pixels, the poses one frame before, now and one after.
            seen: (B, 3, J) bool.
            scale: (B,) float, the actor's torso length in crop pixels.
            memory: (B, 4, S, S) ``Layers.memory()`` of the frame before in this frame's crop; None at a start.

        Returns:
            What is painted, the maps, and what was recalled: (B, 4, S / 2, S / 2), or None at a start.
        """
        maps = self.maps(keypoints, seen, scale)
        recalled = None if memory is None else self.recall(memory, maps.motion, scale)
        return self.paint(maps, keypoints[:, 1], seen[:, 1], scale, recalled), maps, recalled

    def maps(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> PartMaps:
        """The maps of a window of poses, always in float32: half precision cannot place a pixel."""
        with torch.autocast(keypoints.device.type, enabled=False):
            maps = self.conditioning(keypoints, seen, scale)
        return maps if self.config.window else maps._replace(motion=torch.zeros_like(maps.motion))

    def paint(self, maps: PartMaps, now: Tensor, seen: Tensor, scale: Tensor, recalled: Tensor | None) -> Layers:
        """Paint a frame from its maps, the pose of now (B, J, 2), (B, J) and what :meth:`recall` gave."""
        batch, half = len(now), self.resolution // 2
        frames = (maps.uv[:, :, -2:] * maps.weight[:, :, -2:, None]).clamp(-2, 2).flatten(2)
        past = maps.motion.new_zeros(maps.motion.shape)
        if recalled is not None:
            past = recalled.permute(0, 2, 3, 1).flatten(1, 2)
        picture = torch.cat([self.textures(maps), maps.weight, frames, maps.motion, past], -1)
        x = picture.view(batch, half, half, -1).permute(0, 3, 1, 2)  # channels-last as it lies
        out = F.pixel_shuffle(self.unet(x, facing(now, seen, scale)).float(), 2)
        alpha = ((torch.sigmoid(out[:, 3:4] - 1) - 0.01) / 0.98).clamp(0, 1)
        shadow = (torch.sigmoid(out[:, 4:5] + 3) / 0.94).clamp(0, 1)
        return Layers(torch.sigmoid(out[:, :3]), alpha, shadow)

    def recall(self, memory: Tensor, motion: Tensor, scale: Tensor) -> Tensor:
        """(B, 4, S / 2, S / 2): the previous output, each pixel fetched from where its body point was."""
        half, small = self.resolution // 2, halved(memory)
        pixels = self.conditioning.pixels[:, :2] + motion[..., :2] * scale[:, None, None]
        grid = (pixels / half - 1).view(-1, half, half, 2)
        return F.grid_sample(small, grid.to(small.dtype), align_corners=False, padding_mode="border")


def halved(memory: Tensor) -> Tensor:
    """(B, 4, S, S) -> (B, 4, S / 2, S / 2), as G recalls it."""
    return F.avg_pool2d(memory, 2)
