"""G: maps and warped exemplars -> foreground colour, matte and shadow, over the plate."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import FACING, Conditioning, PartMaps, facing
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.copying import COPIED, STEP, Warp, compose, warp
from perfclone.backends.layered.exemplars import FACE_TRAITS, SHOWN, Exemplars, Filmed
from perfclone.backends.layered.parts import PARTS
from perfclone.backends.layered.unet import UNet

#: Channels of a pixel: colour, alpha, shadow, the say of the painting, what is left, and the say of each copy.
_PIXEL = 3 + 1 + 1 + 1 + 1 + SHOWN
#: How far a copy's pixel may be fetched from, pixels.
FARTHEST = 8.0
#: How sharply it decides: two copies that do not quite lie on one another give a blurred mean.
DECIDED = 4.0


class Layers(NamedTuple):
    """What G paints of a crop, each in [0, 1].

    Attributes:
        colour: (B, 3, S, S) RGB of the person.
        alpha: (B, 1, S, S) matte, exactly 0 where nobody is.
        shadow: (B, 1, S, S) share of the plate's light that is left, exactly 1 where no shadow falls.
    """

    colour: Tensor
    alpha: Tensor
    shadow: Tensor

    def over(self, plate: Tensor) -> Tensor:
        """Composite over the plate's crop (B, 3, S, S) in [0, 1]."""
        return self.alpha * self.colour + (1 - self.alpha) * self.shadow * plate

    def memory(self, size: int) -> Tensor:
        """(B, 4, size, size) what the next frame is told of this one: premultiplied colour and alpha."""
        memory = torch.cat([self.alpha * self.colour, self.alpha], 1)
        return memory if memory.shape[-1] == size else F.interpolate(memory, size=(size, size), mode="area")


class View(NamedTuple):
    """What is known of a frame before it is painted.

    Attributes:
        maps: Of its window of poses.
        now: (B, J, 2) crop pixels, its pose.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.
        face: (B, FACE_TRAITS) what is known of the face.
        recalled: (B, 4, S / 2, S / 2) the previous output, moved along the motion, or None at a start.
    """

    maps: PartMaps
    now: Tensor
    seen: Tensor
    scale: Tensor
    face: Tensor
    recalled: Tensor | None


class Painted(NamedTuple):
    """What G gives of a frame.

    Attributes:
        layers: What it painted.
        maps: What it was shown.
        recalled: As :class:`View` has it.
        chosen: (B, R, M) int, the exemplars that were copied from, or None where there are none.
    """

    layers: Layers
    maps: PartMaps
    recalled: Tensor | None
    chosen: Tensor | None


class Painting(nn.Module):
    """What generators have in common: a window of poses and their own last frame in, layers out.

    It sees a window of poses, through the maps and their motion, and its own previous output moved along that motion
    (Aberman et al. 2019, section 4; Chan et al., *Everybody Dance Now*, 2019).

    Args:
        config: Its sizes.
    """

    def __init__(self, config: GeneratorConfig):
        super().__init__()
        self.config = config
        self.conditioning = Conditioning(config.resolution)

    @property
    def resolution(self) -> int:
        """Side S of its square crop, pixels."""
        return self.config.resolution

    def forward(
        self,
        keypoints: Tensor,
        seen: Tensor,
        scale: Tensor,
        face: Tensor | None = None,
        memory: Tensor | None = None,
        last: Tensor | None = None,
        bar: Tensor | None = None,
        large: int | None = None,
    ) -> Painted:
        """Paint a frame.

        Args:
            keypoints: (B, 3, J, 2) float, crop pixels, the poses one frame before, now and one after.
            seen: (B, 3, J) bool.
            scale: (B,) float, the actor's torso length in crop pixels.
            face: (B, FACE_TRAITS) what is known of the face now; None where it is nothing.
            memory: (B, 4, S, S) ``Layers.memory()`` of the frame before in this frame's crop; None at a start.
            last: ``Painted.chosen`` of that frame; None at a start.
            bar: (B, K) bool, exemplars that may not be copied from, or None.
            large: Side of the layers, pixels, where :attr:`filmed_side` allows more than S.
        """
        maps = self.maps(keypoints, seen, scale)
        recalled = None if memory is None else self.recall(memory, maps.motion, scale)
        face = scale.new_zeros(len(scale), FACE_TRAITS) if face is None else face
        view = View(maps, keypoints[:, 1], seen[:, 1], scale, face, recalled)
        layers, chosen = self.paint(view, last, bar, large)
        return Painted(layers, maps, recalled, chosen)

    def open(self) -> None:
        """Get ready to paint, once the weights are there."""

    @property
    def filmed_side(self) -> int:
        """Side of the largest picture that it can paint sharply, pixels."""
        return self.resolution

    @property
    def neutral(self) -> np.ndarray | None:
        """(52,) the actor's face at rest, where it is known."""
        return None

    def maps(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> PartMaps:
        """The maps of a window of poses, always in float32: half precision cannot place a pixel."""
        with torch.autocast(keypoints.device.type, enabled=False):
            maps = self.conditioning(keypoints, seen, scale)
        return maps if self.config.window else maps._replace(motion=torch.zeros_like(maps.motion))

    def recall(self, memory: Tensor, motion: Tensor, scale: Tensor) -> Tensor:
        """(B, 4, S / 2, S / 2): the previous output, each pixel fetched from where its body point was."""
        half, small = self.resolution // 2, halved(memory)
        pixels = self.conditioning.pixels[:, :2] + motion[..., :2] * scale[:, None, None]
        grid = (pixels / half - 1).view(-1, half, half, 2)
        return F.grid_sample(small, grid.to(small.dtype), align_corners=False, padding_mode="border")

    def pictured(self, view: View, *more: Tensor) -> Tensor:
        """(B, C, S / 2, S / 2) the maps, what was recalled, and more pixel-major maps (B, N, c), channels-last."""
        maps, half = view.maps, self.resolution // 2
        frames = (maps.uv[:, :, -2:] * maps.weight[:, :, -2:, None]).clamp(-2, 2).flatten(2)
        past = maps.motion.new_zeros(maps.motion.shape)
        if view.recalled is not None:
            past = view.recalled.permute(0, 2, 3, 1).flatten(1, 2)
        picture = torch.cat([*more, maps.weight, frames, maps.motion, past], -1)
        return picture.view(len(picture), half, half, -1).permute(0, 3, 1, 2)


class Generator(Painting):
    """The space-time conditional generator: it copies filmed frames of the actor, and paints what they do not show.

    Exemplars come warped into the pose wanted (:mod:`perfclone.backends.layered.copying`). A U-Net says, pixel by
    pixel, how much of each to take and how far to shift it, and paints the rest; it is trained on many people, so it
    serves one whom it has never seen.
    """

    def __init__(self, config: GeneratorConfig):
        super().__init__(config)
        self.filmed: Filmed | None = None
        self.exemplars = Exemplars(config.exemplars, config.resolution, config.exemplar_bytes)
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
            choice = self.exemplars.choose(view.now, view.seen, view.scale, view.face, last, bar)
            found = warp(self.exemplars, choice, view.maps, view.now, view.seen, view.scale)
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


def halved(memory: Tensor) -> Tensor:
    """(B, 4, S, S) -> (B, 4, S / 2, S / 2), as G recalls it."""
    return F.avg_pool2d(memory, 2)
