"""What an actor of this backend learnt: G, which paints first, and the LoRA."""

from __future__ import annotations

from torch import nn

from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.layered.generator import Generator


class DiffusionNetwork(nn.Module):
    """Holds the tensors; who refines with them is :class:`perfclone.backends.diffusion.painter.DiffusionPainter`.

    Args:
        config: Its sizes.

    Attributes:
        guide: G, with the exemplars.
        lora: The actor's LoRA, its parameters named as peft names them in a U-Net.
    """

    def __init__(self, config: DiffusionConfig):
        super().__init__()
        self.config = config
        self.guide = Generator(config)
        self.lora = lora.nested(lora.shapes(BASES[config.base].architecture, config.rank))
