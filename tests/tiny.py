"""Small real things for the tests of training and cloning: a clip, an actor, a performance."""

import atexit
import json
import shutil
import tempfile
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from eval.synthetic import Scene, motion
from perfclone.actor import Actor, ActorConfig
from perfclone.actor.layout import WEIGHTS
from perfclone.backends.layered.choice import face_traits
from perfclone.backends.layered.config import PRESETS, GeneratorConfig, Preset
from perfclone.backends.layered.crop import Box, to_crop
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.pictures import code
from perfclone.backends.layered.training.choosing import cut_out
from perfclone.backends.layered.training.footage import follow_boxes
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.kinds import synthetic_record
from perfclone.governance.keys import SigningKey
from perfclone.pose import PoseSequence
from perfclone.pose.body import measure_body
from perfclone.training import TrainConfig, TrainRequest
from perfclone.video import VideoWriter

SIZE = 160
FPS = 30
#: Small enough for a test, large enough to be the real thing.
PRESET = Preset(GeneratorConfig(64, (8, 16), 4, 8), batch=2)


@cache
def shots(count=30, start=20):
    """Frames of anna walking about, with their truth."""
    scene = Scene("anna", SIZE, noise=1.0, samples=1)
    return [scene.render(frame, n) for n, frame in enumerate(motion("arms", FPS)[start : start + count])]


def poses(count=30):
    """The true poses of the same frames."""
    keypoints, scores = (np.stack([getattr(shot, name) for shot in shots(count)]) for name in ("keypoints", "scores"))
    return PoseSequence(keypoints, scores, np.arange(count) / FPS, (SIZE, SIZE), "synthetic")


def write_clip(path, count=30, **options):
    """The same frames as a video file."""
    with VideoWriter(path, rate=FPS, crf=12, **options) as writer:
        for shot in shots(count):
            writer.write(shot.rgb)
    return path


def record_of(clip):
    """A record that covers a clip of anna, by a key of its own that is thrown away."""
    return synthetic_record("anna", file_sha256(Path(clip)), SigningKey.new())


@cache
def exemplars(resolution, count=6, side=96):
    """Some frames of the clip, cut out."""
    scene, moments = Scene("anna", SIZE, samples=1), poses()
    torso, at = measure_body(moments).torso, np.linspace(0, len(moments) - 1, count).astype(int)
    boxes = follow_boxes(moments, side, torso)[at]
    cut = [Box(*box.tolist()) for box in boxes]
    pictures = [
        code(cut_out(*(box.cut(picture, side) for picture in (shots()[n].rgb, shots()[n].matte, scene.plate))))
        for n, box in zip(at, cut)
    ]
    places = to_crop(torch.from_numpy(moments.keypoints[at]), torch.from_numpy(boxes).float(), 2) - 1
    seen, times = torch.from_numpy(moments.scores[at] > 0), torch.from_numpy(moments.times[at]).float()
    scale = 2 * torso / torch.from_numpy(boxes[:, 2]).float()
    faces = torch.from_numpy(face_traits(moments.details[at]))
    return Exemplars(count, resolution).fill(pictures, places, seen, scale, faces, times)


def untrained_actor(seed=0, generator=PRESET.generator, **changes):
    """An actor with random weights and with a record, who stands where the clip's person does."""
    torch.manual_seed(seed)
    body, copied = measure_body(poses()), exemplars(generator.resolution)
    config = ActorConfig(
        width=SIZE,
        height=SIZE,
        fps=FPS,
        side=96,
        body_lengths=body.lengths,
        body_centre_x=body.centre_x,
        body_floor_y=body.floor_y,
        generator=replace(generator, exemplars=copied.count, exemplar_bytes=len(copied.coded)),
        poses=4,
    )
    actor = Actor(replace(config, **changes))
    actor.generator.exemplars = deepcopy(copied)
    torch.nn.init.normal_(actor.generator.unet.leave.weight, 0, 0.03)  # untrained it would only copy
    actor.plate.copy_(torch.randint(0, 255, actor.plate.shape, dtype=torch.uint8))
    actor.consent = synthetic_record("anna", "0" * 64, SigningKey.new())
    return actor.eval()


def shrink_presets(monkeypatch):
    """Make every preset as small as the tests need."""
    for name in list(PRESETS):
        monkeypatch.setitem(PRESETS, name, PRESET)


@cache
def driving_file():
    """The same poses as a file, for the unpaired branch."""
    folder = tempfile.mkdtemp(prefix="perfclone-driving-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return poses().save(Path(folder) / "driving.npz")


def request_for(reference, output, changes=None, **options):
    """A request for a run of a moment, with the consent of anna."""
    config = TrainConfig(**{"steps": 8, "warm_start": False, **(changes or {})})
    consent = record_of(reference) if Path(reference).is_file() else None
    return TrainRequest(
        reference, output, **{"config": config, "driving": [driving_file()], "consent": consent, **options}
    )


def train_tiny(reference, output, changes=None, asked=None, **options):
    """Run it, with the true poses."""
    from perfclone.training import train

    request = request_for(reference, output, changes, **(asked or {}))
    return train(request, **{"extractor": SavedPoses(), **options})


def weights(folder):
    """The tensors of an actor's folder."""
    return load_file(Path(folder) / WEIGHTS)


def same(a, b):
    """Whether two sets of tensors are equal to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class SavedPoses:
    """A pose extractor that knows the clip by heart: quick, exact, and with the true matte."""

    name, batch = "saved", 4

    def __init__(self):
        self.reset()

    def reset(self):
        self.at = 0

    def people(self, frames):
        from perfclone.pose import Pose

        found = [[Pose(shot.keypoints, shot.scores, shot.matte)] for shot in shots()[self.at : self.at + len(frames)]]
        self.at += len(frames)
        return found


def edit_json(path, **changes):
    """Change keys of a JSON file; None removes one."""
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
