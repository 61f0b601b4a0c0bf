"""Tiny bases of the real classes, with random weights, as they lie on the Hub: a Stable Diffusion and an SDXL."""

import atexit
import json
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    EulerAncestralDiscreteScheduler,
    MotionAdapter,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save
from tiny import SavedPoses, train_tiny, untrained_actor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.diffusion.locating import Located
from perfclone.pipeline import PerformanceCloner

SIDE, WORDS = 64, 16
#: The U-Nets, small enough that a step takes milliseconds.
SD = {
    "sample_size": 8, "block_out_channels": (8, 16), "layers_per_block": 1, "cross_attention_dim": WORDS,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "norm_num_groups": 4, "attention_head_dim": 2,
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}  # fmt: skip
XL = {
    **SD, "cross_attention_dim": 2 * WORDS, "use_linear_projection": True, "transformer_layers_per_block": (1, 2),
    "attention_head_dim": (2, 4), "addition_embed_type": "text_time", "addition_time_embed_dim": 4,
    "projection_class_embeddings_input_dim": 6 * 4 + WORDS,
}  # fmt: skip
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
#: Commits of a base that is on no Hub.
COMMITS = {"base_commit": "a" * 40, "control_commit": "b" * 40, "fast_commit": "c" * 40, "motion_commit": "d" * 40}
UNET = "unet/diffusion_pytorch_model.safetensors"


@cache
def published(name):
    """The repositories of a base of the table, repository -> file name -> content, laid out as the real ones are."""
    torch.manual_seed(0)
    folder = Path(tempfile.mkdtemp(prefix="perfclone-base-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    unet = UNet2DConditionModel(**(XL if name == "sdxl-turbo" else SD))
    pipeline(name, unet, folder / "tokens").save_pretrained(folder / "base")
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8))
    for part in (*control.controlnet_down_blocks, control.controlnet_mid_block):
        torch.nn.init.normal_(part.weight, 0, 0.1)  # zero by itself
    control.save_pretrained(folder / "control")
    base = BASES[name]
    files = {base.repo: read(folder / "base"), base.control: read(folder / "control")}
    # What else lies in the real ones, never to be fetched.
    files[base.repo] |= {"v1-5-pruned-emaonly.ckpt": b"pickle", "v1-5-pruned-emaonly.safetensors": b"all of it"}
    files[base.control] |= {"diffusion_pytorch_model.bin": b"pickle", "control_net_open_pose.py": b"raise SystemExit"}
    if base.fast:
        files[base.fast] = {"pytorch_lora_weights.safetensors": save(fast(unet))}
    if base.motion:
        sizes = {"motion_layers_per_block": 1, "motion_num_attention_heads": 2, "motion_norm_num_groups": 4}
        MotionAdapter(SD["block_out_channels"], **sizes).save_pretrained(folder / "motion", variant="fp16")
        files[base.motion] = read(folder / "motion") | {"AnimateLCM_sd15_t2v.ckpt": b"pickle"}
    return files


def pipeline(name, unet, folder):
    """A pipeline with all that it has but a safety checker."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, norm_num_groups=4,
        block_out_channels=(4, 4, 8, 8), layers_per_block=1, sample_size=SIDE,
    )  # fmt: skip
    if name == "sdxl-turbo":
        scheduler = EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="trailing")
        words = (text(folder)[0], text(folder, CLIPTextModelWithProjection)[0], tokens(folder), tokens(folder))
        return StableDiffusionXLPipeline(vae, *words, unet, scheduler)
    scheduler = PNDMScheduler(**BETAS, skip_prk_steps=True, set_alpha_to_one=False)
    none = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return StableDiffusionPipeline(vae, *text(folder), unet, scheduler, **none)


def tokens(folder):
    """A tokenizer that spells."""
    folder.mkdir(exist_ok=True)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=32)


def text(folder, kind=CLIPTextModel):
    """A text encoder, and its tokenizer."""
    tokenizer = tokens(folder)
    end = len(tokenizer) - 1
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WORDS, intermediate_size=WORDS, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=32, projection_dim=WORDS, bos_token_id=end - 1,
        eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    return kind(config), tokenizer


def fast(unet, rank=2):
    """A LoRA for few steps, its tensors named as those of latent-consistency/lcm-lora-sdv1-5 are."""
    made = torch.Generator().manual_seed(1)
    tensors = {}
    for name, layer in unet.named_modules():
        if name.endswith(lora.TARGETS):
            called = f"lora_unet_{name.replace('.', '_')}"
            tensors[f"{called}.lora_down.weight"] = torch.randn(rank, layer.in_features, generator=made)
            tensors[f"{called}.lora_up.weight"] = torch.randn(layer.out_features, rank, generator=made) * 0.1
            tensors[f"{called}.alpha"] = torch.tensor(float(rank))
    return tensors


def read(folder):
    """What a folder holds, name -> content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shrink_bases(monkeypatch):
    """Make the bases of the table as small as these are, at the repositories that they have."""
    for name, unet in (("sd15", SD), ("sdxl-turbo", XL)):
        monkeypatch.setitem(BASES, name, replace(BASES[name], side=SIDE, unet=unet, gigabytes=0.1, batch=2))


def repositories(name="sd15", change=None):
    """The repositories of a base of the table.

    Args:
        name: Of the base.
        change: Repository -> file name -> content, in the place of what is there; None drops a file.

    Returns:
        Part, as :attr:`Base.repos` calls it -> repository, and file name -> content.
    """
    base, found = BASES[name], {}
    for part, repo in base.repos.items():
        if repo:
            files = {**published(name)[repo], **(change or {}).get(repo, {})}
            found[part] = repo, {name: data for name, data in files.items() if data is not None}
    return found


def publish_base(loopback, name="sd15", change=None):
    """Put the repositories onto the loopback Hub; their commits, as a :class:`DiffusionConfig` has them."""
    found = repositories(name, change)
    return {f"{part}_commit": loopback.put(*repository) for part, repository in found.items()}


def lay_out(folder, name="sd15", change=None):
    """Put the repositories into a folder, as if they were fetched."""
    for part, (_, files) in repositories(name, change).items():
        for path, data in files.items():
            (folder / part / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / part / path).write_bytes(data)
    parts = (folder / part if repo else None for part, repo in BASES[name].repos.items())
    return Located(BASES[name], *parts, {})


def untrained(commits, name="sd15", **changes):
    """An actor of this backend with random weights and a record, who stands where the clip's person does."""
    layered = untrained_actor()
    sizes = {**vars(layered.config.generator), **commits, "base": name, "rank": 2, **changes}
    config = replace(layered.config, backend="diffusion", preset=name, generator=DiffusionConfig(**sizes))
    actor = type(layered)(config)
    actor.generator.guide.load_state_dict(layered.generator.state_dict())
    for tensor in actor.generator.lora.parameters():
        torch.nn.init.normal_(tensor, 0, 0.2)
    for name in ("plate", "pose_bank", "pose_bank_scores"):
        getattr(actor, name).copy_(getattr(layered, name))
    actor.consent = layered.consent
    return actor.eval()


def train_diffusion(reference, output, changes=None, **options):
    """Train a LoRA for a moment, with the true poses."""
    return train_tiny(reference, output, {"steps": 4, "backend": "diffusion", **(changes or {})}, **options)


def cloner(actor):
    """An actor who can perform the clip."""
    if isinstance(actor, str) or hasattr(actor, "joinpath"):
        made = PerformanceCloner.from_pretrained(actor, device="cpu")
        made._extractor = SavedPoses()
        return made
    return PerformanceCloner(actor, SavedPoses(), "cpu")
