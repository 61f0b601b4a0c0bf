"""The painter: what `layered` paints, refined by a base that knows the actor, over the same plate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.actor.model import Actor
from perfclone.backends import Painted
from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.control import as_tensor, pose_picture
from perfclone.backends.diffusion.locating import located_of
from perfclone.backends.diffusion.model import LatentModel
from perfclone.backends.diffusion.moving import moved
from perfclone.backends.diffusion.noise import BodyNoise
from perfclone.backends.diffusion.refining import refine
from perfclone.backends.diffusion.windows import windowed
from perfclone.backends.layered.crop import Box, Window, carry, to_crop
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.backends.layered.painter import State as Guided
from perfclone.backends.layered.painting import Layers
from perfclone.backends.layered.recurrence import Step
from perfclone.devices import Precision, device_explained
from perfclone.pose.sequence import Moment, Pose
from perfclone.pose.stage import neighbours


class State(NamedTuple):
    """What a step leaves to the next one.

    Attributes:
        guided: What G's step left.
        correction: (1, 3, S, S) how the frame was changed, or None where the next one is to start anew.
        box: The crop of that.
    """

    guided: Guided | None
    correction: Tensor | None
    box: Box | None


class Told(NamedTuple):
    """What a base is told of a crop: (1, 3, S, S) as G painted it, (1, 1, S, S) the matte, the pose and the noise."""

    picture: Tensor
    matte: Tensor
    poses: Tensor
    noise: Tensor


class Sketch(NamedTuple):
    """A frame that G painted and that waits for its window to be full.

    Attributes:
        time: Seconds from the start.
        begins: Whether it has nothing to do with the frame before it.
        layers: What G painted, or None where nobody is to be seen.
        box: The crop.
        told: What the base is told of it, or None.
    """

    time: float
    begins: bool
    layers: Layers | None
    box: Box | None
    told: Told | None


class DiffusionPainter:
    """Paints streams of poses; see :class:`perfclone.backends.Painter`.

    The matte, the shadow and the plate stay those of `layered`, so nothing behind the actor can flicker or drift.

    Args:
        actor: Who is painted.
        size: Short side of the frames in pixels; None keeps the reference's.
        device: Where it computes; None takes an accelerator where there is one.
        mixed_precision: As :func:`perfclone.devices.choose_precision` takes it.
        memory: GB of that device which the base may take; None is enough.

    Raises:
        UserError: The device will not do, or the base is not to be had.

    Attributes:
        body: The actor's body in the frames that come out.
        size: (width, height) of these, pixels.
        neutral: (52,) the actor's face at rest, where it is known.
    """

    def __init__(
        self,
        actor: Actor,
        size: int | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        memory: float | None = None,
    ):
        network = actor.generator
        self.guide = LayeredPainter(actor, size, device, mixed_precision, network.guide)
        self.body, self.size, self.neutral = self.guide.body, self.guide.size, self.guide.neutral
        self.config, device = network.config, self.guide.device
        with device_explained(device):
            self.model = LatentModel(located_of(self.config), self.config.rank, device, self.guide.dtype, memory, True)
            lora.fill(self.model.lora, dict(network.lora.named_parameters()))
        side = self.model.base.side // self.model.factor
        torso = self.body.torso * side / self.guide.follower.side
        self.noise = BodyNoise(self.model.vae.config.latent_channels, side, torso)

    def paint(self, moments: Iterator[Moment]) -> Iterator[Painted]:
        """One frame for each moment, in the actor's frame, as a stream; with a motion module a window behind."""
        if self.model.film:
            for sketch, correction in windowed(self._sketches(moments), lambda each: each.begins, self._together):
                yield self._finished(sketch.layers, correction, sketch.box, sketch.time)
            return
        state = None
        for before, now, after in neighbours(moments):
            painted, state = self.step(before, now, after, state)
            yield painted

    def step(self, before: Moment, now: Moment, after: Moment, state: State | None = None) -> tuple[Painted, State]:
        """Paint one moment; see :class:`perfclone.backends.Painter`."""
        state = state or State(None, None, None)
        step, guided = self.guide.paint_cut(before, now, after, state.guided)
        if step is None:
            return self._finished(None, None, None, now.time), State(guided, None, None)
        box, how = guided.box, self.config
        with device_explained(self.model.device), torch.inference_mode():
            told, recalled = self._told(step, now.pose, box), self._recalled(step, box, state, before.pose)
            correction = refine(self.model, *told, recalled, how.strength, how.passes)
        left = correction if goes_on(guided, now, after) else None
        return self._finished(step.layers, correction, box, now.time), State(guided, left, box)

    def _sketches(self, moments: Iterator[Moment]) -> Iterator[Sketch]:
        """What G paints, moment by moment."""
        guided, begins = None, True
        for before, now, after in neighbours(moments):
            step, guided = self.guide.paint_cut(before, now, after, guided)
            told = step and self._told(step, now.pose, guided.box)
            yield Sketch(now.time, begins or step is None, step and step.layers, guided.box, told)
            begins = not goes_on(guided, now, after)

    def _together(self, sketches: list[Sketch]) -> list[Tensor | None]:
        """(1, 3, S, S) each, how the crops of a window are to be changed."""
        if sketches[0].told is None:
            return [None]
        told, how = map(torch.cat, zip(*(sketch.told for sketch in sketches))), self.config
        with device_explained(self.model.device), torch.inference_mode():
            changes = refine(self.model, *told, None, how.strength, how.passes, len(sketches) > 1)
        return list(changes.split(1))

    def _finished(self, layers: Layers | None, correction: Tensor | None, box: Box | None, time: float) -> Painted:
        """A frame with its correction; the plate alone where nobody is to be seen."""
        if layers is None:
            return Painted(self.guide.plate.copy(), time)
        return Painted(self.guide.composite(corrected(layers, correction), box), time)

    @torch.inference_mode()
    def _told(self, step: Step, pose: Pose, box: Box) -> Told:
        side, device = self.model.base.side, self.model.device
        layers = whole(step.layers, side)
        plate = as_tensor(box.cut(self.guide.plate, side)[None]).to(device)
        poses = as_tensor(pose_picture(pose, box, side, self.model.base.thick)[None]).to(device)
        return Told(layers.over(plate), layers.alpha, poses, self.noise.of(step.maps))

    def _recalled(self, step: Step, box: Box, state: State, before: Pose) -> Tensor | None:
        """How the frame before was changed, moved along with the body."""
        if state.correction is None or not self.config.held:
            return None
        boxes = [torch.from_numpy(each.array()[None]).float() for each in (state.box, box)]
        pose = to_crop(torch.from_numpy(before.keypoints[None]), boxes[1], step.size).to(step.now)
        seen = torch.from_numpy(before.scores[None] > 0).to(pose.device)
        return self.config.held * moved(carry(state.correction, *boxes), step, pose, seen)


def goes_on(guided: Guided, now: Moment, after: Moment) -> bool:
    """Whether the next frame follows a painted one: neither a cut nor a gap in time lies between."""
    return guided.past is not None and after.shot == now.shot


def whole(layers: Layers, side: int) -> Layers:
    """The layers of a whole crop at a side, pixels."""
    if layers.window is not None:
        every = slice(0, layers.window.side)
        layers = layers.covering(Window(every, every, layers.window.side))
    sized = (F.interpolate(each.float(), size=(side, side), mode="bilinear", antialias=True) for each in layers[:3])
    return Layers(*sized)


def corrected(layers: Layers, correction: Tensor) -> Layers:
    """Layers, of whatever size, with a change (1, 3, S, S) of the crop in their colour."""
    window = layers.window
    side = window.side if window else layers.colour.shape[-1]
    large = F.interpolate(correction, size=(side, side), mode="bilinear", antialias=True)
    if window:
        large = large[..., window.rows, window.columns]
    return layers._replace(colour=(layers.colour + large).clamp(0, 1))
