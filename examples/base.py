"""Train what every actor starts from: a G that has copied many synthetic people, and some of their motion.

python -m eval.people.film FILMS --seeds 0:72 --frames 96 --size 384 --bvh BVH
python -m examples.base FILMS [--minutes 40] [--batch 2] [--device cpu]
python -m examples.base FILMS --go-on --minutes 50

One G is shown the exemplars of each person in turn, so it learns how to copy, align and mend a body and not whom.
Poses come from P as it sees the films, with all its errors.

Nobody's likeness goes in: every person is drawn by `eval.people`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from eval.people.film import Film, open_film
from eval.synthetic import Scene, motion, random_actor
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.base import warm_start, warm_start_critic
from perfclone.backends.layered.training.branches import MANY
from perfclone.backends.layered.training.discriminator import POSE_PICTURES, PatchDiscriminator
from perfclone.backends.layered.training.duel import Duel
from perfclone.backends.layered.training.footage import Batch, Footage, cut_plates
from perfclone.backends.layered.training.prepare import load_exemplars, load_reference, prepare_reference
from perfclone.backends.layered.training.progression import learning_rate
from perfclone.errors import UserError
from perfclone.pose.extractor import build_extractor
from perfclone.pose.skeleton import HIPS

DATA = Path(__file__).resolve().parents[1] / "perfclone" / "data"
FPS = 30
#: Learning rate of G, how slowly its average follows, and the share of the time before the discriminator is heard.
RATE, EMA, EARLY = 1e-3, 0.995, 0.1
#: Shares of the exemplars that are taken away from a sequence, at random or the nearest in pose, so that it must do
#: with poses further off.
SCARCE, NEAREST = (0.0, 0.3, 0.6, 0.8), 0.5


@dataclass
class Person:
    """One filmed person, ready to be learnt from: the torso is in pixels of the film."""

    footage: Footage
    torso: float
    exemplars: Exemplars


def open_person(film: Path, resolution: int) -> Person | None:
    """Prepare a film as any reference video is, and open it; None where P or the camera's judge will not have it."""
    material = film / "material"
    if not material.is_dir():
        try:
            prepare_reference(film / "film.mp4", material, resolution, build_extractor("blazepose", matte=True))
        except UserError:
            return None
    facts, footage, _ = load_reference(material)
    if facts.camera != "still":
        return None
    exemplars = load_exemplars(material, footage, facts.body.torso, resolution)
    return Person(_with_truth(footage, open_film(film), resolution), facts.body.torso, exemplars)


def _with_truth(footage: Footage, film: Film, resolution: int) -> Footage:
    """Footage of a film with its true mattes and plate; the exemplars keep the mattes that P gave."""
    at = np.round(footage.poses.times * film.fps).astype(int)
    boxes = [Box(*box.tolist()) for box in footage.boxes]
    mattes = np.stack([box.cut(film.mattes[n], resolution) for box, n in zip(boxes, at)])
    follows = footage.follows & film.follows[at] & np.r_[False, np.diff(at) == 1]
    plates = cut_plates(footage.boxes, film.plate, resolution)
    return Footage(footage.poses, footage.boxes, follows, *plates, footage.frames, mattes, footage.filmed)


class SharedTraining:
    """The training of one G that copies many people.

    Args:
        people: Whom.
        preset: Its size.
        count: Sequences a step.
        device: Where to train.
        seed: Of everything random.
    """

    def __init__(self, people: list[Person], preset: str, count: int, device: str, seed: int):
        torch.manual_seed(seed)
        self.people, self.count, self.device, self.steps = people, count, device, 0
        self.rng = np.random.default_rng(seed)
        self.generator = Generator(PRESETS[preset].generator).to(device)
        self.critic = PatchDiscriminator(3 + POSE_PICTURES).to(device)
        self.rollout = Rollout(self.generator, 1.0)
        accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
        self.duel = Duel(accelerator, self.rollout, self.critic, MANY)
        self.average = self._averaged()

    def go_on(self, preset: str) -> None:
        """Begin with the base that ships."""
        warm_start(self.generator, preset)
        warm_start_critic(self.critic, preset)
        self.average = self._averaged()

    def _averaged(self) -> AveragedModel:
        """The average of G's weights over the steps, beginning with what they are."""
        return AveragedModel(self.generator.unet, multi_avg_fn=get_ema_multi_avg_fn(EMA))

    def step(self, fraction: float) -> dict[str, float]:
        """Train on a few frames of one of the people, with so much of the time gone, [0, 1); the losses."""
        person = self.people[int(self.rng.integers(len(self.people)))]
        self.generator.exemplars, self.rollout.torso = person.exemplars, person.torso
        warm = int(self.rng.integers(0, 2))
        starts = person.footage.starts(warm + 1, np.ones(len(person.footage), bool))
        batch = person.footage.batch(self.rng.choice(starts, self.count), warm + 1, self.device)
        batch = worsen(batch, person.torso, self.rng)
        rate = RATE * learning_rate(self.steps, fraction)
        losses = self.duel.step("paired", batch, warm, self._scarce(person, batch), rate, heard=fraction >= EARLY)
        self.average.update_parameters(self.generator.unet)
        self.steps += 1
        return losses

    def _scarce(self, person: Person, batch: Batch) -> Tensor:
        """(B, K) bool, the exemplars that are taken away."""
        rank = torch.from_numpy(self.rng.random((self.count, person.exemplars.count))).to(self.device)
        if self.rng.random() < NEAREST:
            wanted, held = batch.keypoints[:, -2, None] / person.torso, person.exemplars.poses
            wanted, held = (each - each[..., HIPS, :].mean(-2, keepdim=True) for each in (wanted, held))
            rank = (wanted - held).norm(dim=-1).mean(-1).argsort(1).argsort(1) / person.exemplars.count
        return rank < self.rng.choice(SCARCE)

    def result(self) -> dict[str, Tensor]:
        """What ships: the averaged weights of G's U-Net and those of the discriminator, in 16 bit."""
        named = {"unet": self.average.module.state_dict(), "critic": self.critic.state_dict()}
        return {f"{part}.{n}": v.half().contiguous().cpu() for part, state in named.items() for n, v in state.items()}


def train(
    people: list[Person],
    minutes: float,
    preset: str,
    count: int = 2,
    device: str = "cpu",
    seed: int = 0,
    go_on: bool = False,
) -> dict[str, Tensor]:
    """Train on the people in turn, from scratch or from the base that ships; gives what ships."""
    training = SharedTraining(people, preset, count, device, seed)
    if go_on:
        training.go_on(preset)
    began, bar = time.monotonic(), tqdm(total=round(minutes * 60), unit="s")
    while (fraction := (time.monotonic() - began) / (minutes * 60)) < 1:
        losses = training.step(fraction)
        bar.update(int(fraction * minutes * 60) - bar.n)
        if training.steps % 20 == 0:
            told = {name: f"{value:.3f}" for name, value in losses.items()}
            bar.set_postfix(step=training.steps, **told)
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
    """Prepare, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, help="the folder that eval.people.film wrote")
    parser.add_argument("--minutes", type=float, default=40, help="training time (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=2, help="sequences a step (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="where to train (default: %(default)s)")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="base", help="size (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--go-on", action="store_true", help="begin with the base that ships, not from scratch")
    parser.add_argument("--only-prepare", action="store_true", help="stop once the films are ready to be learnt from")
    args = parser.parse_args()
    resolution = PRESETS[args.preset].generator.resolution
    films = sorted(each.parent for each in args.films.glob("*/film.mp4"))
    people = [open_person(film, resolution) for film in tqdm(films, desc="preparing")]
    if args.only_prepare:
        return
    people = [person for person in people if person]
    save_motion(DATA / "motion.npz")
    save_file(
        train(people, args.minutes, args.preset, args.batch, args.device, args.seed, args.go_on),
        DATA / f"base_{args.preset}.safetensors",
    )


if __name__ == "__main__":
    main()
