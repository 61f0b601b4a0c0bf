"""The painter: a stream of poses in the actor's frame -> frames, by G over the plate."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import cv2
import numpy as np
import torch

from perfclone.actor.model import Actor
from perfclone.backends import Painted
from perfclone.backends.layered import recurrence
from perfclone.backends.layered.choice import arm_depths, face_traits
from perfclone.backends.layered.copying import window_around
from perfclone.backends.layered.crop import Box, BoxFollower, Window, stretched
from perfclone.backends.layered.fingers import hand_points
from perfclone.backends.layered.painting import Layers, Painting
from perfclone.backends.layered.recurrence import Past, Step
from perfclone.devices import Precision, choose_device, choose_precision, device_explained
from perfclone.pose.body import Body
from perfclone.pose.sequence import Moment, Pose
from perfclone.pose.stage import neighbours

#: Neighbours further away in time than this many frames of the reference say nothing about the motion now.
_NEAR = 2.5


class State(NamedTuple):
    """What a step leaves to the next one.

    Attributes:
        box: The crop, at rest until it must move.
        past: The frame that was painted, or None where the next one is to start anew.
    """

    box: Box | None
    past: Past | None


class LayeredPainter:
    """Paints streams of poses; see :class:`perfclone.backends.Painter`.

    Args:
        actor: Who is painted.
        size: Short side of the frames in pixels; None keeps the reference's.
        device: Where G runs; None takes an accelerator where there is one.
        mixed_precision: As :func:`perfclone.devices.choose_precision` takes it.
        generator: G, where it is only a part of the actor's network.

    Raises:
        UserError: The device, or the precision on it, will not do.

    Attributes:
        body: The actor's body in the frames that come out.
        size: (width, height) of these, pixels.
        neutral: (52,) the actor's face at rest, where it is known.
        plate: (H, W, 3) uint8 RGB, the empty background.
    """

    def __init__(
        self,
        actor: Actor,
        size: int | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        generator: Painting | None = None,
    ):
        config, plate = actor.config, actor.plate.cpu().numpy()
        scale = 1.0 if size is None else size / min(config.width, config.height)
        if scale != 1:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            plate = cv2.resize(plate, (round(config.width * scale), round(config.height * scale)), interpolation=how)
        self.plate, self.config, self.size = plate, config, plate.shape[1::-1]
        self.body: Body = config.body.scaled(scale)
        self.follower = BoxFollower(round(config.side * scale), self.body.torso)
        self.device = choose_device(device)
        self.dtype = choose_precision(self.device, mixed_precision)
        with device_explained(self.device):
            generator = generator or actor.generator
            there = next(generator.parameters()).device == self.device
            self.generator = (generator if there else deepcopy(generator).to(self.device)).eval()
        self.generator.open()
        self.neutral = self.generator.neutral

    def paint(self, moments: Iterator[Moment]) -> Iterator[Painted]:
        """One frame for each moment, in the actor's frame, as a stream."""
        state = None
        for before, now, after in neighbours(moments):
            painted, state = self.step(before, now, after, state)
            yield painted

    def step(self, before: Moment, now: Moment, after: Moment, state: State | None = None) -> tuple[Painted, State]:
        """Paint one moment; see :class:`perfclone.backends.Painter`."""
        step, state = self.paint_cut(before, now, after, state)
        return Painted(self.composite(step.layers, state.box) if step else self.plate.copy(), now.time), state

    def paint_cut(
        self, before: Moment, now: Moment, after: Moment, state: State | None = None
    ) -> tuple[Step | None, State]:
        """Let G paint the crop of one moment, which is ``State.box``; None where nobody is to be seen."""
        state = state or State(None, None)
        if not now.pose.seen:
            return None, State(state.box, None)
        box = self._box(state.box, now.pose)
        step = self._step([self._near(before, now), now.pose, self._near(after, now)], box, state.past)
        broken = after.time - now.time > _NEAR / self.config.fps
        return step, State(box, None if broken else step.past)

    def _box(self, last: Box | None, pose: Pose) -> Box:
        if self.config.whole_frame:
            (width, height), side = self.size, self.follower.side
            return Box((width - side) // 2, (height - side) // 2, side)
        return self.follower.follow(last, pose.keypoints, pose.scores)

    @torch.inference_mode()
    def _step(self, window: list[Pose], box: Box, past: Past | None) -> Step:
        """Maps and G: what is painted of three poses in a row."""
        keypoints = torch.from_numpy(np.stack([pose.keypoints for pose in window])[None]).float()
        seen = torch.from_numpy(np.stack([pose.scores for pose in window])[None] > 0)
        face = torch.from_numpy(face_traits(window[1].details)[None])
        arms = torch.from_numpy(arm_depths(window[1].details)[None])
        hands = torch.from_numpy(hand_points(window[1].details)[None])
        boxes = torch.from_numpy(box.array()[None]).float()
        mixed = torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
        with device_explained(self.device), mixed:
            return recurrence.step(
                self.generator,
                self.body.torso,
                keypoints.to(self.device),
                seen.to(self.device),
                face.to(self.device),
                arms.to(self.device),
                hands.to(self.device),
                boxes,
                past,
                large=self._large(box),
            )

    def _large(self, box: Box) -> int | None:
        """Side of what is painted where a crop is larger than G's, and was filmed larger; None for G's own."""
        size = min(box.side, self.generator.filmed_side)
        return size if size > self.generator.resolution else None

    def _near(self, other: Moment, now: Moment) -> Pose:
        """A neighbouring pose; at low frame rates, where it would be at the reference's own frame rate."""
        gap, usual = abs(other.time - now.time), 1 / self.config.fps
        if gap <= _NEAR * usual:
            return other.pose
        share = usual / gap
        keypoints = now.pose.keypoints + share * (other.pose.keypoints - now.pose.keypoints)
        return Pose(keypoints.astype(np.float32), np.minimum(now.pose.scores, other.pose.scores))

    def composite(self, layers: Layers, box: Box) -> np.ndarray:
        """Lay the crop over the full plate; pixels that nobody and no shadow touches stay the plate's own bytes."""
        frame, (planes, window) = self.plate.copy(), _planes(layers, box.side)
        own, rows, columns = box.framed(window, *frame.shape[:2])
        *colour, alpha, shadow = (plane[own] for plane in planes)
        if not alpha.size:
            return frame
        alpha, plate = alpha.clip(0, 1), cv2.split(frame[rows, columns])
        light = (1 - alpha) * shadow.clip(0, 1)
        person = (cv2.multiply(plane, alpha, scale=255) for plane in colour)
        beyond = (cv2.multiply(plane, light, dtype=cv2.CV_32F) for plane in plate)
        frame[rows, columns] = cv2.merge([cv2.add(*both, dtype=cv2.CV_8U) for both in zip(person, beyond)])
        return frame


def _planes(layers: Layers, side: int) -> tuple[list[np.ndarray], Window]:
    """Colour, alpha and shadow at the size of the crop, (h, w) float32 each, where there is any; and where that is."""
    window = layers.window
    if window is None:
        touched = (layers.alpha[:, 0] > 0) | (layers.shadow[:, 0] < 1)
        window = Window(*window_around(touched, margin=2), touched.shape[-1])
    window = window.aligned(side)
    planes = torch.cat(layers.covering(window)[:3], 1)[0].cpu().numpy()
    return [stretched(plane, *window.at(side).shape) for plane in planes], window.at(side)
