"""The network of the generators: small, and told from where the body is seen."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


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
