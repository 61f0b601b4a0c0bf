"""Shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022), AlexNet trunk, with the published weights, in plain torch.

The weights are those of the `stlpips-pytorch` package (BSD-2); its own module is not imported, because it wants
torchvision, IPython and torchsummary for nothing that is needed here.
"""

from __future__ import annotations

import functools
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from perfclone.published import Published

WEIGHTS = Published("stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth", "stlpips-pytorch==0.0.2")
CHANNELS = (64, 192, 384, 256, 256)
#: Where the trunk is tapped: the layers before each bound, without those before the bound to its left.
SLICES = (0, 3, 7, 11, 13, 15)


class BlurPool(nn.Module):
    """Blur, then halve the size; padded wide, as the shift-tolerant networks do."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("filt", torch.zeros(channels, 1, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H/2 + 1, W/2 + 1)."""
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


def _trunk() -> list[nn.Module]:
    return [
        nn.Conv2d(3, 64, 11, 1, 2), BlurPool(64), nn.ReLU(),
        nn.MaxPool2d(3, 1), BlurPool(64), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(),
        nn.MaxPool2d(3, 1), BlurPool(192), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
    ]  # fmt: skip


class STLPIPS(nn.Module):
    """The distance of two batches of pictures as people would judge it, blind to a shift of a pixel or so.

    The names of the parts are those of the published state dict, which is loaded strictly.
    """

    def __init__(self):
        super().__init__()
        layers = _trunk()
        self.net, self.scaling_layer = nn.Module(), nn.Module()
        for n, (first, end) in enumerate(zip(SLICES, SLICES[1:]), 1):
            part = nn.Sequential(OrderedDict((str(i), layers[i]) for i in range(first, end)))
            self.net.add_module(f"slice{n}", part)
        for n, channels in enumerate(CHANNELS):
            head = nn.Module()
            head.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))
            self.add_module(f"lin{n}", head)
        for name in ("shift", "scale"):
            self.scaling_layer.register_buffer(name, torch.zeros(1, 3, 1, 1))

    @property
    def heads(self) -> list[torch.Tensor]:
        """What each channel counts: five (1, C, 1, 1)."""
        return [self.get_submodule(f"lin{n}").model[1].weight for n in range(len(CHANNELS))]

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in [-1, 1] -> five maps, each of unit length along its channels."""
        x = (x - self.scaling_layer.shift) / self.scaling_layer.scale
        maps = []
        for part in self.net.children():
            x = part(x)
            maps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return maps

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Two (B, 3, H, W) RGB batches in [-1, 1] -> (B,) distances, 0 for equal pictures."""
        triples = zip(self.heads, self.features(a), self.features(b))
        return sum(F.conv2d((p - q).square(), head).mean((1, 2, 3)) for head, p, q in triples)


@functools.cache
def load_stlpips(device: str = "cpu") -> STLPIPS:
    """The network with its published weights, in evaluation mode, on a device.

    Raises:
        UserError: The package with the weights is not installed.
    """
    network = STLPIPS()
    WEIGHTS.fill(network, "ST-LPIPS")
    return network.eval().requires_grad_(False).to(device)
