"""The actor's LoRA (Hu et al. 2021): low-rank changes of the attention in a base's U-Net, named as peft names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

#: The layers of attention that are changed, and what the change is called inside the U-Net.
TARGETS, NAME = ("to_q", "to_k", "to_v", "to_out.0"), "actor"


def shapes(architecture: Mapping[str, Any], rank: int) -> dict[str, tuple[int, int]]:
    """The tensors of a LoRA of a U-Net.

    Args:
        architecture: What ``UNet2DConditionModel`` is built from; nothing is allocated.
        rank: Of the change.

    Returns:
        Name -> shape: (rank, in) of each ``lora_A.weight``, (out, rank) of each ``lora_B.weight``.
    """
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(**architecture)
    found = {}
    for name, layer in unet.named_modules():
        if name.endswith(TARGETS):
            found[f"{name}.lora_A.weight"] = rank, layer.in_features
            found[f"{name}.lora_B.weight"] = layer.out_features, rank
    return found


def nested(tensors: Mapping[str, tuple[int, int]]) -> nn.Module:
    """A module that does nothing but hold parameters of dotted names, all zero."""
    root = nn.Module()
    for name, shape in tensors.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]
        module.register_parameter(last, nn.Parameter(torch.zeros(shape)))
    return root


def insert(unet: UNet2DConditionModel, rank: int) -> dict[str, nn.Parameter]:
    """Put a LoRA that changes nothing yet into a U-Net, which is frozen else.

    Returns:
        Name, as :func:`shapes` has it -> the parameter.
    """
    from peft import LoraConfig

    unet.requires_grad_(False)
    how = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(TARGETS))
    unet.add_adapter(how, NAME)
    named = dict(unet.named_parameters())
    return {name.replace(f".{NAME}.", "."): value for name, value in named.items() if f".{NAME}." in name}


def fuse(unet: UNet2DConditionModel, folder: Path) -> None:
    """Let a LoRA for few steps become part of a U-Net, whether its tensors are named as kohya's or as peft's are.

    Raises:
        ValueError: It is of another U-Net, or not finite.
    """
    from diffusers import StableDiffusionPipeline
    from peft.tuners.tuners_utils import BaseTunerLayer

    how = {"weight_name": "pytorch_lora_weights.safetensors", "use_safetensors": True, "local_files_only": True}
    tensors, alphas = StableDiffusionPipeline.lora_state_dict(folder, unet_config=unet.config, **how)
    check_finite({**tensors, **{name: torch.tensor(value) for name, value in (alphas or {}).items()}})
    unet.load_lora_adapter(tensors, prefix="unet", network_alphas=alphas)
    changed = sum(isinstance(layer, BaseTunerLayer) for layer in unet.modules())
    if not changed or len(tensors) != 2 * changed:
        raise ValueError(f"{len(tensors)} tensors of a LoRA do not go with {changed} layers of the U-Net")
    unet.fuse_lora()
    unet.unload_lora()


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that hold NaN or infinity.

    Raises:
        ValueError: One does.
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value.sum(dtype=torch.float32)):
            raise ValueError(f"{name} holds values that are not finite")


@torch.no_grad()
def fill(parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor]) -> None:
    """Give a LoRA its values; the names are those of both."""
    for name, parameter in parameters.items():
        parameter.copy_(tensors[name])
