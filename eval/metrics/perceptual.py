"""How far apart two pictures are to a person's eye: distances of deep features."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from perfclone.errors import UserError
from perfclone.progress import Progress

from ..networks import lpips
from ..networks.cached import cached
from ..networks.stlpips import STLPIPS, load_stlpips
from .frames import Frames, as_tensor, check_pair


class PerceptualDistance:
    """LPIPS or its shift-tolerant kin, in two steps, so that features are computed once and compared often.

    Args:
        name: Of the distance, as reports have it.
        network: With ``features`` and ``heads``.
        device: Where the network is.
    """

    def __init__(
        self, name: Literal["lpips_alex", "st_lpips_alex"], network: lpips.LPIPS | STLPIPS, device: str = "cpu"
    ):
        self.name, self.network, self.device = name, network, device

    @torch.no_grad()
    def features(self, frames: Frames) -> list[torch.Tensor]:
        """See what is in pictures.

        Args:
            frames: (B, H, W, 3) uint8 RGB, or (B, 3, H, W) floats in [0, 1].

        Returns:
            Five maps, (B, C, h, w) float32, each of unit length along C.
        """
        if min(frames.shape[1:3] if isinstance(frames, np.ndarray) else frames.shape[2:]) < 32:
            raise UserError(
                f"LPIPS and ST-LPIPS need frames of at least 32 pixels high and wide, and these are "
                f"{tuple(frames.shape)}; use larger frames."
            )
        return self.network.features(as_tensor(frames).to(self.device) * 2 - 1)

    @torch.no_grad()
    def distance(self, a: list[torch.Tensor], b: list[torch.Tensor], where: np.ndarray | None = None) -> torch.Tensor:
        """Compare what was seen in pictures: sum over layers of the mean over places of w * |f(a) - f(b)|^2.

        Args:
            a: Features of B pictures.
            b: Features of B others of the same size.
            where: (B, H, W) bool, the only places that count. In each layer a place counts by the share of its pixels
                that are inside; what it sees reaches beyond them. None counts all.

        Returns:
            (B,) float32, from 0 (equal) to about 1, lower is better; NaN where no place counts.

        Raises:
            UserError: The features belong to another number of pictures, or to another size.
        """
        if [x.shape for x in a] != [x.shape for x in b] or (where is not None and len(where) != len(a[0])):
            count = "" if where is None else f", with {len(where)} masks"
            raise UserError(
                "Pictures are compared one with one, so both sides need the same count and size: the features are "
                f"{tuple(a[0].shape)} and {tuple(b[0].shape)}{count}."
            )
        share = None if where is None else torch.from_numpy(np.asarray(where, np.float32))[:, None].to(self.device)
        total = torch.zeros(len(a[0]), device=self.device)
        for head, x, y in zip(self.network.heads, a, b):
            places = F.conv2d((x - y).square(), head)
            if share is None:
                total += places.mean((1, 2, 3))
            else:
                weight = F.interpolate(share, places.shape[2:], mode="area")
                total += (places * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))
        return total


def load_perceptual(device: str = "cpu") -> PerceptualDistance:
    """The published LPIPS where all of its weights are on this machine, otherwise ST-LPIPS, under its own name.

    Nothing is downloaded. LPIPS wants torchvision's AlexNet in torch's cache; ``torchvision.models.alexnet(weights=
    "IMAGENET1K_V1")`` puts it there.

    Raises:
        UserError: The cached file is not the published one, or the package with the weights is missing.
    """
    if trunk := cached(lpips.TRUNK):
        return PerceptualDistance("lpips_alex", lpips.load_lpips(trunk, device), device)
    return PerceptualDistance("st_lpips_alex", load_stlpips(device), device)


@torch.no_grad()
def st_lpips(a: Frames, b: Frames, *, batch: int = 4, device: str = "cpu", progress: Progress | None = None) -> float:
    """Shift-tolerant LPIPS with the AlexNet trunk: the mean perceptual distance of frames that belong together.

    Ghildyal and Liu, ECCV 2022: mean over t, layers and places of w * |f(a) - f(b)|^2, f the unit-length features of a
    network whose pooling does not mind a shift. From 0 (equal) to about 1; lower is better.

    Args:
        a: Frames of one video.
        b: Frames of the other.
        batch: Pairs at once: more memory, a little faster.
        device: Where the network runs.
        progress: Called with "st_lpips", frames done and frames in all.

    Raises:
        UserError: The videos differ in length or size, or the weights' package is missing.
    """
    check_pair(a, b)
    network = load_stlpips(device)
    total = 0.0
    for start in range(0, len(a), batch):
        pair = (as_tensor(x[start : start + batch]).to(device) * 2 - 1 for x in (a, b))
        total += network(*pair).sum().item()
        if progress:
            progress("st_lpips", min(start + batch, len(a)), len(a))
    return total / len(a)
