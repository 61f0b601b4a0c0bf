"""What the settings of a base say, held against the table before anything is built of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from perfclone.backends.diffusion.fetch import INDEX, PARTS, SMALL
from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited, shown

#: Pipelines that are known, and the library and the class of each part; any scheduler's settings will do.
PIPELINES = {"StableDiffusionPipeline": 1, "StableDiffusionXLPipeline": 2}
_CLASSES = {
    "unet": ("diffusers", "UNet2DConditionModel"), "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"), "tokenizer": ("transformers", "CLIPTokenizer"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer_2": ("transformers", "CLIPTokenizer"),
}  # fmt: skip
#: Settings by which a library would run or read something else.
_FOREIGN = frozenset({"auto_map", "quantization_config", "custom_pipelines"})
#: In what of a U-Net a ControlNet must be like it.
_SHARED = ("in_channels", "block_out_channels", "layers_per_block", "down_block_types", "cross_attention_dim",
           "transformer_layers_per_block")  # fmt: skip
_STEPS = 10_000


def check_pipeline(folder: Path) -> str:
    """Give the class of the pipeline in a folder.

    Raises:
        UserError: It or a part of it is of a class that is not known.
    """
    index = settings(folder / INDEX)
    kind = index.get("_class_name")
    if kind not in list(PIPELINES):  # it may be of any type
        raise UserError(
            f"{folder} holds a pipeline {shown(kind)}, known are {', '.join(PIPELINES)}; use another base."
        )
    for part in parts_of(kind):
        told, known = index.get(part), _CLASSES.get(part)
        good = told == list(known) if known else isinstance(told, list) and told[:1] == ["diffusers"]
        if not good:
            wanted = ".".join(known) if known else "one of diffusers"
            raise UserError(f"{folder} asks for a {part} {shown(told)}, known is {wanted}; use another base.")
        for path in (folder / part).glob("*config.json"):
            settings(path)
    return kind


def parts_of(kind: str) -> list[str]:
    """The parts that a pipeline of a class has."""
    return [part for part in PARTS if PIPELINES[kind] == 2 or not part.endswith("_2")]


def check_unet(folder: Path, architecture: Mapping[str, Any]) -> None:
    """Refuse a U-Net of another shape than the table says."""
    from diffusers import UNet2DConditionModel

    told = settings(folder / "config.json")
    names = {*signature(UNet2DConditionModel.__init__).parameters} - {"self", "sample_size"}
    _hold(folder, "U-Net", told, architecture, names, UNet2DConditionModel)


def check_control(folder: Path, architecture: Mapping[str, Any]) -> None:
    """Refuse a ControlNet that does not go with a U-Net."""
    from diffusers import ControlNetModel

    told = settings(folder / "config.json")
    if told.get("_class_name") != "ControlNetModel":
        raise UserError(f"{folder} holds a {shown(told.get('_class_name'))}, no ControlNetModel; use another base.")
    _hold(folder, "ControlNet", told, architecture, _SHARED, ControlNetModel)


def check_scheduler(folder: Path) -> None:
    """Refuse a schedule with which nothing here would know what to do."""
    told = settings(folder / "scheduler_config.json")
    steps, predicts = told.get("num_train_timesteps", 1000), told.get("prediction_type", "epsilon")
    if type(steps) is not int or not 1 <= steps <= _STEPS:
        raise UserError(f"{folder} asks for {shown(steps)} timesteps, at most {_STEPS} are known; use another base.")
    if predicts not in ("epsilon", "v_prediction"):
        raise UserError(f"{folder} predicts {shown(predicts)}, known are epsilon and v_prediction; use another base.")


def settings(path: Path) -> dict[str, Any]:
    """Read a file of settings.

    Raises:
        UserError: It is none, or asks for what is not known here.
    """
    told = parse_json(read_limited(path, SMALL, "file of a base"), f"The file {path}")
    if not isinstance(told, dict):
        raise UserError(f"{path} holds no settings; use another base.")
    if foreign := sorted(_FOREIGN & set(told)):
        raise UserError(f"{path} asks for {foreign[0]}, which is not known here; use another base.")
    return told


def _hold(
    folder: Path, what: str, told: Mapping[str, Any], known: Mapping[str, Any], names: Iterable[str], kind: type
) -> None:
    """Hold settings against those of the table; what neither says is the class's default."""
    usual = {name: each.default for name, each in signature(kind.__init__).parameters.items()}
    for name in sorted(names):
        found, wanted = (_plain(each.get(name, usual.get(name))) for each in (told, known))
        if found != wanted:
            raise UserError(
                f"The {what} in {folder} has {name} {shown(found)}, this base has {shown(wanted)}; use another base."
            )


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is off, empty or not said is the same."""
    return (list(value) if isinstance(value, tuple) else value) or None
