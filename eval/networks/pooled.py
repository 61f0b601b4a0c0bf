"""The network that sees pictures as single vectors, for distances of whole sets: Inception v3, or EfficientNet-Lite0.

The published FID and KID want the Inception network that TensorFlow once used, as the package torch-fidelity has it.
It is used where that package and its weights are on this machine; nothing is downloaded here.
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from torch import nn

from perfclone.errors import UserError

from .cached import cached, require_published
from .efficientnet import PooledEfficientNet

#: torch-fidelity's file; the end of its name is the beginning of its SHA-256.
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
_INCEPTION_FEATURES = 2048


class Pooled(NamedTuple):
    """A network for distances of sets, and what these are then called.

    Attributes:
        network: (B, 3, H, W) uint8 RGB of any size -> (B, ``features``) float32.
        features: Length of a vector.
        fd_name: Of the Frechet distance, as reports have it.
        kd_name: Of the kernel distance.
    """

    network: nn.Module
    features: int
    fd_name: str
    kd_name: str


def load_pooled(device: str = "cpu") -> Pooled:
    """The published Inception where all of it is on this machine, otherwise EfficientNet-Lite0.

    Raises:
        UserError: Inception's file is not the published one or cannot be loaded, or EfficientNet's package is missing.
    """
    weights = inception_in_cache()
    if weights:
        return Pooled(_inception(weights, device), _INCEPTION_FEATURES, "fid", "kid")
    network = _efficientnet(device)
    return Pooled(network, network.num_features, "fd_efficientnet_lite0", "kd_efficientnet_lite0")


def inception_in_cache() -> Path | None:
    """The weights in torch's cache (``TORCH_HOME``); None where they or torch-fidelity are missing."""
    return cached(INCEPTION) if find_spec("torch_fidelity") else None


def torchmetrics_classes() -> tuple[type, type]:
    """FrechetInceptionDistance and KernelInceptionDistance.

    Raises:
        UserError: torchmetrics cannot be loaded. Where torch-fidelity is installed it loads torchvision too, which
            fails unless built for this very torch.
    """
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance
    except (ImportError, RuntimeError, AttributeError) as error:
        raise UserError(
            f"FID and KID need torchmetrics, which cannot be loaded ({error}); run `pip install torchmetrics==1.9.0`, "
            "and where torchvision does not fit torch, install the pair of requirements.txt."
        ) from error
    return FrechetInceptionDistance, KernelInceptionDistance


@functools.cache
def _efficientnet(device: str) -> PooledEfficientNet:
    return PooledEfficientNet().to(device)


@functools.cache
def _inception(weights: Path, device: str) -> nn.Module:
    require_published(weights, INCEPTION, "FID needs the published Inception")
    frechet, _ = torchmetrics_classes()
    # Published numbers were made without antialiasing, which torchmetrics would add.
    metric = frechet(_INCEPTION_FEATURES, feature_extractor_weights_path=str(weights), antialias=False)
    return metric.inception.requires_grad_(False).to(device)
