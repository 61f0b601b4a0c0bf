"""A motion module between the layers of a base's U-Net, for frames that follow each other (Guo et al. 2024).

The module attends from frame to frame alone and was trained on many frames at once, so a single one never passes
through it: training and live streams use the U-Net without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from perfclone.backends.diffusion.windows import LENGTH
from perfclone.files.reading import shown

if TYPE_CHECKING:
    from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

#: What the module and a window of frames take on a card besides, in 16 bit, GB, about.
GIGABYTES = 5.0
#: Its own attention was trained with this noise, whatever the base's was.
SCHEDULE = {"beta_schedule": "linear"}
#: What is the same in every motion module that is known, and the most frames that one may be for.
_USUAL = {
    "motion_transformer_layers_per_block": 1, "motion_mid_block_layers_per_block": 1,
    "motion_transformer_layers_per_mid_block": 1, "conv_in_channels": None,
}  # fmt: skip
_LONGEST = 256
_BLOCKS = ("down_blocks", "mid_block", "up_blocks")


def check_motion(told: Mapping[str, Any], unet: Mapping[str, Any]) -> None:
    """Hold the settings of a motion module against those of a U-Net, before it is built.

    Raises:
        ValueError: It is one for another U-Net.
    """
    layers = {"block_out_channels": [*unet["block_out_channels"]], "motion_layers_per_block": unet["layers_per_block"]}
    for name, wanted in (_USUAL | layers).items():
        found = told.get(name, wanted)
        if found != wanted:
            raise ValueError(f"its {name} is {shown(found)}, that of the U-Net {shown(wanted)}")
    length = told.get("motion_max_seq_length", 32)
    if not isinstance(length, int) or not LENGTH <= length <= _LONGEST:
        raise ValueError(f"it is for {shown(length)} frames, wanted are {LENGTH}-{_LONGEST}")


def with_motion(unet: UNet2DConditionModel, adapter: MotionAdapter) -> UNetMotionModel:
    """A U-Net for films: the layers of one for pictures, with the LoRAs in them, and those of a motion module.

    They are shared, not copied, so whatever happens to them there happens here.
    """
    from diffusers import UNetMotionModel

    with torch.device("meta"):  # every layer of it is replaced
        film = UNetMotionModel.from_unet2d(unet, adapter, load_weights=False)
    for name, layer in unet.named_children():
        if name not in _BLOCKS:
            setattr(film, name, layer)
    for own, *others in zip(_blocks(film), _blocks(unet), _blocks(adapter)):
        for name, layers in (child for other in others if other is not None for child in other.named_children()):
            setattr(own, name, layers)
    return film.eval().requires_grad_(False)


def _blocks(model: nn.Module) -> list[nn.Module | None]:
    return [*model.down_blocks, model.mid_block, *model.up_blocks]
