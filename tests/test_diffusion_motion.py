"""A motion module in the base: frames that follow each other are refined together, others as without.

Everything is of the classes that real bases are loaded with, tiny and with random weights; no real motion module was
ever run here.
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    LCMScheduler,
    MotionAdapter,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tiny import edit_json, poses, untrained_actor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from perfclone.actor import Actor
from perfclone.backends.diffusion import lora, painter, refining
from perfclone.backends.diffusion.bases import BASES, Base
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.diffusion.locating import locate
from perfclone.backends.diffusion.model import LatentModel
from perfclone.backends.diffusion.windows import LENGTH, OVERLAP, windowed
from perfclone.errors import UserError

SIDE = 64
CPU = torch.device("cpu")


def text(folder):
    """A text encoder that spells, and its tokenizer."""
    folder.mkdir(parents=True)
    words = [chr(code) + end for end in ("", "</w>") for code in range(33, 127)] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=32, bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=0,
    )  # fmt: skip
    return CLIPTextModel(config), CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=32
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a base at ``bases/small`` and a motion module for it at ``motion``."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("built")
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, norm_num_groups=4,
        block_out_channels=(8, 8, 8), layers_per_block=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2, sample_size=SIDE // 4,
    )  # fmt: skip
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8))
    for part in (*control.controlnet_down_blocks, control.controlnet_mid_block):
        torch.nn.init.normal_(part.weight, 0, 0.1)  # zero by itself
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    place = folder / "bases" / "small"
    StableDiffusionPipeline(
        vae, *text(place / "tokenizer"), unet, scheduler, None, None, requires_safety_checker=False
    ).save_pretrained(place)
    control.save_pretrained(place / "controlnet")
    motion = MotionAdapter((8, 16), motion_layers_per_block=1, motion_num_attention_heads=2, motion_norm_num_groups=4)
    for name, each in motion.named_parameters():
        if name.endswith("proj_out.weight"):
            torch.nn.init.normal_(each, 0, 0.5)  # by itself it says little
    motion.save_pretrained(folder / "motion")
    return folder


@pytest.fixture(autouse=True)
def located(built, monkeypatch):
    """Where that base is."""
    torch.set_num_threads(1)
    monkeypatch.setattr(Base, "folder", built / "bases" / "small")
    monkeypatch.setitem(BASES, "small", replace(BASES["small"], side=SIDE))
    return locate("small")._replace(motion=built / "motion")


def film_model(located, **options):
    """The base with the motion module, and a LoRA that is not zero."""
    model = LatentModel(located, 2, CPU, torch.float32, films=True, **options)
    made = torch.Generator().manual_seed(1)
    lora.fill(model.lora, {name: torch.randn(each.shape, generator=made) * 0.2 for name, each in model.lora.items()})
    return model


def shown(model, count=5):
    """Noisy latents and pictures of poses."""
    made = torch.Generator().manual_seed(2)
    side = SIDE // model.factor
    return torch.randn(count, 4, side, side, generator=made), torch.rand(count, 3, SIDE, SIDE, generator=made)


@torch.no_grad()
def test_alone_a_frame_is_what_it_was_without(located):
    film, plain = film_model(located), LatentModel(located, 2, CPU, torch.float32)
    assert plain.film is None
    assert {name: each.shape for name, each in film.lora.items()} == lora.shapes(BASES["small"].architecture, 2)
    lora.fill(plain.lora, film.lora)
    latents, drawn = shown(film)
    said = [model.predict(latents, 300, model.caption, drawn) for model in (film, plain)]
    torch.testing.assert_close(*said, rtol=0, atol=0)


@torch.no_grad()
def test_the_layers_are_shared_and_the_lora_is_in_those_of_space_alone(located):
    model = film_model(located)
    inside = dict(model.film.named_parameters())
    assert {id(each) for each in model.unet.parameters()} < {id(each) for each in inside.values()}
    assert not any(each.is_meta for each in [*inside.values(), *model.film.buffers()])
    added = [name for name in inside if lora.NAME in name]
    assert len(added) == len(model.lora) and not any("motion_modules" in name for name in added)
    assert any("motion_modules" in name for name in inside)


@torch.no_grad()
def test_a_module_that_says_nothing_leaves_every_frame_as_it_is_alone(located):
    model = film_model(located)
    for name, each in model.film.named_parameters():
        if "motion_modules" in name and "proj_out" in name and "transformer" not in name:
            each.zero_()
    latents, drawn = shown(model)
    alone = model.predict(latents, 300, model.caption, drawn)
    together = model.predict(latents, 300, model.caption, drawn, together=True)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_together_frames_know_of_each_other(located):
    model = film_model(located)
    latents, drawn = shown(model)
    other = latents.clone()
    other[0] += 1
    for together in (False, True):
        before, after = (model.predict(each, 300, model.caption, drawn, together) for each in (latents, other))
        assert ((before - after)[1:].abs().max() > 1e-4) == together


@torch.no_grad()
def test_what_lcm_adds_between_its_steps_is_of_the_noise_that_is_attached(located, monkeypatch):
    model = film_model(located)
    model.scheduler = LCMScheduler.from_config(model.scheduler.config)
    latents, drawn = shown(model, 2)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(3))
    made = refining.denoise(model, latents, drawn, noise, 0.6, 2)
    monkeypatch.setattr(refining, "_SEED", 1)
    again = refining.denoise(model, latents.flip(0), drawn.flip(0), noise.flip(0), 0.6, 2)
    torch.testing.assert_close(again.flip(0), made, rtol=1e-4, atol=1e-5)
    once = refining.denoise(model, latents, drawn, noise, 0.3, 1)
    assert (once - made).abs().max() > 1e-3


def test_where_the_memory_is_short_frames_are_refined_one_by_one(located):
    base = replace(located.base, gigabytes=5.0)
    assert LatentModel(located._replace(base=base), 2, CPU, torch.float32, 6.0, films=True).film is None
    assert film_model(located, memory=12.0).film


@pytest.mark.parametrize("change, words", [
    ({"block_out_channels": (8, 8)}, "its block_out_channels is"),
    ({"motion_layers_per_block": 10**6}, "its motion_layers_per_block is 1000000"),
    ({"motion_transformer_layers_per_block": 10**6}, "its motion_transformer_layers_per_block is"),
    ({"motion_max_seq_length": 8}, "it is for 8 frames"),
    ({"conv_in_channels": 9}, "its conv_in_channels is 9"),
])  # fmt: skip
def test_a_module_for_another_base_is_refused_before_it_is_built(located, tmp_path, change, words):
    shutil.copytree(located.motion, tmp_path, dirs_exist_ok=True)
    edit_json(tmp_path / "config.json", **change)
    with pytest.raises(UserError, match=words):
        film_model(located._replace(motion=tmp_path))


def actor():
    """An actor of this backend with random weights, who stands where the clip's person does."""
    layered = untrained_actor()
    how = DiffusionConfig(**vars(layered.config.generator), base="small", rank=2, strength=0.6)
    made = Actor(replace(layered.config, backend="diffusion", preset="small", generator=how))
    made.generator.guide.load_state_dict(layered.generator.state_dict())
    made.plate.copy_(layered.plate)
    for tensor in made.generator.lora.parameters():
        torch.nn.init.normal_(tensor, 0, 0.1)
    return made.eval()


@pytest.fixture
def filming(located, monkeypatch):
    """A painter of that actor, with the motion module."""
    monkeypatch.setattr(painter, "located_of", lambda config: located)
    return painter.DiffusionPainter(actor(), device="cpu")


def test_a_clip_is_painted_in_windows_and_a_live_stream_is_not(filming):
    moments = list(poses(18).moments())
    sizes, together = [], filming._together
    filming._together = lambda window: sizes.append(len(window)) or together(window)
    made = list(filming.paint(iter(moments)))
    assert [each.time for each in made] == [each.time for each in moments] and sizes == [16, 16]
    live, _ = filming.step(moments[0], moments[0], moments[1])
    assert sizes == [16, 16] and np.abs(live.pixels.astype(int) - made[0].pixels).max() > 0
    plate = filming.guide.plate
    assert (made[9].pixels[:4] == plate[:4]).all() and (made[9].pixels != plate).any()


def test_a_cut_a_gap_and_an_absence_end_a_window(filming):
    moments = list(poses(14).moments())
    nobody = replace(moments[3].pose, scores=np.zeros_like(moments[3].pose.scores))
    moments[3] = moments[3]._replace(pose=nobody)
    moments[6:] = [each._replace(shot=1) for each in moments[6:]]
    moments[10:] = [each._replace(time=each.time + 1) for each in moments[10:]]
    sizes, together = [], filming._together
    filming._together = lambda window: sizes.append(len(window)) or together(window)
    made = list(filming.paint(iter(moments)))
    assert [each.time for each in made] == [each.time for each in moments] and sizes == [3, 1, 2, 4, 4]
    assert (made[3].pixels == filming.guide.plate).all()


def seam(told, whole):
    """How much more corrections change from frame to frame than those that were made in one window.

    Args:
        told: T corrections, (1, 3, S, S) each.
        whole: The same of one window.

    Returns:
        (T - 1,) mean over the pixels, as a share of what is corrected at all.
    """
    told, whole = torch.cat(told), torch.cat(whole)
    more = (told[1:] - told[:-1]) - (whole[1:] - whole[:-1])
    return (more.abs().mean((1, 2, 3)) / whole.abs().mean()).numpy()


def test_at_the_seam_of_windows_nothing_jumps(filming):
    frames = list(filming._sketches(poses(28).moments()))
    parted = lambda length: [said for _, said in windowed(frames, lambda _: False, filming._together, length)]  # noqa: E731
    whole = parted(28)
    abutting = filming._together(frames[:14]) + filming._together(frames[14:])
    border, shared = seam(abutting, whole), seam(parted(LENGTH), whole)[LENGTH - OVERLAP - 1 : LENGTH]
    assert border[13] > 2 * border.mean()
    assert shared.max() < 0.5 * border[13] and shared.max() < 0.05
