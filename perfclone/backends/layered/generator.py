"""G: maps and warped exemplars -> foreground colour, matte and shadow, over the plate."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.choice import DECIDED, SHOWN
from perfclone.backends.layered.conditioning import FACING, facing
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.copying import COPIED, STEP, Warp, compose, union, window_around
from perfclone.backends.layered.crop import Window, enlarged, resized
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
#: How sharply a larger picture than G's decides between copies, which would lose in a blend what it has more.
LEADING = 12.0
#: How many pixels of such a picture one place of a copy is worked out for, each way, at most.
_FINER = 4


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
        out = self.unet(self.pictured(view, shown.flatten(2).mT), facing(view.now, view.seen, view.scale)).float()
        flow = FARTHEST * torch.tanh(out[:, 4 * _PIXEL :] / FARTHEST) * (2 / self.resolution)
        flow = flow.nan_to_num(0)  # nothing may be fetched from nowhere, whatever became of the weights
        said = F.pixel_shuffle(out[:, : 4 * _PIXEL], 2).contiguous()
        with exact:
            if large:
                return self._enlarged(found, said, flow, shown, large), choice.index
            flow = F.interpolate(flow, scale_factor=2, mode="bilinear").unflatten(1, (SHOWN, 2))
            copies = compose(found, self.exemplars.usual, self.resolution, flow)
        return mix(recipe(said, copies[:, :, COPIED - 1], DECIDED), copies, _shade(said[:, 4:5])), choice.index

    def _enlarged(self, found: Warp, said: Tensor, flow: Tensor, shown: Tensor, size: int) -> Layers:
        """The layers at another size, worked out only where something is copied or a shadow falls.

        How much to take of each copy, and how far to shift it, is worked out at G's size and enlarged.
        """
        alpha, trust = shown[:, COPIED - 2 :: COPIED], shown[:, COPIED - 1 :: COPIED]
        share = shares(F.avg_pool2d(said[:, -SHOWN:], 2), trust, LEADING)
        found = found.wanted(share * alpha, math.ceil(FARTHEST / STEP))
        shade = _shade(said[:, 4:5])
        dark = window_around(F.max_pool2d(1 - shade[:, 0], STEP) > 0, 0)
        fine = math.gcd(size, _FINER)
        window = Window(*union([found.window, dark]), found.side).at(size // fine)
        large = window.at(size)
        made = recipe(said, resized(trust, *said.shape[2:]), LEADING)
        maps = torch.cat([made.take * made.left, made.painted * made.left, shade], 1)
        take, painted, shade = enlarged(maps, large).split([SHOWN, 4, 1], 1)
        flow = enlarged(flow, window).unflatten(1, (SHOWN, 2))
        copies = compose(found, self.filmed, window.side, flow, window, take, fine)
        return mix(Recipe(take, painted, torch.ones_like(shade)), copies, shade)._replace(window=large)


class Recipe(NamedTuple):
    """What a picture is mixed of.

    Attributes:
        take: (B, M, h, w) how much of each copy.
        painted: (B, 4, h, w) what is painted where nothing can be copied, premultiplied RGB and alpha.
        left: (B, 1, h, w) how much of the person is left.
    """

    take: Tensor
    painted: Tensor
    left: Tensor


def recipe(said: Tensor, trust: Tensor, decided: float) -> Recipe:
    """Blend the copies, and what was painted where nothing can be copied.

    Args:
        said: (B, 3 + 1 + 1 + 1 + 1 + M, h, w): painted colour, alpha and shadow, the say of the painting, how much of
            the person is left, and the say of each copy.
        trust: (B, M, h, w) how far each copy can be trusted.
        decided: How sharply to decide between them.
    """
    colour, alpha, _, paint, left, say = said.split([3, 1, 1, 1, 1, SHOWN], 1)
    paint = torch.sigmoid(DECIDED * paint - 2) * (1 - trust.sum(1, keepdim=True)).clamp(0, 1)
    alpha = torch.sigmoid(alpha - 1)
    painted = torch.cat([torch.sigmoid(colour) * alpha, alpha], 1)
    left = (torch.sigmoid(DECIDED * left + 4) / 0.98).clamp(max=1)
    return Recipe((1 - paint) * shares(say, trust, decided), paint * painted, left)


def shares(say: Tensor, trust: Tensor, decided: float) -> Tensor:
    """(B, M, h, w) how much to take of each copy, of G's say, how far they can be trusted, and how sharply."""
    return torch.softmax(decided * (say + torch.log(trust + 1e-3)), 1)


def mix(made: Recipe, copies: Tensor, shadow: Tensor) -> Layers:
    """The layers, of copies (B, M, COPIED, h, w) and the shadow's (B, 1, h, w)."""
    mixed = made.painted
    for m in range(SHOWN):
        mixed = torch.addcmul(mixed, made.take[:, m : m + 1], copies[:, m, :4])
    colour = (mixed[:, :3] / mixed[:, 3:].clamp(min=1e-2)).clamp(0, 1)
    return Layers(colour, ((mixed[:, 3:] * made.left - 0.01) / 0.98).clamp(0, 1), shadow)


def _shade(said: Tensor) -> Tensor:
    """Share of light in [0, 1] that is left, and exactly 1 where nothing was said."""
    return (torch.sigmoid(said + 3) / 0.94).clamp(0, 1)
