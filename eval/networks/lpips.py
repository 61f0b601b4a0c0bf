"""LPIPS (Zhang et al., CVPR 2018), AlexNet trunk, version 0.1, with the published weights, in plain torch.

The trunk is torchvision's AlexNet, whose weights are used only where they already lie in torch's cache: nothing is
downloaded here. The heads come with torchmetrics.
"""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import nn

from perfclone.published import Published

from .cached import require_published

#: torchvision's file; the end of its name is the beginning of its SHA-256.
TRUNK = "alexnet-owt-7be5be79.pth"
HEADS = Published("torchmetrics", "functional/image/lpips_models/alex.pth", "torchmetrics==1.9.0")
#: Where the trunk is tapped: the layers before each bound, without those before the bound to its left.
SLICES = (0, 2, 5, 8, 10, 12)
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LPIPS(nn.Module):
    """The distance of two batches of pictures as people would judge it.

    Args:
        trunk: Weights of torchvision's AlexNet, "features.0.weight" and so on; those of its classifier are not used.
        heads: Weights of the heads, "lin0.model.1.weight" and so on.
    """

    def __init__(self, trunk: dict[str, torch.Tensor], heads: dict[str, torch.Tensor]):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(), nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
        )  # fmt: skip
        prefix = "features."
        weights = {name.removeprefix(prefix): value for name, value in trunk.items() if name.startswith(prefix)}
        self.layers.load_state_dict(weights)
        for n in range(len(SLICES) - 1):
            self.register_buffer(f"head{n}", heads[f"lin{n}.model.1.weight"])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))

    @property
    def heads(self) -> list[torch.Tensor]:
        """What each channel counts: five (1, C, 1, 1)."""
        return [self.get_buffer(f"head{n}") for n in range(len(SLICES) - 1)]

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) in [-1, 1] -> five maps, each of unit length along its channels."""
        x = (x - self.shift) / self.scale
        maps = []
        for first, end in zip(SLICES, SLICES[1:]):
            x = self.layers[first:end](x)
            maps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return maps


@functools.cache
def load_lpips(trunk: Path, device: str = "cpu") -> LPIPS:
    """The network with its published weights, in evaluation mode, on a device.

    Args:
        trunk: Torchvision's AlexNet, :data:`TRUNK`.
        device: Where it runs.

    Raises:
        UserError: The file is not the published one, or the package with the heads is not installed.
    """
    require_published(trunk, TRUNK, "LPIPS needs the published AlexNet")
    network = LPIPS(torch.load(trunk, map_location="cpu", weights_only=True), HEADS.read("LPIPS"))
    return network.eval().requires_grad_(False).to(device)
