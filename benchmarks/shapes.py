"""What `benchmarks/diffusion.py --shapes` times: a base's networks in their true shapes, with weights that are random.

How long a frame takes and what memory it wants depends on the shapes alone; how it would look is not asked here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel, schedulers
from torch import nn

from benchmarks.common import interleaved_medians
from benchmarks.memory import peak_mib
from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.diffusion.model import LatentModel, Words
from perfclone.backends.diffusion.motion import SCHEDULE, with_motion
from perfclone.backends.diffusion.refining import refine
from perfclone.backends.diffusion.windows import LENGTH, OVERLAP

PASSES = (1, 2, 4)
#: What is done to the networks, one after the other and each on top of those before; and which of it on a processor.
WAYS, ON_CPU = ("float32", "bf16", "channels_last", "fused", "compiled"), ("float32", "channels_last", "fused")
#: The autoencoder of Stable Diffusion 1 and XL, as their repositories have it.
AUTOENCODER = {
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4, "sample_size": 512,
}  # fmt: skip
#: Tokens of a caption.
_TOKENS = 77


class Untrained(LatentModel):
    """A base as :class:`LatentModel` loads it, with an actor's LoRA, in 32 bit; but its weights are random.

    Args:
        name: One of :data:`BASES`.
        device: Where it computes.
    """

    def __init__(self, name: str, device: torch.device):
        self.base, self.device, self.dtype = BASES[name], device, torch.float32
        torch.manual_seed(0)
        with device:
            self.unet = UNet2DConditionModel(**self.base.architecture)
            self.vae = AutoencoderKL(**(AUTOENCODER if self.base.repo else _settings(self.base.folder / "vae")))
            self.control = (
                ControlNetModel.from_unet(self.unet, load_weights_from_unet=False)
                if self.base.repo
                else ControlNetModel(**_settings(self.base.folder / "controlnet"))
            ).to(device)
        noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
        self.scheduler = getattr(schedulers, self.base.scheduler)(**noise)
        self.lora = lora.insert(self.unet, DiffusionConfig.rank)
        self.film = self._film() if self.base.motion else None
        self.film_scheduler = self.scheduler.from_config(self.scheduler.config, **SCHEDULE)
        self.caption = self._words()
        for part in self.parts:
            part.eval().requires_grad_(False)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Autoencoder, ControlNet, U-Net, and the last with a motion module where there is one."""
        return self.vae, self.control, self.unet, *([self.film] if self.film else [])

    @property
    def millions(self) -> dict[str, int]:
        """How many weights each part has, in millions."""
        names = ("autoencoder", "controlnet", "unet", "unet with motion")
        return {name: round(sum(p.numel() for p in part.parameters()) / 1e6) for name, part in zip(names, self.parts)}

    def turn(self, way: str) -> None:
        """Go one way of :data:`WAYS` further."""
        for part in self.parts:
            if way == "bf16":
                part.to(torch.bfloat16)
            elif way == "channels_last":
                part.to(memory_format=torch.channels_last)
        if way == "bf16":
            self.dtype = torch.bfloat16
            self.caption = self._words()
        elif way == "fused":
            self.unet.fuse_lora(adapter_names=[lora.NAME])
        elif way == "compiled":
            for part in (self.vae.encoder, self.vae.decoder, *self.parts[1:]):
                part.compile()

    def _film(self) -> nn.Module:
        """The U-Net with a motion module of the shape of wangfuyun/AnimateLCM's."""
        how = self.unet.config
        with self.device:
            adapter = MotionAdapter(
                how.block_out_channels, how.layers_per_block, motion_norm_num_groups=how.norm_num_groups
            )
        return with_motion(self.unet, adapter)

    def _words(self) -> Words:
        """A caption that says nothing, of the length of any."""
        how, more = self.unet.config, {}
        if how.addition_embed_type == "text_time":
            times = 6
            pooled = how.projection_class_embeddings_input_dim - times * how.addition_time_embed_dim
            more = {"text_embeds": self._nothing(pooled), "time_ids": self._nothing(times)}
        return Words(self._nothing(_TOKENS, how.cross_attention_dim), more)

    def _nothing(self, *shape: int) -> torch.Tensor:
        return torch.zeros(1, *shape, device=self.device, dtype=self.dtype)


def _settings(folder: Path) -> dict[str, Any]:
    """What a part of the base that comes with perfclone is built from."""
    found = json.loads((folder / "config.json").read_text())
    return {name: value for name, value in found.items() if not name.startswith("_")}


def frame(model: LatentModel, passes: int, count: int = 1) -> Callable[[], torch.Tensor]:
    """All that a base does for a frame, as cloning asks for it: coded, noised, denoised in so many passes, decoded.

    Args:
        model: The base.
        passes: How many.
        count: Of frames; more than one are seen together by the motion module.

    Returns:
        A call that gives (N, 3, S, S), how the frames are to be changed.
    """
    side, how, device = model.base.side, model.vae.config, model.device
    made = torch.Generator().manual_seed(0)
    picture, matte, poses = (torch.rand((count, n, side, side), generator=made).to(device) for n in (3, 1, 3))
    noise = torch.randn((count, how.latent_channels, *(2 * [side // model.factor])), generator=made).to(device)
    correction = torch.zeros_like(picture) if count == 1 else None
    ask = partial(refine, model, picture, matte, poses, noise, correction, model.base.strength, passes, count > 1)

    @torch.inference_mode()
    def once() -> torch.Tensor:
        change = ask()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return change

    return once


def peak_gb(device: torch.device, call: Callable[[], object]) -> float:
    """The most memory that there was of during a call, weights included, GB: on a card, or in the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        call()
        return torch.cuda.max_memory_allocated() / 1e9
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak so far
    call()
    return peak_mib() * 2**20 / 1e9


def measure(name: str, device: torch.device, rounds: int, windows: bool = False) -> dict[str, Any]:
    """Time a base's frame in every way.

    Args:
        name: One of :data:`BASES`.
        device: Where.
        rounds: How often each is timed; what counts is the median.
        windows: Whether frames are refined together, of which each window adds fewer than it holds.

    Returns:
        "base", "windows", "side" in pixels, "millions" of weights by part, and "ways": a row for each, with the
        seconds until the first frames were there, and by passes milliseconds a frame and GB.
    """
    torch.backends.cudnn.benchmark = True
    model, rows = Untrained(name, device), []
    count, new = (LENGTH, LENGTH - OVERLAP) if windows else (1, 1)
    for way in WAYS if device.type == "cuda" else ON_CPU:
        model.turn(way)
        calls = {str(passes): frame(model, passes, count) for passes in PASSES}
        began = time.monotonic()
        peaks = {passes: peak_gb(device, call) for passes, call in calls.items()}
        first = time.monotonic() - began
        ms = {passes: whole / new for passes, whole in interleaved_medians(calls, rounds).items()}
        rows.append({"way": way, "first_s": first, "ms": ms, "gb": peaks})
    told = {"base": name, "windows": windows, "side": model.base.side, "millions": model.millions}
    return {**told, "ways": rows}


def table(found: list[dict[str, Any]]) -> str:
    """What was measured as a Markdown table; each line is on top of the one before it."""
    lines = ["| base, px | way | " + " | ".join(f"{passes} pass{'es'[: 2 * (passes > 1)]}" for passes in PASSES)]
    lines[0] += " | times faster |"
    lines.append("| --- " * (3 + len(PASSES)) + "|")
    for base in found:
        last = None
        for row in base["ways"]:
            told = " | ".join(f"{row['ms'][p]:.1f} ms, {row['gb'][p]:.2f} GB" for p in map(str, PASSES))
            usual = row["ms"][str(min(PASSES, key=lambda n: abs(n - BASES[base["base"]].passes)))]
            gain = f"{last / usual:.2f}" if last else ""
            called = f"{base['base']}, {base['side']}" + (" in windows" if base["windows"] else "")
            lines.append(f"| {called} | {row['way']} | {told} | {gain} |")
            last = usual
    return "\n".join(lines)
