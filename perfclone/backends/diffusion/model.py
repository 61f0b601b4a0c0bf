"""A base, loaded: pictures to latents and back, and what its U-Net says of noisy ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.bases import CAPTION, CLASS_CAPTION
from perfclone.backends.diffusion.checking import check_control, check_pipeline, check_scheduler, check_unet
from perfclone.backends.diffusion.fetch import WEIGHTS
from perfclone.backends.diffusion.locating import Located
from perfclone.backends.diffusion.motion import GIGABYTES, SCHEDULE, check_motion, with_motion
from perfclone.backends.diffusion.placement import choose, place
from perfclone.errors import UserError
from perfclone.files.reading import one_line

if TYPE_CHECKING:
    from diffusers import UNetMotionModel


class Words(NamedTuple):
    """A caption as a U-Net is told of it: (1, L, C) of each word, and what SDXL is told besides."""

    context: Tensor
    more: dict[str, Tensor]


class LatentModel:
    """A base with a LoRA in its U-Net, frozen but for that.

    Args:
        located: The base.
        rank: Of the LoRA.
        device: Where it computes.
        dtype: In which type.
        memory: GB that it may take there; None is enough.
        films: Whether frames that follow each other are to be refined together, where the base has a motion module
            and the memory is enough for that.

    Attributes:
        scheduler: The sampler.
        film: The U-Net with the motion module, or None.
        film_scheduler: Its sampler.
        lora: Name -> parameter of the LoRA.
        caption: Of the actor.
        usual: Of anybody.
    """

    def __init__(
        self,
        located: Located,
        rank: int,
        device: torch.device,
        dtype: torch.dtype,
        memory: float | None = None,
        films: bool = False,
    ):
        import diffusers

        self.base, self.device, self.dtype = located.base, device, dtype
        with _refused(located.pipeline):
            kind = _checked(located)
            self.vae = _load(diffusers.AutoencoderKL, located.pipeline / "vae", dtype)
            self.unet = _load(diffusers.UNet2DConditionModel, located.pipeline / "unet", dtype)
            self.control = _load(diffusers.ControlNetModel, located.control, dtype)
            usual = diffusers.DDPMScheduler.from_pretrained(located.pipeline / "scheduler", local_files_only=True)
            self.scheduler = _sampler(getattr(diffusers, located.base.scheduler), usual.config)
            self.caption, self.usual = _words(kind, located, self, device, dtype)
            self._check()
        self.signal = usual.alphas_cumprod.to(device)
        self.predicts = usual.config.prediction_type
        if located.fast:
            with _refused(located.fast):
                lora.fuse(self.unet, located.fast)
        self.lora = lora.insert(self.unet, rank)
        if kind == "StableDiffusionXLPipeline" and dtype == torch.float16:
            self.vae.float()  # what it computes overflows in 16 bit
        for part in (self.vae, self.unet, self.control):
            part.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # faster on cards and processors
        place([self.vae, self.control, self.unet], device, choose(located.base.gigabytes, memory))
        enough = choose(located.base.gigabytes + GIGABYTES, memory) == "whole"
        self.film = self._with_motion(located.motion) if films and located.motion and enough else None

    @property
    def factor(self) -> int:
        """Pixels along a side of a latent's place."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] -> (B, C, S / f, S / f), the mean of what they are coded as."""
        coded = self.vae.encode((pictures * 2 - 1).to(self.vae.dtype)).latent_dist.mean
        return coded.float() * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """The way back, not quite in [0, 1]."""
        scaled = (latents / self.vae.config.scaling_factor).to(self.vae.dtype)
        return self.vae.decode(scaled, return_dict=False)[0].float() / 2 + 0.5

    def predict(
        self, latents: Tensor, at: Tensor | int, words: Words, poses: Tensor, together: bool = False
    ) -> Tensor:
        """What the U-Net says of noisy latents, as the sampler takes it.

        Args:
            latents: (B, C, s, s), with noise.
            at: Timestep or (B,) timesteps.
            words: The caption.
            poses: (B, 3, S, S) in [0, 1], pictures of the poses.
            together: Whether they are B frames that follow each other, for the motion module to see.
        """
        latents, poses = latents.to(self.dtype), poses.to(self.dtype)
        context = words.context.expand(len(latents), -1, -1)
        more = {name: each.expand(len(latents), -1) for name, each in words.more.items()}
        told = {"added_cond_kwargs": more} if more else {}
        with torch.no_grad():
            down, middle = self.control(latents, at, context, poses, return_dict=False, **told)
        shown = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        if together:
            film = self.film(latents.transpose(0, 1)[None], at, context, return_dict=False, **shown)[0]
            return film[0].transpose(0, 1).float()
        return self.unet(latents, at, context, return_dict=False, **shown, **told)[0].float()

    def clean(self, noisy: Tensor, said: Tensor, at: Tensor) -> Tensor:
        """What a U-Net takes the latents to be without their noise, (B, C, s, s), of its word at timesteps (B,)."""
        signal = self.signal[at].view(-1, 1, 1, 1)
        if self.predicts == "v_prediction":
            return signal.sqrt() * noisy - (1 - signal).sqrt() * said
        return (noisy - (1 - signal).sqrt() * said) / signal.sqrt()

    def noisy(self, latents: Tensor, noise: Tensor, at: Tensor) -> Tensor:
        """Latents with noise, at timesteps (B,)."""
        signal = self.signal[at].view(-1, 1, 1, 1)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def _with_motion(self, folder: Path) -> UNetMotionModel:
        """The U-Net with a motion module; pictures are then coded one by one, as there are many at once."""
        from diffusers import MotionAdapter

        with _refused(folder):
            check_motion(MotionAdapter.load_config(folder, local_files_only=True), self.unet.config)
            film = with_motion(self.unet, _load(MotionAdapter, folder, self.dtype))
        self.film_scheduler = self.scheduler.from_config(self.scheduler.config, **SCHEDULE)
        self.vae.enable_slicing()
        return film

    def _check(self) -> None:
        """Refuse parts that do not go together."""
        unet, vae, steps = self.unet.config, self.vae.config, len(self.scheduler.betas)
        self.scheduler.set_timesteps(4)
        times = self.scheduler.timesteps
        for what, fits in (
            ("autoencoder", vae.latent_channels == unet.in_channels and vae.scaling_factor > 0),
            ("text encoder", self.caption.context.shape[-1] == unet.cross_attention_dim),
            ("scheduler", bool(0 <= times.min() and times.max() < steps)),
        ):
            if not fits:
                raise ValueError(f"its {what} does not go with its U-Net")


@contextmanager
def _refused(folder: Path) -> Iterator[None]:
    """Turn what the libraries raise of a folder that is no base, which may be anything, into a sentence."""
    try:
        yield
    except (UserError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        why = one_line(str(error).strip().partition("\n")[0])[:200] or type(error).__name__
        raise UserError(f"{folder} is no base that can be loaded ({why}); delete it and fetch it again.") from error


def _checked(located: Located) -> str:
    """The class of a base's pipeline, once its settings are found to be those of the table."""
    kind, architecture = check_pipeline(located.pipeline), located.base.architecture
    check_unet(located.pipeline / "unet", architecture)
    check_control(located.control, architecture)
    check_scheduler(located.pipeline / "scheduler")
    return kind


def _load(kind: type, folder: Path, dtype: torch.dtype) -> nn.Module:
    """A part of a base, of safetensors only, all of it and finite."""
    half = any((folder / name).is_file() for name in WEIGHTS if ".fp16." in name)
    how = {"use_safetensors": True, "local_files_only": True, "variant": "fp16" if half else None}
    model, found = kind.from_pretrained(folder, torch_dtype=dtype, output_loading_info=True, **how)
    if missing := sorted(found["missing_keys"]):
        raise ValueError(f"{len(missing)} tensors are missing, such as {missing[0]}")
    lora.check_finite(model.state_dict())
    return model


def _sampler(kind: type, config: Mapping[str, Any]):
    """A sampler with as much as it knows of what the settings of another one say."""
    said = set(signature(kind.__init__).parameters) & set(config) - set(config["_use_default_values"])
    return kind(**{name: config[name] for name in said})


def _words(kind: str, located: Located, model: LatentModel, device: torch.device, dtype: torch.dtype) -> list[Words]:
    """The two captions, by text encoders that are then let go."""
    import diffusers
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    folder, large = located.pipeline, kind == "StableDiffusionXLPipeline"
    encoders = {"text_encoder": CLIPTextModel, **({"text_encoder_2": CLIPTextModelWithProjection} if large else {})}
    parts = {name: _load(each, folder / name, dtype).to(device) for name, each in encoders.items()}
    for name in ("tokenizer", "tokenizer_2")[: 1 + large]:
        parts[name] = CLIPTokenizer.from_pretrained(folder / name, local_files_only=True)
    rest = {"vae": model.vae, "unet": model.unet, "scheduler": None}
    none = {} if large else {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = getattr(diffusers, kind)(**parts, **rest, **none)
    with torch.no_grad():
        return [_told(pipeline, caption, large, located.base.side, device) for caption in (CAPTION, CLASS_CAPTION)]


def _told(pipeline, caption: str, large: bool, side: int, device: torch.device) -> Words:
    said = pipeline.encode_prompt(caption, device=device, num_images_per_prompt=1, do_classifier_free_guidance=False)
    if not large:
        return Words(said[0], {})
    times = torch.tensor([[side, side, 0, 0, side, side]], device=device, dtype=said[0].dtype)
    return Words(said[0], {"text_embeds": said[2], "time_ids": times})
