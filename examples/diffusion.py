"""Train the small latent image model with which the diffusion backend runs without a network.

python -m eval.people.film FILMS --seeds 0:72 --frames 96 --size 384
python -m examples.base FILMS --only-prepare
python -m examples.diffusion FILMS [--vae-minutes 15] [--minutes 40]

Classes, schedulers and files are those of any Stable Diffusion on the Hub, only smaller: a VAE of a quarter of the
side, a U-Net and its ControlNet of a few MB, and a text encoder that was never trained, which tells captions apart.
Nobody's likeness goes in: every person is drawn by `eval.people`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from perfclone.backends.diffusion.bases import CLASS_CAPTION
from perfclone.backends.diffusion.training.pairs import Frames, paint_frames
from perfclone.backends.layered.training.fit import new_generator
from perfclone.backends.layered.training.losses import perceptual_loss
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.backends.layered.training.prepare import load_exemplars, load_reference

OUT = Path(__file__).resolve().parent / "bases" / "small"
SIDE, LATENT, CROP = 256, 8, 128
EMA = 0.999
#: Noise on its latents while the coder learns, so that near ones mean much the same.
BLUR = 0.05
#: The share of the coder's time after which it learns to look right, too.
SHARPENED = 0.6
#: One film in so many is kept out of training, to be looked at.
HELD = 9


def read(materials: list[Path]) -> Frames:
    """Crops of prepared films, and what the base that ships makes of them by copying."""
    found = []
    for material in tqdm(materials, desc="painting"):
        facts, footage, _ = load_reference(material)
        torso = facts.body.torso
        guide = new_generator(load_exemplars(material, footage, torso, SIDE), "base", 0).eval()
        usable = (footage.poses.scores > 0).any(1)
        found.append(paint_frames(guide, torso, footage, usable, SIDE, lambda *_: None))
    return Frames(*map(np.concatenate, zip(*found)))


def build_vae() -> AutoencoderKL:
    """The picture's coder: a quarter of the side, eight channels."""
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    return AutoencoderKL(
        **blocks, block_out_channels=(16, 32, 48), layers_per_block=1, norm_num_groups=8, latent_channels=LATENT,
        sample_size=SIDE, mid_block_add_attention=False,
    )  # fmt: skip


def build_unet() -> UNet2DConditionModel:
    """The denoiser, whose finest level has no attention, since its pictures are large."""
    return UNet2DConditionModel(
        sample_size=SIDE // 4, in_channels=LATENT, out_channels=LATENT, block_out_channels=(32, 64, 96),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1, norm_num_groups=8, attention_head_dim=4, cross_attention_dim=32,
    )  # fmt: skip


def build_text(folder: Path) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """A text encoder over single letters, of random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=48)
    start, end = len(words) - 2, len(words) - 1
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=48, bos_token_id=start, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    return CLIPTextModel(config).eval(), tokenizer


def batches(minutes: float, count: int, size: int, seed: int) -> Iterator[tuple[float, np.ndarray]]:
    """For so long: the share of the time that is gone, and which pictures are next."""
    rng, began, bar = np.random.default_rng(seed), time.monotonic(), tqdm(unit="step")
    while (gone := (time.monotonic() - began) / (60 * minutes)) < 1:
        yield gone, rng.integers(count, size=size)
        bar.update()
        bar.set_postfix(gone=f"{gone:.0%}")


def as_input(pictures: np.ndarray) -> Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def train_vae(vae: AutoencoderKL, people: np.ndarray, minutes: float) -> None:
    """Learn to code random parts of the pictures."""
    features, rng = PerceptualFeatures(), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(vae.parameters(), 2e-3, betas=(0.9, 0.99), weight_decay=0)
    for gone, chosen in batches(minutes, len(people), 8, 1):
        optimiser.param_groups[0]["lr"] = 2e-3 * min(1, 20 * gone + 0.02) * (1 - gone) + 1e-5
        y, x = rng.integers(0, SIDE - CROP + 1, 2)
        real = as_input(people[chosen, y : y + CROP, x : x + CROP])
        coded = vae.encode(real).latent_dist.mean
        made = vae.decode(coded + BLUR * torch.randn_like(coded)).sample
        loss = F.l1_loss(made, real) + F.mse_loss(made, real) + 1e-4 * coded.square().mean()
        if gone > SHARPENED:
            loss = loss + 0.3 * perceptual_loss(features, made.clamp(-1, 1) / 2 + 0.5, real / 2 + 0.5)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def code(vae: AutoencoderKL, pictures: np.ndarray) -> Tensor:
    """The latents of pictures, (N, 8, S / 4, S / 4)."""
    parts = [vae.encode(as_input(pictures[n : n + 16])).latent_dist.mean for n in range(0, len(pictures), 16)]
    return torch.cat(parts)


def train_unet(
    unet: UNet2DConditionModel,
    control: ControlNetModel,
    scheduler: DDIMScheduler,
    latents: tuple[Tensor, Tensor],
    poses: np.ndarray,
    text: Tensor,
    minutes: float,
) -> tuple[UNet2DConditionModel, ControlNetModel]:
    """Learn to denoise people whose poses are shown, filmed ones and, at little noise, painted ones.

    Args:
        unet: The denoiser.
        control: Its ControlNet.
        scheduler: Says how much noise there is when.
        latents: Of what was filmed, and of what was painted in its place, (N, 8, s, s) each.
        poses: (N, S, S, 3) uint8, pictures of the poses.
        text: (1, L, C) the caption.
        minutes: How long.

    Returns:
        Both, with averaged weights.
    """
    both = torch.nn.ModuleList([unet, control]).to(memory_format=torch.channels_last)
    average = AveragedModel(both, multi_avg_fn=get_ema_multi_avg_fn(EMA))
    optimiser = torch.optim.AdamW(both.parameters(), 1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    signals, last = scheduler.alphas_cumprod, scheduler.config.num_train_timesteps
    torch.manual_seed(2)
    for gone, chosen in batches(minutes, len(poses), 8, 2):
        optimiser.param_groups[0]["lr"] = 1e-3 * min(1, 30 * gone + 0.02) * (1 - gone) + 1e-5
        filmed, painted = (each[chosen] for each in latents)
        painted = painted + torch.rand(len(chosen), 1, 1, 1) * (filmed - painted)
        at, mending = torch.randint(0, last, (len(chosen),)), torch.rand(len(chosen)) < 0.5
        at = torch.where(mending, at // 2, at)
        signal = signals[at].view(-1, 1, 1, 1)
        begun = torch.where(mending.view(-1, 1, 1, 1), painted, filmed)
        noisy = signal.sqrt() * begun + (1 - signal).sqrt() * torch.randn_like(filmed)
        shown = torch.from_numpy(poses[chosen]).permute(0, 3, 1, 2).float() / 255
        shown = shown * (torch.rand(len(chosen), 1, 1, 1) > 0.1)
        context = text.expand(len(chosen), -1, -1)
        down, middle = control(noisy, at, context, shown, return_dict=False)
        said = unet(
            noisy, at, context, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample
        wanted = (noisy - signal.sqrt() * filmed) / (1 - signal).sqrt()
        loss = ((said - wanted).square() * ((1 - signal) / signal).clamp(max=1)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(both)
    return tuple(average.module)


def main() -> None:
    """Read, train, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, help="the folder that examples.base prepared")
    parser.add_argument("--vae-minutes", type=float, default=15, help="of the picture's coder (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=40, help="of the denoiser (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=OUT, help="default: %(default)s")
    args = parser.parse_args()
    torch.manual_seed(0)
    films = sorted(args.films.glob("*/material"))
    frames = read([film for n, film in enumerate(films) if n % HELD])
    text_encoder, tokenizer = build_text(args.output / "tokenizer")
    words = tokenizer(CLASS_CAPTION, padding="max_length", max_length=48, return_tensors="pt").input_ids
    vae, unet = build_vae(), build_unet()
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(16, 32, 64))
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, timestep_spacing="trailing",
    )  # fmt: skip
    train_vae(vae, np.concatenate([frames.real, frames.drawn[::4]]), args.vae_minutes)
    filmed, painted = code(vae.eval(), frames.real), code(vae, frames.drawn)
    scale = round(float(1 / filmed.std()), 4)
    vae.register_to_config(scaling_factor=scale)
    with torch.no_grad():
        text = text_encoder(words).last_hidden_state
    latents = filmed * scale, painted * scale
    unet, control = train_unet(unet, control, scheduler, latents, frames.poses, text, args.minutes)
    pipeline = StableDiffusionPipeline(
        vae, text_encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False
    )
    pipeline.to(dtype=torch.float16).save_pretrained(args.output)
    control.half().save_pretrained(args.output / "controlnet")


if __name__ == "__main__":
    main()
