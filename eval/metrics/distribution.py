"""How far two sets of pictures are apart as sets: Frechet and kernel distance of deep features.

The published FID and KID are these formulas over features of one certain Inception network. Where its weights are not
on the machine, the features are those of EfficientNet-Lite0, and the numbers bear another name, because they can be
compared only with each other.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from perfclone.errors import UserError

from ..networks.pooled import load_pooled, torchmetrics_classes

#: Frames of each side that the kernel distance looks at, at most.
SAMPLE = 1000
#: Real frames go to the two halves of the floor in turns of this many: neighbours are nearly one picture.
BLOCK = 16
_BATCH = 8


@dataclass(frozen=True)
class Distances:
    """Two sets of pictures as sets.

    Attributes:
        fd: Frechet distance, from 0, lower is better. It shrinks with ``n`` for equal distributions.
        kd: Kernel distance x 1000, about 0 (a little below is chance) for equal distributions, lower is better.
        n: Frames of the smaller side.
        floor_fd: Frechet distance of two halves of the real frames, ``floor_n`` each; None where there are too few.
        floor_kd: Kernel distance x 1000 of those halves.
        floor_n: Frames of the smaller half. Being fewer than ``n``, they put the floor of the Frechet distance higher
            than it would be at ``n``.
    """

    fd: float
    kd: float
    n: int
    floor_fd: float | None
    floor_kd: float | None
    floor_n: int


class FeatureDistance:
    """FID and KID, or the same formulas over other features, of frames that come in a few at a time.

    Memory does not grow with the number of frames: the Frechet distance keeps sums, the kernel distance a random
    sample of 1000 frames of each side, the same moments of both.

    Args:
        device: Where the network runs.
        seed: Of that sample.

    Attributes:
        fd_name: "fid" with the published weights, otherwise "fd_efficientnet_lite0".
        kd_name: "kid" or "kd_efficientnet_lite0".

    Raises:
        UserError: The weights' package is missing, or torchmetrics cannot be loaded.
    """

    def __init__(self, device: str = "cpu", seed: int = 0):
        self.seed, self._device = seed, device
        self._network, features, self.fd_name, self.kd_name = load_pooled(device)
        self._sums, self._halves = _frechet(features), _frechet(features)
        self._samples = {real: _Sample(seed) for real in (True, False)}

    @torch.no_grad()
    def update(self, frames: np.ndarray, real: bool) -> None:
        """Take further frames.

        Args:
            frames: (B, H, W, 3) uint8 RGB of any size; the network resizes them to its own, bilinear, whatever their
                shape: antialiased to 224 x 224 for EfficientNet, as published to 299 x 299 for Inception.
            real: Whether they are of the truth.

        Raises:
            UserError: They are no such frames.
        """
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise UserError(
                f"Sets of pictures are (count, height, width, 3) of uint8, and these are {frames.shape} of "
                f"{frames.dtype}; give RGB frames as a video holds them."
            )
        for start in range(0, len(frames), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(frames[start : start + _BATCH])).permute(0, 3, 1, 2)
            self._take(self._network(batch.to(self._device)).double().cpu(), real)

    def _take(self, features: torch.Tensor, real: bool) -> None:
        """Take what the network saw in further frames: (B, F) float64."""
        sample = self._samples[real]
        first = (sample.seen + np.arange(len(features))) // BLOCK % 2 == 0
        self._sums.update(features, real=real)
        for half in (True, False):
            if real and (first == half).any():
                self._halves.update(features[torch.from_numpy(first == half)], real=half)
        for row, half in zip(features.numpy(), first):
            sample.add(row, half)

    def compute(self) -> Distances | None:
        """The distances so far; None with fewer than two frames on a side."""
        (real, first), (fake, _) = (self._samples[side].kept() for side in (True, False))
        if min(len(real), len(fake)) < 2:
            return None
        fd, kd = _clipped(self._sums), kernel_distance(real, fake, self.seed)
        n = min(sample.seen for sample in self._samples.values())
        floor_n = min(int(self._halves.real_features_num_samples), int(self._halves.fake_features_num_samples))
        if floor_n < 2:
            return Distances(fd, kd, n, None, None, floor_n)
        return Distances(
            fd, kd, n, _clipped(self._halves), kernel_distance(real[first], real[~first], self.seed), floor_n
        )


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet distance of two sets of features as if each were a Gaussian.

    |mu_r - mu_f|^2 + tr(C_r + C_f - 2 (C_r C_f)^(1/2)), Heusel et al., NeurIPS 2017. From 0, lower is better. Computed
    by torchmetrics in float64; with fewer frames than features rounding lowers it by up to 1e-3, and what it would
    push below 0 is 0.

    Args:
        real: (N, F) features.
        fake: (M, F) features.
    """
    sums = _frechet(real.shape[1])
    for features, side in ((real, True), (fake, False)):
        sums.update(torch.from_numpy(np.asarray(features, np.float64)), real=side)
    return _clipped(sums)


def kernel_distance(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> float:
    """Kernel distance of two sets of features, times 1000.

    The unbiased squared maximum mean discrepancy with the kernel (x y / F + 1)^3, Binkowski et al., ICLR 2018. About 0
    for equal distributions, below it by chance and for one and the same set; lower is better. Computed by torchmetrics
    in float64, over all features at once; of the larger set only as many as the smaller has, chosen by the seed.

    Args:
        real: (N, F) features.
        fake: (M, F) features.
        seed: Of that choice.
    """
    _, kernel = torchmetrics_classes()
    with warnings.catch_warnings():  # it warns that it keeps all features; there are few
        warnings.simplefilter("ignore", UserWarning)
        metric = kernel(_Seen(real.shape[1]), subsets=1, subset_size=min(len(real), len(fake)))
    for features, side in ((real, True), (fake, False)):
        metric.update(torch.from_numpy(np.asarray(features, np.float64)), real=side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return 1000 * float(metric.compute()[0])


class _Seen(nn.Module):
    """Stands where torchmetrics wants a network, and passes features on that one has made already."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


class _Sample:
    """A uniform sample of the rows seen so far (Vitter's algorithm R), each with the half that it belongs to."""

    def __init__(self, seed: int):
        self.seen, self._rng = 0, np.random.default_rng(seed)
        self._kept: list[tuple[np.ndarray, bool]] = []

    def add(self, row: np.ndarray, half: bool) -> None:
        """Take the next row."""
        self.seen += 1
        if len(self._kept) < SAMPLE:
            self._kept.append((row.copy(), bool(half)))
        elif (place := int(self._rng.integers(self.seen))) < SAMPLE:
            self._kept[place] = (row.copy(), bool(half))

    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows (n, F), and for each whether it is of the first half (n,)."""
        return np.array([row for row, _ in self._kept]), np.array([half for _, half in self._kept])


def _frechet(features: int):
    return torchmetrics_classes()[0](_Seen(features))


def _clipped(sums) -> float:
    return max(0.0, float(sums.compute()))
