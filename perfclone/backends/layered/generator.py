"""G: maps and warped exemplars -> foreground colour, matte and shadow, over the plate."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.choice import DECIDED, SHOWN
from perfclone.backends.layered.conditioning import FACING, facing
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.copying import COPIED, STEP, Warp, compose
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.painting import Layers, Painting, View
from perfclone.backends.layered.parts import PARTS
from perfclone.backends.layered.pictures import Filmed
from perfclone.backends.layered.unet import UNet
from perfclone.backends.layered.warping import warp

#: Channels of a pixel: colour, alpha, shadow, the say of the painting, what is left, and the say of each copy.
_PIXEL = 3 + 1 + 1 + 1 + 1 + SHOWN
#: How far a copy's pixel may be fetched from, pixels.
FARTHEST = 3.0


class Generator(Painting):
    """The space-time conditional generator: it copies filmed frames of the actor, and paints what they do not show.

    Exemplars come warped into the pose wanted (:mod:`perfclone.backends.layered.copying`). A U-Net says, pixel by
    pixel, how much of each to take and how far to shift it, and paints the rest; it is trained on many people, so it
    serves one whom it has never seen.
    """

    def __init__(self, config: GeneratorConfig):
        super().__init__(config)
        self.filmed: Filmed | None = None
        known = (config.face_marks, config.hand_points)
        self.exemplars = Exemplars(config.exemplars, config.resolution, config.exemplar_bytes, *known)
        self.unet = UNet(PARTS + 12 + SHOWN * COPIED, 4 * _PIXEL + 2 * SHOWN, config.widths, FACING)
        for empty in self.unet.leave.parameters():  # before it has learnt anything it copies, and no more
            nn.init.zeros_(empty)

    def open(self) -> None:
        """Decode the exemplars, at the size that they were filmed in too, unless that is done for this device.

        Raises:
            UserError: They are damaged.
        """
        device = self.exemplars.keypoints.device
        if self.filmed and self.filmed.device == device:
            return
        decoded = self.exemplars.decoded()
        if self.exemplars.pictures is None:
            self.exemplars.open(decoded)
        self.filmed = Filmed(decoded, device)

    @property
    def neutral(self) -> np.ndarray | None:
        """(52,) the actor's face at rest, where it is known."""
        return self.exemplars.neutral

    @property
    def filmed_side(self) -> int:
        """Side of the largest exemplar, pixels."""
        return self.filmed.side if self.filmed else self.resolution

    def paint(
        self, view: View, last: Tensor | None = None, bar: Tensor | None = None, large: int | None = None
    ) -> tuple[Layers, Tensor]:
        """Paint a frame from what is known of it; gives the layers and ``Choice.index``."""
        exact = torch.autocast(view.now.device.type, enabled=False)
        with exact, torch.no_grad():
            now = (view.now, view.seen, view.scale, view.face)
            choice = self.exemplars.chooser(self.exemplars, *now, last, bar, view.hands)
            found = warp(self.exemplars, choice, view)
            shown = compose(found, self.exemplars.small, self.resolution // 2).flatten(1, 2)
        out = self.unet(torch.cat([shown, self.pictured(view)], 1), facing(view.now, view.seen, view.scale)).float()
        flow = FARTHEST * torch.tanh(out[:, 4 * _PIXEL :] / FARTHEST) * (2 / self.resolution)
        flow = flow.nan_to_num(0)  # nothing may be fetched from nowhere, whatever became of the weights
        said = F.pixel_shuffle(out[:, : 4 * _PIXEL], 2)
        with exact:
            if large:
                return self._enlarged(found, said, flow, shown, large), choice.index
            flow = _resized(flow, self.resolution).unflatten(1, (SHOWN, 2))
            copies = compose(found, self.exemplars.usual, self.resolution, flow)
        return blend(said, copies), choice.index

    def _enlarged(self, found: Warp, said: Tensor, flow: Tensor, shown: Tensor, size: int) -> Layers:
        """The layers at another size, worked out only where something is copied; beyond there is but shadow."""
        alpha, trust = shown[:, COPIED - 2 :: COPIED], shown[:, COPIED - 1 :: COPIED]
        say = F.avg_pool2d(said[:, -SHOWN:], 2) + torch.log(trust + 1e-3)
        found = found.wanted(torch.softmax(DECIDED * say, 1) * alpha, math.ceil(FARTHEST / STEP))
        window = found.window(size)
        near = (..., *window)
        said, flow = _resized(said, size), _resized(flow, size)[near].unflatten(1, (SHOWN, 2))
        copies = compose(found, self.filmed, size, flow, window)
        person = blend(said[near], copies)
        layers = Layers(torch.zeros_like(said[:, :3]), torch.zeros_like(said[:, :1]), _shade(said[:, 4:5]))
        for whole, part in zip(layers, person):
            whole[near] = part
        return layers


def _resized(x: Tensor, size: int) -> Tensor:
    """(B, C, h, w) -> (B, C, size, size), smoothly where it grows."""
    return x if x.shape[-1] == size else F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)


def blend(out: Tensor, copies: Tensor) -> Layers:
    """Blend the copies, and what was painted where nothing can be copied.

    Args:
        out: (B, 3 + 1 + 1 + 1 + 1 + M, S, S): painted colour, alpha and shadow, the say of the painting, how much of
            the person is left, and the say of each copy.
        copies: (B, M, COPIED, S, S).
    """
    colour, alpha, shadow, paint, left, say = out.split([3, 1, 1, 1, 1, SHOWN], 1)
    trust = copies[:, :, 4]
    say = torch.softmax(DECIDED * (say + torch.log(trust + 1e-3)), 1)
    paint = torch.sigmoid(DECIDED * paint - 2) * (1 - trust.sum(1, keepdim=True)).clamp(0, 1)
    alpha = torch.sigmoid(alpha - 1)
    painted = torch.cat([torch.sigmoid(colour) * alpha, alpha], 1)
    mixed = paint * painted + (1 - paint) * (say[:, :, None] * copies[:, :, :4]).sum(1)
    colour = (mixed[:, :3] / mixed[:, 3:].clamp(min=1e-2)).clamp(0, 1)
    alpha = mixed[:, 3:] * (torch.sigmoid(DECIDED * left + 4) / 0.98).clamp(max=1)
    return Layers(colour, ((alpha - 0.01) / 0.98).clamp(0, 1), _shade(shadow))


def _shade(said: Tensor) -> Tensor:
    """Share of light in [0, 1] that is left, and exactly 1 where nothing was said."""
    return (torch.sigmoid(said + 3) / 0.94).clamp(0, 1)
