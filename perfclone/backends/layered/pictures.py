"""The pictures of exemplars: how they are stored, and fetched from at the size that they were filmed in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from perfclone.errors import UserError

DAMAGED = "The actor's exemplars are damaged; fetch or train the actor again."
#: Quality of the stored pictures, as WebP counts it.
QUALITY = 90
#: How much of what a blur of 3 pixels takes is added to a picture before it is sampled between its pixels.
_AHEAD = 0.12


class Fetch(Protocol):
    """Takes pixels out of exemplars."""

    def __call__(self, index: Tensor, grid: Tensor) -> Tensor:
        """Fetch pixels.

        Args:
            index: (N,) int, from which exemplars.
            grid: (N, h, w, 2) float, where in them, x and y in [-1, 1] from edge to edge.

        Returns:
            (N, 4, h, w) float in [0, 1], premultiplied RGB and alpha; 0 beyond the edges.
        """


class Filmed:
    """The pictures at the size that they were filmed in, for frames that are larger than G's crop.

    Args:
        decoded: What :meth:`Exemplars.decoded` gives.
        device: Where they are fetched.

    Attributes:
        device: The same.
        side: Of the largest, pixels.
    """

    def __init__(self, decoded: Sequence[np.ndarray], device: torch.device):
        self.device = device
        self.pictures = [ready(each) for each in decoded]
        self.side = max(len(picture) for picture in self.pictures)
        self.on_device = (
            None if device.type == "cpu" else [torch.from_numpy(each).to(device) for each in self.pictures]
        )

    def __call__(self, index: Tensor, grid: Tensor) -> Tensor:
        """See :class:`Fetch`."""
        return torch.stack([self._fetch(k, where) for k, where in zip(index.tolist(), grid)])

    def _fetch(self, k: int, grid: Tensor) -> Tensor:
        if self.on_device:
            picture = self.on_device[k].permute(2, 0, 1)[None].float() / 255
            return F.grid_sample(picture, grid[None], mode="bicubic", align_corners=False)[0].clamp(0, 1)
        x, y = ((grid + 1) * (len(self.pictures[k]) / 2) - 0.5).unbind(-1)
        pixels = cv2.remap(self.pictures[k], x.numpy(), y.numpy(), cv2.INTER_CUBIC)
        return torch.from_numpy(np.stack(cv2.split(pixels))).float().mul_(1 / 255)


def code(picture: np.ndarray) -> bytes:
    """A picture (S, S, 4) uint8 straight RGBA as it is stored."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY, alpha_quality=QUALITY, method=4)
    return file.getvalue()


def premultiplied(picture: np.ndarray) -> np.ndarray:
    """(S, S, 4) uint8 straight RGBA -> float32 in [0, 1], premultiplied."""
    values = picture.astype(np.float32) / 255
    values[..., :3] *= values[..., 3:]
    return values


def ready(picture: np.ndarray) -> np.ndarray:
    """A picture (S, S, 4) uint8 straight RGBA to be fetched from: premultiplied, and sharper where it is solid.

    Cubic sampling takes 10 to 26 % of the Laplacian energy (six clips); it is given that much before, as interpolating
    splines are (Thévenaz, Blu and Unser, *Interpolation Revisited*, 2000).
    """
    alpha = picture[..., 3]
    colour = cv2.multiply(picture[..., :3], cv2.merge([alpha] * 3), scale=1 / 255)
    sharper = cv2.addWeighted(colour, 1 + _AHEAD, cv2.blur(colour, (3, 3)), -_AHEAD, 0)
    solid = np.uint8(cv2.erode(alpha, np.ones((3, 3), np.uint8)) == 255)
    return cv2.merge([*cv2.split(cv2.copyTo(sharper, solid, colour)), alpha])


def decode(data: bytes) -> np.ndarray:
    """A stored picture as it was: (S, S, 4) uint8 straight RGBA.

    Raises:
        UserError: It is not what :func:`code` writes.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if picture.width != picture.height or picture.width > 4096:
                raise ValueError("not an exemplar")
            return np.asarray(picture.convert("RGBA"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(DAMAGED) from error
