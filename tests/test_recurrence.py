"""Training and cloning paint by one recurrence: the same poses give the same picture, frame after frame."""

import numpy as np
import pytest
import torch
from tiny import poses, untrained_actor

from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.footage import Footage, cut_plates, follow_boxes

FRAMES = 8


def rolled_out(actor, moments, painter):
    """The frames as training paints them: layers of a clip, laid over the plate by the painter."""
    boxes = follow_boxes(moments, actor.config.side, actor.body.torso)
    plates = cut_plates(boxes, actor.plate.numpy(), actor.config.generator.resolution)
    footage = Footage(moments, boxes, np.arange(len(moments)) > 0, *plates)
    with torch.no_grad():
        steps = Rollout(actor.generator, actor.body.torso)(footage.batch(np.array([0]), len(moments)))
    return [painter.composite(step.layers, Box(*box.tolist())) for step, box in zip(steps, boxes)]


def walking(speed):
    """The clip's person, carried to the right so that the crop must follow, pixels a frame."""
    still = poses(FRAMES)
    shift = np.arange(FRAMES, dtype=np.float32)[:, None, None] * np.array([speed, 0], np.float32)
    return type(still)(still.keypoints + shift, still.scores, still.times, still.size)


@pytest.mark.parametrize("speed", [0, 9])
def test_training_and_cloning_paint_the_same_frames(speed):
    actor, moments = untrained_actor(), walking(speed)
    painter = LayeredPainter(actor, device="cpu")
    painter.generator.filmed = None  # at G's own size, in which training paints
    painted = [frame.pixels for frame in painter.paint(moments.moments())]
    assert len(painted) == FRAMES
    for n, (cloned, trained) in enumerate(zip(painted, rolled_out(actor, moments, painter))):
        assert np.array_equal(cloned, trained), f"frame {n}"
    alone, _ = painter.step(*[list(moments.moments())[k] for k in (3, 4, 5)])
    assert not np.array_equal(alone.pixels, painted[4]), "what is carried along must matter for this to mean anything"


def test_single_steps_give_what_the_stream_gives():
    actor, moments = untrained_actor(), list(walking(5).moments())
    painter, state, frames = LayeredPainter(actor, device="cpu"), None, []
    for n, now in enumerate(moments):
        before, after = moments[max(n - 1, 0)], moments[min(n + 1, FRAMES - 1)]
        painted, state = painter.step(before, now, after, state)
        frames.append(painted)
    for stepped, streamed in zip(frames, painter.paint(iter(moments))):
        assert stepped.time == streamed.time and np.array_equal(stepped.pixels, streamed.pixels)
