"""How large G is."""

from __future__ import annotations

from dataclasses import dataclass

from perfclone.files.reading import shown

_LIMITS = {"resolution": 2048, "texture_channels": 8192, "texture_side": 8192}


@dataclass(frozen=True)
class GeneratorConfig:
    """The sizes of G.

    Attributes:
        resolution: Side S of its square crop, pixels; a multiple of 2 ** len(widths).
        widths: Channels of the U-Net's levels, finest (S / 2) first.
        texture_channels: Features of a texel, of actors without exemplars.
        texture_side: Texels along the side of a part's texture, of the same.
        window: Whether it is told the poses before and after.
        exemplars: How many filmed frames it may copy from; actors of formats 1 and 2 have none.
        exemplar_bytes: Bytes that these take in the file.
        face_marks: Points of the face that are known of each of them; 0 where no face was looked for.
        hand_points: Points of a hand that are known of each; 0 where no hand was found.
    """

    resolution: int = 256
    widths: tuple[int, ...] = (24, 48, 96, 160)
    texture_channels: int = 12
    texture_side: int = 32
    window: bool = True
    exemplars: int = 0
    exemplar_bytes: int = 0
    face_marks: int = 0
    hand_points: int = 0

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))
        for name, most in _LIMITS.items():
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in 1-{most}, got {shown(getattr(self, name))}")
        counts = (("exemplars", 1024), ("exemplar_bytes", 64 << 20), ("face_marks", 478), ("hand_points", 21))
        for name, most in counts:
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in 0-{most}, got {shown(getattr(self, name))}")
        whole = all(isinstance(width, int) for width in self.widths)
        if not 2 <= len(self.widths) <= 8 or not whole or max(self.widths) > 2048 or min(self.widths) < 8:
            raise ValueError(f"widths must be 2-8 whole numbers in 8-2048, got {shown(self.widths)}")
        if self.resolution % 2 ** len(self.widths):
            raise ValueError(f"resolution must be a multiple of {2 ** len(self.widths)}, got {self.resolution}")


@dataclass(frozen=True)
class Preset:
    """A usual size of G, and of its training.

    Attributes:
        generator: The sizes of G.
        batch: Clips a step and process.
    """

    generator: GeneratorConfig
    batch: int = 4


PRESETS: dict[str, Preset] = {
    "tiny": Preset(GeneratorConfig(128, (16, 32, 64, 96))),
    "base": Preset(GeneratorConfig(256, (16, 32, 64, 128))),
    "hd": Preset(GeneratorConfig(512, (16, 32, 64, 96, 160))),
}
