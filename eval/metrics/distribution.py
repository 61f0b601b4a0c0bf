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
from .influence import frechet_by_frame, kernel_by_frame

#: Frames of each side that the distances look at, at most.
SAMPLE = 1000
#: Real frames go to the two halves of the floor in turns of this many: neighbours are nearly one picture.
BLOCK = 16
_BATCH = 8
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Distances:
    """Two sets of pictures as sets.

    Attributes:
        fd: Frechet distance, from 0, lower is better. It shrinks with ``n`` for equal distributions.
        kd: Kernel distance x 1000, about 0 (a little below is chance) for equal distributions, lower is better.
        n: Frames of the smaller side that were looked at.
        floor_fd: Frechet distance of two halves of the real frames, ``floor_n`` each; None where there are too few.
        floor_kd: Kernel distance x 1000 of those halves.
        floor_n: Frames of the smaller half. Being fewer than ``n``, they put the floor of the Frechet distance higher
            than it would be at ``n``.
        frames: (m,) numbers of the frames that were looked at on both sides, in order; none where the sides are not of
            the same frames.
        by_frame_fd: (m,) what each of them adds to ``fd``, their mean; see `eval/metrics/influence.py`.
        by_frame_kd: (m,) what each of them adds to ``kd``, their mean.
    """

    fd: float
    kd: float
    n: int
    floor_fd: float | None
    floor_kd: float | None
    floor_n: int
    frames: np.ndarray
    by_frame_fd: np.ndarray
    by_frame_kd: np.ndarray


class FeatureDistance:
    """FID and KID, or the same formulas over other features, of frames that come in a few at a time.

    Memory does not grow with the number of frames: both look at a random sample of 1000 frames of each side, the same
    moments of both.

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
        self._network, _, self.fd_name, self.kd_name = load_pooled(device)
        self._samples = {real: _Sample(seed) for real in (True, False)}

    def update(self, frames: np.ndarray, real: bool) -> None:
        """Take further frames, as :meth:`features` does, of the truth where they are real."""
        self.take(self.features(frames), real)

    @torch.no_grad()
    def features(self, frames: np.ndarray) -> torch.Tensor:
        """See what is in frames.

        Args:
            frames: (B, H, W, 3) uint8 RGB of any size; the network resizes them to its own, bilinear, whatever their
                shape: antialiased to 224 x 224 for EfficientNet, as published to 299 x 299 for Inception.

        Returns:
            (B, F) float64.

        Raises:
            UserError: They are no such frames.
        """
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
            raise UserError(
                f"Sets of pictures are (count, height, width, 3) of uint8, and these are {frames.shape} of "
                f"{frames.dtype}; give RGB frames as a video holds them."
            )
        found = []
        for start in range(0, len(frames), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(frames[start : start + _BATCH])).permute(0, 3, 1, 2)
            found.append(self._network(batch.to(self._device)).double().cpu())
        return torch.cat(found)

    def take(self, features: torch.Tensor, real: bool) -> None:
        """Take what :meth:`features` saw in further frames, (B, F) float64; ``real`` if they are of the truth."""
        sample = self._samples[real]
        first = (sample.seen + np.arange(len(features))) // BLOCK % 2 == 0
        for row, half in zip(features.numpy(), first):
            sample.add(row, half)

    def compute(self) -> Distances | None:
        """The distances so far; None with fewer than two frames on a side."""
        (real, first), (fake, _) = (self._samples[side].kept() for side in (True, False))
        if min(len(real), len(fake)) < 2:
            return None
        fd, kd = frechet_distance(real, fake), kernel_distance(real, fake, self.seed)
        n, floor_n = min(len(real), len(fake)), int(min(first.sum(), (~first).sum()))
        floors = (None, None)
        if floor_n >= 2:
            halves = real[first], real[~first]
            floors = frechet_distance(*halves), kernel_distance(*halves, self.seed)
        return Distances(fd, kd, n, *floors, floor_n, *self._by_frame(fd, kd))

    def _by_frame(self, fd: float, kd: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of the frames on both sides, and what each adds to the two distances."""
        samples = [self._samples[real] for real in (True, False)]
        orders = [np.argsort(sample.numbers) for sample in samples]
        numbers = [np.array(sample.numbers)[order] for sample, order in zip(samples, orders)]
        if not np.array_equal(*numbers):
            return np.empty(0, int), np.empty(0), np.empty(0)
        sides = [sample.kept()[0][order] for sample, order in zip(samples, orders)]
        found = frechet_by_frame(*sides), kernel_by_frame(*sides)
        return numbers[0], *(values + (whole - values.mean()) for values, whole in zip(found, (fd, kd)))


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet distance of two sets of features as if each were a Gaussian.

    |mu_r - mu_f|^2 + tr(C_r + C_f - 2 (C_r C_f)^(1/2)), Heusel et al., NeurIPS 2017. From 0, lower is better. With A
    and B the centred features over the roots of N - 1 and M - 1, tr (C_r C_f)^(1/2) is the sum of the singular values
    of A B', which is exact with fewer frames than features too. What rounding leaves of equal sets is 0.

    Args:
        real: (N, F) features.
        fake: (M, F) features.
    """
    a, b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (np.asarray(x, np.float64) for x in (real, fake)))
    spread = np.square(a).sum() + np.square(b).sum()
    apart = np.square(real.mean(0) - fake.mean(0)).sum()
    found = apart + spread - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(found) if found > _ROUNDING * spread else 0.0


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
    """A uniform sample of the rows seen so far (Vitter's algorithm R), each with its number and its half."""

    def __init__(self, seed: int):
        self.seen, self._rng = 0, np.random.default_rng(seed)
        self._kept: list[tuple[np.ndarray, bool]] = []
        self.numbers: list[int] = []

    def add(self, row: np.ndarray, half: bool) -> None:
        """Take the next row."""
        self.seen += 1
        if len(self._kept) < SAMPLE:
            self._kept.append((row.copy(), bool(half)))
            self.numbers.append(self.seen - 1)
        elif (place := int(self._rng.integers(self.seen))) < SAMPLE:
            self._kept[place] = (row.copy(), bool(half))
            self.numbers[place] = self.seen - 1

    def kept(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows (n, F), and for each whether it is of the first half (n,)."""
        return np.array([row for row, _ in self._kept]), np.array([half for _, half in self._kept])
