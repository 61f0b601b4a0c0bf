"""The pretrained models that can be built upon, by name: where they are, how they are run, what they want."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfclone.builtin import EXAMPLES
from perfclone.errors import UserError

#: What a base knows already, and, by a rare word (Ruiz et al., *DreamBooth*, 2023), the actor that it is to learn.
CLASS_CAPTION, CAPTION = "a photo of a person", "a photo of sks person"


@dataclass(frozen=True)
class Base:
    """A latent diffusion model with its ControlNet for poses (Rombach et al. 2022; Zhang et al. 2023).

    Attributes:
        repo: Hub repository of the pipeline; None is the small one, which `examples.diffusion` makes.
        control: Hub repository of the ControlNet.
        fast: Hub repository of a LoRA that lets it do with few steps (Luo et al., *LCM-LoRA*, 2023), or None.
        scheduler: diffusers' name of the sampler.
        side: Of the square crop that it refines, pixels.
        passes: Denoising steps a frame.
        strength: How far back into noise a painted frame is taken, (0, 1].
        gigabytes: What it takes on a card in 16 bit, with all that a frame needs, about.
        licence: Of its weights.
        unet: The shape of its U-Net, as diffusers' ``UNet2DConditionModel`` takes it; empty where a folder says it.
        batch: Frames a training step.
        motion: Hub repository of a motion module, by which it refines frames that follow each other together (Guo et
            al., *AnimateDiff*, 2024), or None.
        thick: How many times as thick as usual its ControlNet wants the lines of a pose.
    """

    repo: str | None
    control: str | None
    fast: str | None
    scheduler: str
    side: int
    passes: int
    strength: float
    gigabytes: float
    licence: str
    unet: Mapping[str, Any]
    batch: int = 4
    motion: str | None = None
    thick: int = 1

    @property
    def repos(self) -> dict[str, str | None]:
        """Its repositories, by what they are called in :class:`DiffusionConfig`."""
        return {"base": self.repo, "control": self.control, "fast": self.fast, "motion": self.motion}

    @property
    def folder(self) -> Path:
        """Where the one is that `examples.diffusion` makes.

        Raises:
            UserError: It is not there.
        """
        place = EXAMPLES / "bases" / "small"
        if not (place / "model_index.json").is_file():
            raise UserError(
                f"The small base is not at {place}; make it with `python -m examples.diffusion`, or use another."
            )
        return place

    @property
    def architecture(self) -> dict[str, Any]:
        """What ``UNet2DConditionModel`` is built from."""
        if self.repo:
            return dict(self.unet)
        text = (self.folder / "unet" / "config.json").read_text()
        return {name: value for name, value in json.loads(text).items() if not name.startswith("_")}


_SDXL = {
    "sample_size": 64,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
BASES: dict[str, Base] = {
    "sd15": Base(
        "stable-diffusion-v1-5/stable-diffusion-v1-5", "lllyasviel/control_v11p_sd15_openpose",
        "latent-consistency/lcm-lora-sdv1-5", "LCMScheduler", 512, 2, 0.4, 5.0, "CreativeML Open RAIL-M",
        {"cross_attention_dim": 768}, motion="wangfuyun/AnimateLCM",
    ),
    "sdxl-turbo": Base(
        "stabilityai/sdxl-turbo", "xinsir/controlnet-openpose-sdxl-1.0", None, "EulerAncestralDiscreteScheduler", 512,
        1, 0.4, 12.0, "Stability AI Community", _SDXL, batch=1, thick=2,
    ),
    "small": Base(None, None, None, "DDIMScheduler", 256, 2, 0.4, 0.5, "Apache-2.0, trained by perfclone", {}),
}  # fmt: skip
