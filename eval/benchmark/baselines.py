"""What perfclone is measured against: pix2pix, a ResNet for speed, and the paper's nearest reference frame.

The networks and the recipe are those of Isola et al., CVPR 2017, as the public pytorch-CycleGAN-and-pix2pix has them:
the numbers of weights are the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from perfclone.errors import UserError
from perfclone.pose.sequence import Pose, PoseSequence
from perfclone.pose.space import normalise, pose_distances
from perfclone.progress import Progress

LEARNING_RATE, BETAS, L1_WEIGHT = 2e-4, (0.5, 0.999), 100.0


class UNet(nn.Module):
    """pix2pix's generator; `unet_256` with the defaults. (B, 3, H, W) in [-1, 1] -> the same.

    Args:
        levels: How often the size is halved; height and width are multiples of 2 ** levels.
        width: Channels of the outermost level; the others have 2, 4, then 8 times as many.
        dropout: Dropout in the levels of 8 times the width, but for the innermost.
    """

    def __init__(self, levels: int = 8, width: int = 64, dropout: bool = True):
        super().__init__()
        channels = [width * min(2**n, 8) for n in range(levels)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for n, (before, after) in enumerate(zip([3, *channels], channels)):
            down = [nn.LeakyReLU(0.2)] if n else []
            down.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
            self.downs.append(nn.Sequential(*down, *([nn.BatchNorm2d(after)] if 0 < n < levels - 1 else [])))
        for n in range(levels - 1, 0, -1):
            joined = channels[n] * (1 if n == levels - 1 else 2)
            up = [nn.ReLU(), nn.ConvTranspose2d(joined, channels[n - 1], 4, 2, 1, bias=False)]
            drop = [nn.Dropout(0.5)] if dropout and 4 <= n < levels - 1 else []
            self.ups.append(nn.Sequential(*up, nn.BatchNorm2d(channels[n - 1]), *drop))
        self.ups.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1), nn.Tanh()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        x = self.ups[0](skips.pop())
        for up in self.ups[1:]:
            x = up(torch.cat([skips.pop(), x], 1))
        return x


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input passes."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.body(x)


def resnet_9blocks(width: int = 64) -> nn.Sequential:
    """Build `resnet_9blocks`, the other generator of the public code; here only its speed counts."""

    def layer(convolution: nn.Module, channels: int) -> list[nn.Module]:
        return [convolution, nn.BatchNorm2d(channels), nn.ReLU()]

    w = width
    return nn.Sequential(
        nn.ReflectionPad2d(3), *layer(nn.Conv2d(3, w, 7, bias=False), w),
        *layer(nn.Conv2d(w, 2 * w, 3, 2, 1, bias=False), 2 * w),
        *layer(nn.Conv2d(2 * w, 4 * w, 3, 2, 1, bias=False), 4 * w),
        *(ResidualBlock(4 * w) for _ in range(9)),
        *layer(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, 1, bias=False), 2 * w),
        *layer(nn.ConvTranspose2d(2 * w, w, 3, 2, 1, 1, bias=False), w),
        nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh(),
    )  # fmt: skip


def patch_discriminator(width: int = 64) -> nn.Sequential:
    """Build the 70x70 PatchGAN: (B, 6, H, W), skeleton picture and frame -> (B, 1, H/8 - 2, W/8 - 2) logits."""
    layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        layers += [nn.Conv2d(before * width, after * width, 4, stride, 1, bias=False)]
        layers += [nn.BatchNorm2d(after * width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Draw the weights as pix2pix does: convolutions N(0, 0.02), norms N(1, 0.02), offsets 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), 0.02, generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@dataclass(frozen=True)
class FitResult:
    """What a training run used: optimiser steps, and minutes of wall time."""

    steps: int
    minutes: float


class Pix2Pix:
    """pix2pix from skeleton pictures to frames: one picture a step, vanilla GAN + 100 L1, Adam 2e-4 (0.5, 0.999).

    The learning rate stays for the first half of the budget and falls to 0 in the second, as in the public code.
    There is no random flip or crop: a flipped skeleton is another pose.

    Args:
        levels: How often G halves the size.
        width: Channels of the outermost levels of G and of D.
        seed: Of the weights, of dropout and of the order of frames.
        device: Where it trains and renders.
    """

    def __init__(self, *, levels: int = 8, width: int = 64, seed: int = 0, device: str = "cpu"):
        self.rng = torch.Generator().manual_seed(seed)
        self.seed, self.device = seed, device
        self.generator, self.discriminator = UNet(levels, width), patch_discriminator(width)
        for network in (self.generator, self.discriminator):
            initialise(network, self.rng)
            network.to(device, memory_format=torch.channels_last)

    def fit(
        self,
        pictures: np.ndarray,
        frames: np.ndarray,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        progress: Progress | None = None,
    ) -> FitResult:
        """Train on pairs.

        Args:
            pictures: (T, H, W, 3) uint8, skeletons as :func:`skeletons` draws them.
            frames: (T, H, W, 3) uint8 RGB, the frames they belong to.
            minutes: Wall time to train for; or
            steps: the number of steps.
            progress: Called after each step with "train", what is done and what there is in all: steps, or seconds.
        """
        if pictures.shape != frames.shape or (minutes is None) == (steps is None):
            raise UserError(
                f"pix2pix trains on as many skeletons {pictures.shape} as frames {frames.shape}, of one size, for "
                f"either minutes ({minutes}) or steps ({steps})."
            )
        torch.manual_seed(self.seed)
        optimisers = [
            torch.optim.Adam(x.parameters(), LEARNING_RATE, BETAS) for x in (self.generator, self.discriminator)
        ]
        start, step, used = time.monotonic(), 0, 0.0
        while used < 1:
            if step % len(frames) == 0:
                order = torch.randperm(len(frames), generator=self.rng).tolist()
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = LEARNING_RATE * min(1.0, 2 * (1 - used))
            t = order[step % len(frames)]
            self._step(self._batch(pictures[t]), self._batch(frames[t]), *optimisers)
            step += 1
            used = step / steps if steps else (time.monotonic() - start) / (60 * minutes)
            if progress:
                total = steps or round(60 * minutes)
                progress("train", min(round(used * total), total), total)
        return FitResult(step, (time.monotonic() - start) / 60)

    def _step(
        self, picture: torch.Tensor, real: torch.Tensor, g_optimiser: torch.optim.Adam, d_optimiser: torch.optim.Adam
    ) -> None:
        fake = self.generator(picture)
        d_loss = 0.5 * (
            _gan_loss(self.discriminator(torch.cat([picture, fake.detach()], 1)), False)
            + _gan_loss(self.discriminator(torch.cat([picture, real], 1)), True)
        )
        d_optimiser.zero_grad()
        d_loss.backward()
        d_optimiser.step()
        self.discriminator.requires_grad_(False)
        judged = self.discriminator(torch.cat([picture, fake], 1))
        g_optimiser.zero_grad()
        (_gan_loss(judged, True) + L1_WEIGHT * F.l1_loss(fake, real)).backward()
        g_optimiser.step()
        self.discriminator.requires_grad_(True)

    @torch.no_grad()
    def render(self, pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield an (H, W, 3) uint8 RGB frame for each skeleton, (H, W, 3) uint8.

        Norms use the picture's own statistics, as the paper and the public code do. Dropout, which they leave on at
        test time, is off: it would make the video flicker.
        """
        for module in self.generator.modules():
            module.train(not isinstance(module, nn.Dropout))
        for picture in pictures:
            image = self.generator(self._batch(picture))[0]
            yield ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()

    def _batch(self, image: np.ndarray) -> torch.Tensor:
        """(H, W, 3) uint8 -> (1, 3, H, W) in [-1, 1]."""
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self.device).permute(2, 0, 1)[None]
        return (tensor.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def _gan_loss(logits: torch.Tensor, real: bool) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def draw_skeletons(poses: PoseSequence) -> Iterator[np.ndarray]:
    """Draw the body of each pose on black, as controlnet-aux does: (H, W, 3) uint8 each, of the sequence's size."""
    from perfclone.pose.draw import draw_pose

    width, height = poses.size
    return (draw_pose(Pose(k, s), height, width) for k, s in zip(poses.keypoints, poses.scores))


def skeletons(poses: PoseSequence) -> np.ndarray:
    """All of :func:`draw_skeletons`, (T, H, W, 3) uint8."""
    return np.stack(list(draw_skeletons(poses)))


def nearest(reference: PoseSequence, poses: PoseSequence) -> np.ndarray:
    """For each pose the reference frame whose pose is closest: the nearest-neighbour baseline of Aberman et al.

    Args:
        reference: Poses of the reference video, one a frame.
        poses: Poses to perform.

    Returns:
        (T,) indices of reference frames; 0 where no reference pose can be compared.
    """
    bank, wanted = (normalise(x.keypoints, x.scores) for x in (reference, poses))
    return pose_distances(wanted, poses.scores, bank, reference.scores).argmin(1)
