"""Painter: a stream of poses in the actor's frame -> frames, by G over the plate."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from perfclone.actor import Actor
from perfclone.backends.layered.crop import Box, BoxFollower, carry, to_crop
from perfclone.backends.layered.generator import Layers
from perfclone.devices import Precision, choose_device, choose_precision, device_explained
from perfclone.pose.sequence import Pose
from perfclone.retarget import Body

if TYPE_CHECKING:
    from perfclone.pose.sequence import Moment

#: Neighbours further away in time than this many frames of the reference say nothing about the motion now.
_NEAR = 2.5


class Painter:
    """Paints one stream of poses after another.

    Args:
        actor: Who is painted.
        size: Short side of the frames in pixels; None keeps the reference's.
        device: Where G runs; None takes an accelerator where there is one.
        mixed_precision: As :func:`perfclone.devices.choose_precision` takes it.

    Raises:
        UserError: The device, or the precision on it, will not do.

    Attributes:
        body: The actor's body in the frames that come out.
        plate: (H, W, 3) uint8 RGB, the empty background.
    """

    def __init__(
        self, actor: Actor, size: int | None = None, device: str | None = None, mixed_precision: Precision = "auto"
    ):
        config, plate = actor.config, actor.plate.cpu().numpy()
        scale = 1.0 if size is None else size / min(config.width, config.height)
        if scale != 1:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            plate = cv2.resize(plate, (round(config.width * scale), round(config.height * scale)), interpolation=how)
        body = config.body
        self.body: Body = replace(
            body, lengths=tuple(length * scale for length in body.lengths), centre_x=body.centre_x * scale,
            floor_y=body.floor_y * scale,
        )  # fmt: skip
        self.plate, self.config = plate, config
        self.side = round(config.side * scale)
        self.device = choose_device(device)
        self.dtype = choose_precision(self.device, mixed_precision)
        with device_explained(self.device):
            self.generator = actor.generator.to(self.device).eval()

    def paint(self, moments: Iterator[Moment]) -> Iterator[np.ndarray]:
        """One frame (H, W, 3) uint8 RGB for each pose, in the actor's frame, as a stream."""
        follower = BoxFollower(self.side, self.body.torso)
        window: deque[Moment] = deque(maxlen=3)
        memory = box = None
        for moment in self._with_end(moments):
            window.append(moment)
            if len(window) < 2:
                continue
            before, now, after = (window[0], *window) if len(window) == 2 else window
            if not now.pose.seen:
                memory = None
                yield self.plate.copy()
                continue
            last, box = box, self._box(follower, now.pose)
            if memory is not None:
                memory = carry(memory, self._tensor(last.array()[None]), self._tensor(box.array()[None]))
            layers = self._look(before, now, after, box, memory)
            memory = layers.memory()
            yield self._composite(layers, box)
            if after.time - now.time > _NEAR / self.config.fps:
                memory = None

    def _with_end(self, moments: Iterator[Moment]) -> Iterator[Moment]:
        """The stream with its last moment twice, so that the last frame too has one after it."""
        moment = None
        for moment in moments:
            yield moment
        if moment is not None:
            yield moment

    def _box(self, follower: BoxFollower, pose: Pose) -> Box:
        if self.config.whole_frame:
            height, width = self.plate.shape[:2]
            return Box((width - self.side) // 2, (height - self.side) // 2, self.side)
        return follower.step(pose.keypoints, pose.scores)

    @torch.inference_mode()
    def _look(self, before: Moment, now: Moment, after: Moment, box: Box, memory: torch.Tensor | None) -> Layers:
        around = [self._near(before, now), now.pose, self._near(after, now)]
        keypoints = self._tensor(np.stack([pose.keypoints for pose in around])[None])
        seen = torch.from_numpy(np.stack([pose.scores for pose in around])[None] > 0).to(self.device)
        size = self.config.resolution
        window = to_crop(keypoints, self._tensor(box.array()[None, None]), size)
        scale = self._tensor(np.array([self.body.torso * size / box.side]))
        mixed = torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
        with device_explained(self.device), mixed:
            return self.generator(window, seen, scale, memory)

    def _near(self, other: Moment, now: Moment) -> Pose:
        """A neighbouring pose; at low frame rates, where it would be at the reference's own frame rate."""
        gap, usual = abs(other.time - now.time), 1 / self.config.fps
        if gap <= _NEAR * usual:
            return other.pose
        share = usual / gap
        keypoints = now.pose.keypoints + share * (other.pose.keypoints - now.pose.keypoints)
        return Pose(keypoints.astype(np.float32), np.minimum(now.pose.scores, other.pose.scores))

    def _composite(self, layers: Layers, box: Box) -> np.ndarray:
        """The crop laid over the full plate; pixels that nobody and no shadow touches stay the plate's own bytes."""
        picture = torch.cat(list(layers), 1)[0].permute(1, 2, 0).cpu().numpy()
        frame = self.plate.copy()
        inside, rows, columns = box.paste(picture, *frame.shape[:2])
        colour, alpha, shadow = inside[..., :3], inside[..., 3:4].clip(0, 1), inside[..., 4:].clip(0, 1)
        mixed = alpha * colour * 255 + (1 - alpha) * shadow * frame[rows, columns]
        frame[rows, columns] = np.rint(mixed).clip(0, 255).astype(np.uint8)
        return frame

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).float().to(self.device)
