"""Train what every actor starts from: a U-Net that has painted many synthetic people, and some of their motion.

python -m examples.base [--people 12] [--frames 120] [--minutes 16] [--batch 2] [--device cpu] [--workers 1]

Each person has textures of their own and all share the U-Net, so it learns how to paint a body and not whom; the
textures that ship are the mean of theirs. Nobody's likeness goes in: every person is drawn by `eval.synthetic`.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from eval.synthetic import Scene, motion, random_actor
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.crop import Box, usual_side
from perfclone.backends.layered.generator import Generator, NeuralTextures
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.branches import paired_losses
from perfclone.backends.layered.training.footage import Footage, borders, cut_plates, follow_boxes
from perfclone.backends.layered.training.loop import learning_rate
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.pose import PoseSequence
from perfclone.pose.body import measure_body

DATA = Path(__file__).resolve().parents[1] / "perfclone" / "data"
RUN = 3
FPS = 30
#: Learning rates of the U-Net and of the textures, and how slowly the averaged U-Net follows.
RATES, EMA = (1e-3, 1e-2), 0.995


def film(seed: int, frames: int, size: int, resolution: int) -> tuple[Footage, float]:
    """Film a random person in short runs of their reference motion: footage, and the torso length in pixels."""
    scene, whole = Scene(random_actor(seed), size=size, noise=1.0), motion("reference", fps=FPS)
    rng = np.random.default_rng(seed)
    begins = np.sort(rng.choice(len(whole) // RUN, frames // RUN, replace=False)) * RUN
    shots = [scene.render(whole[n], n) for begin in begins for n in range(begin, begin + RUN)]
    keypoints, scores = (np.stack([getattr(shot, name) for shot in shots]) for name in ("keypoints", "scores"))
    poses = PoseSequence(keypoints, scores, np.arange(len(shots)) / FPS, (size, size), "synthetic")
    body = measure_body(poses)
    boxes = follow_boxes(poses, usual_side(keypoints, scores, body.torso, resolution), body.torso)
    cut = [
        (Box(*box.tolist()).cut(shot.rgb, resolution), Box(*box.tolist()).cut(shot.matte, resolution))
        for box, shot in zip(boxes, shots)
    ]
    follows = np.arange(len(shots)) % RUN > 0
    pictures, mattes = (np.stack(each) for each in zip(*cut))
    plates, filmed = cut_plates(boxes, scene.plate, resolution), borders(boxes, poses.size, resolution)
    return Footage(poses, boxes, follows, *plates, pictures, mattes, filmed), body.torso


class SharedTraining:
    """The training of one U-Net that paints many people, each with textures of their own.

    Args:
        people: Footage of each, and the torso length in pixels.
        preset: Size of the U-Net.
        count: Sequences a step.
        device: Where to train.
        seed: Of everything random.
    """

    def __init__(self, people: list[tuple[Footage, float]], preset: str, count: int, device: str, seed: int):
        torch.manual_seed(seed)
        self.people, self.count, self.device, self.steps = people, count, device, 0
        self.size, self.rng = PRESETS[preset].generator, np.random.default_rng(seed)
        self.generator = Generator(self.size)
        self.generator.to(device, memory_format=torch.channels_last)
        first = self.generator.textures.texels.detach()
        self.textures = [self._textures().to(device) for _ in people]
        for own in self.textures:
            own.texels.data.copy_(first)
        self.average = AveragedModel(self.generator.unet, multi_avg_fn=get_ema_multi_avg_fn(EMA))
        shared, own = list(self.generator.unet.parameters()), [own.texels for own in self.textures]
        self.optimiser = torch.optim.AdamW([{"params": shared}, {"params": own}], betas=(0.9, 0.99), weight_decay=1e-4)
        self.features = PerceptualFeatures().to(device)

    def step(self, fraction: float) -> dict[str, Tensor]:
        """Train on a few frames of one of the people, with so much of the time gone, [0, 1); the losses."""
        for group, rate in zip(self.optimiser.param_groups, RATES):
            group["lr"] = rate * learning_rate(self.steps, fraction)
        who = int(self.rng.integers(len(self.people)))
        (footage, torso), self.generator.textures = self.people[who], self.textures[who]
        warm = int(self.rng.integers(0, 2))
        starts = footage.starts(warm + 1, np.ones(len(footage), bool))
        batch = footage.batch(self.rng.choice(starts, self.count), warm + 1, self.device)
        batch = worsen(batch, torso, self.rng)
        losses = paired_losses(self.features, Rollout(self.generator, torso)(batch, warm), batch, warm)
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.average.update_parameters(self.generator.unet)
        self.steps += 1
        return losses

    def result(self) -> Generator:
        """The averaged U-Net with the mean of everybody's textures, on the CPU."""
        self.generator.unet.load_state_dict(self.average.module.state_dict())
        self.generator.textures = self._textures()
        mean = torch.stack([own.texels.detach().cpu() for own in self.textures]).mean(0)
        self.generator.textures.texels.data.copy_(mean)
        return self.generator.cpu()

    def _textures(self) -> NeuralTextures:
        return NeuralTextures(self.size.texture_channels, self.size.texture_side)


def train(
    people: list[tuple[Footage, float]],
    minutes: float,
    preset: str,
    count: int = 2,
    device: str = "cpu",
    seed: int = 0,
) -> Generator:
    """Train the shared U-Net on the people in turn; gives it on the CPU."""
    training = SharedTraining(people, preset, count, device, seed)
    began, bar = time.monotonic(), tqdm(total=round(minutes * 60), unit="s")
    while (fraction := (time.monotonic() - began) / (minutes * 60)) < 1:
        losses = training.step(fraction)
        bar.update(int(fraction * minutes * 60) - bar.n)
        if training.steps % 20 == 0:
            bar.set_postfix(step=training.steps, **{name: f"{float(value):.3f}" for name, value in losses.items()})
    return training.result()


def save_motion(path: Path) -> None:
    """Write the joints of two random people in the reference motion, small."""
    arrays = {}
    for seed in (101, 102):
        scene = Scene(random_actor(seed), size=256, samples=1)
        shots = [scene.render(frame) for frame in motion("reference", fps=FPS)]
        arrays[f"person_{seed}/keypoints"] = np.stack([shot.keypoints for shot in shots]).astype(np.float16)
        arrays[f"person_{seed}/scores"] = np.stack([shot.scores > 0 for shot in shots]).astype(np.uint8)
        arrays[f"person_{seed}/size"] = np.array([256, 256])
    np.savez_compressed(path, **arrays)


def main() -> None:
    """Film, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=12, help="how many (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=120, help="frames of each (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=16, help="training time (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=2, help="sequences a step (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="where to train (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that film (default: %(default)s)")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="base", help="size (default: %(default)s)")
    args = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    save_motion(DATA / "motion.npz")
    resolution = PRESETS[args.preset].generator.resolution
    shoot = partial(film, frames=args.frames, size=resolution * 5 // 4, resolution=resolution)
    with ProcessPoolExecutor(args.workers) as pool:
        people = list(tqdm(pool.map(shoot, range(1000, 1000 + args.people)), desc="filming", total=args.people))
    generator = train(people, args.minutes, args.preset, args.batch, args.device)
    weights = {name: value.half().contiguous() for name, value in generator.state_dict().items()}
    save_file(weights, DATA / f"base_{args.preset}.safetensors")


if __name__ == "__main__":
    main()
