"""What generators have in common: what they are told of a frame, what they give of it, and what they recall."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.choice import FACE_TRAITS
from perfclone.backends.layered.conditioning import Conditioning, PartMaps
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.crop import Window, resized


class Layers(NamedTuple):
    """What G paints of a crop, each in [0, 1].

    Attributes:
        colour: (B, 3, h, w) RGB of the person.
        alpha: (B, 1, h, w) matte, exactly 0 where nobody is.
        shadow: (B, 1, h, w) share of the plate's light that is left, exactly 1 where no shadow falls.
        window: What of the crop they cover; beyond it there is nobody, and no shadow. None is all of it.
    """

    colour: Tensor
    alpha: Tensor
    shadow: Tensor
    window: Window | None = None

    def covering(self, window: Window) -> Layers:
        """The layers of a window of a crop of the same size."""
        whole = slice(0, window.side)
        rows, columns, _ = self.window or Window(whole, whole, window.side)
        left, top = columns.start - window.columns.start, rows.start - window.rows.start
        around = (left, window.columns.stop - columns.stop, top, window.rows.stop - rows.stop)
        filled = (F.pad(each, around, value=beyond) for each, beyond in zip(self, (0.0, 0.0, 1.0)))
        return Layers(*filled, window)

    def over(self, plate: Tensor) -> Tensor:
        """Composite over the plate's crop (B, 3, S, S) in [0, 1]."""
        return self.alpha * self.colour + (1 - self.alpha) * self.shadow * plate

    def memory(self, size: int) -> Tensor:
        """(B, 4, size, size) what the next frame is told of this one: premultiplied colour and alpha."""
        memory = torch.cat([self.alpha * self.colour, self.alpha], 1)
        if self.window is None:
            return resized(memory, size, size)
        small = self.window.at(size)
        whole = memory.new_zeros(*memory.shape[:2], size, size)
        whole[..., small.rows, small.columns] = resized(memory, *small.shape)
        return whole


class View(NamedTuple):
    """What is known of a frame before it is painted.

    Attributes:
        maps: Of its window of poses.
        now: (B, J, 2) crop pixels, its pose.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.
        face: (B, FACE_TRAITS) what is known of the face.
        arms: (B, 2) how far beyond the trunk the arms are, torso lengths; 0 where it is not known.
        recalled: (B, 4, S / 2, S / 2) the previous output, moved along the motion, or None at a start.
        hands: (B, 2, 21, 3) what is known of the hands, crop pixels; None where it is nothing.
    """

    maps: PartMaps
    now: Tensor
    seen: Tensor
    scale: Tensor
    face: Tensor
    arms: Tensor
    recalled: Tensor | None
    hands: Tensor | None = None


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
        arms: Tensor | None = None,
        hands: Tensor | None = None,
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
            arms: (B, 2) how far beyond the trunk the arms are, torso lengths; None where nobody knows.
            hands: (B, 2, 21, 3) as ``fingers.hand_points`` gives them, crop pixels; None where nothing is known.
            memory: (B, 4, S, S) ``Layers.memory()`` of the frame before in this frame's crop; None at a start.
            last: ``Painted.chosen`` of that frame; None at a start.
            bar: (B, K) bool, exemplars that may not be copied from, or None.
            large: Side of the layers, pixels, where :attr:`filmed_side` allows more than S.
        """
        maps = self.maps(keypoints, seen, scale)
        recalled = None if memory is None else self.recall(memory, maps.motion, scale)
        face = scale.new_zeros(len(scale), FACE_TRAITS) if face is None else face
        arms = scale.new_zeros(len(scale), 2) if arms is None else arms
        view = View(maps, keypoints[:, 1], seen[:, 1], scale, face, arms, recalled, hands)
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
        frames = (maps.whole_uv * maps.weight[:, :, -2:, None]).clamp(-2, 2).flatten(2)
        past = maps.motion.new_zeros(maps.motion.shape)
        if view.recalled is not None:
            past = view.recalled.permute(0, 2, 3, 1).flatten(1, 2)
        picture = torch.cat([*more, maps.weight, frames, maps.motion, past], -1)
        return picture.view(len(picture), half, half, -1).permute(0, 3, 1, 2)


def halved(memory: Tensor) -> Tensor:
    """(B, 4, S, S) -> (B, 4, S / 2, S / 2), as G recalls it; in a third of the time of avg_pool2d."""
    upper, lower = memory[..., ::2, :], memory[..., 1::2, :]
    return (upper[..., ::2] + upper[..., 1::2] + lower[..., ::2] + lower[..., 1::2]) / 4
