"""EfficientNet-Lite0 whole (Tan and Le 2019, Lite variant): what is in a picture, as one vector.

Built from the same blocks and weights as the perceptual features of the training.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.training.perceptual import STAGES, WEIGHTS, SameConv, normalise, stage_blocks

#: Side of the pictures that the published weights were trained on, pixels.
SIDE = 224


class PooledEfficientNet(nn.Module):
    """What the classifier of EfficientNet-Lite0 would look at, frozen.

    Attributes:
        num_features: Length of the vector.

    Raises:
        UserError: The package with the weights is not installed.
    """

    num_features = 1280

    def __init__(self):
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self._blocks = stage_blocks(STAGES)
        self._conv_head = SameConv(320, self.num_features, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(self.num_features, eps=1e-3)
        WEIGHTS.fill(self, "The distance of two sets of pictures")
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> PooledEfficientNet:
        """Stay in evaluation mode: the statistics belong to the weights."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 RGB of any size -> (B, 1280) float32.

        Frames are resized to 224 x 224, bilinear and antialiased; what is not square is squeezed, as FID does.
        """
        x = F.interpolate(x.float() / 255, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        x = F.relu6(self._bn0(self._conv_stem(normalise(x))))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
