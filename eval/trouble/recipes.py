"""What can go wrong with a clip: one thing at a time, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Place = Literal["room", "wall", "studio"]
Path = Literal["still", "shake", "drift", "zoom", "pan", "bump"]
Company = Literal["nobody", "standing", "crossing"]
Cut = Literal["none", "same place", "other place"]

#: What of the person the picture shows, in heights of the person from the crown down: (upper edge, lower edge).
WHOLE, HEAD_CROPPED, KNEES_UP, WAIST_UP = (-0.18, 1.12), (0.12, 1.12), (-0.15, 0.8), (-0.15, 0.5)


def far(pixels: float) -> tuple[float, float]:
    """The framing in which the person is so many pixels of 1080 high."""
    heights = 1080 / pixels
    return (-0.65 * (heights - 1), 1 + 0.35 * (heights - 1))


@dataclass(frozen=True)
class Trouble:
    """One clip's circumstances; unless something else is said, a tripod in a furnished room.

    Attributes:
        place: What is behind the person: "room", a "wall" without texture, or a white "studio".
        framing: Upper and lower edge of the picture, in heights of the person from the crown down.
        path: What the camera does.
        tracking: Metres that the camera travels sideways with the person, for whom the background slides past.
        noise: Standard deviation of the sensor noise, 8-bit levels.
        crf: x264's constant rate factor.
        captions: Whether words that change are burnt in at the bottom.
        lamp: By what share a lamp's light flickers.
        exposure: By what share the exposure drifts up and down.
        shadow: How much light a soft shadow takes that wanders over the background, [0, 1].
        screen: Whether a screen runs on the wall.
        company: A second person, farther away.
        cut: Whether there are cuts: to a closer view of the same place at half-time, or to another place in the
            middle third.
        blackout_s: Seconds of black at half-time.
        interlaced: Whether each frame holds two fields of two moments, the upper one first.
    """

    place: Place = "room"
    framing: tuple[float, float] = WHOLE
    path: Path = "still"
    tracking: float = 0.0
    noise: float = 1.0
    crf: int = 20
    captions: bool = False
    lamp: float = 0.0
    exposure: float = 0.0
    shadow: float = 0.0
    screen: bool = False
    company: Company = "nobody"
    cut: Cut = "none"
    blackout_s: float = 0.0
    interlaced: bool = False

    def __post_init__(self):
        for name, kind in {"place": Place, "path": Path, "company": Company, "cut": Cut}.items():
            if getattr(self, name) not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {getattr(self, name)!r}")
        if not self.framing[1] - self.framing[0] > 0.1:
            raise ValueError(f"framing must be an upper and a lower edge below it, got {self.framing}")
        if min(self.noise, self.lamp, self.exposure, self.shadow, self.blackout_s, self.tracking) < 0:
            raise ValueError("noise, lamp, exposure, shadow, blackout_s and tracking must not be negative")
        if not 0 <= self.crf <= 51:
            raise ValueError(f"crf must lie in 0-51, got {self.crf}")


#: The ordinary troubles by name; "tripod" is the one without any.
TROUBLES: dict[str, Trouble] = {
    "tripod": Trouble(),
    "plain_wall": Trouble("wall", noise=2.0, crf=30),
    "white_studio": Trouble("studio", noise=2.0, crf=30),
    "noise": Trouble(noise=6.0, crf=30),
    "shake": Trouble(path="shake"),
    "drift": Trouble(path="drift"),
    "zoom": Trouble(path="zoom"),
    "pan": Trouble(path="pan"),
    "bump": Trouble(path="bump"),
    "shake_at_a_wall": Trouble("wall", path="shake", crf=30),
    "tracking": Trouble(tracking=4.0),
    "captions": Trouble(captions=True),
    "lamp": Trouble(lamp=0.15),
    "exposure": Trouble(exposure=0.2),
    "shadow": Trouble("wall", shadow=0.25),
    "screen": Trouble(screen=True),
    "bystander_standing": Trouble(company="standing"),
    "bystander_crossing": Trouble(company="crossing"),
    "cut_same_place": Trouble(cut="same place"),
    "cut_other_place": Trouble(cut="other place"),
    "blackout": Trouble(blackout_s=0.5),
    "interlaced": Trouble(interlaced=True),
    "knees_up": Trouble(framing=KNEES_UP),
    "waist_up": Trouble(framing=WAIST_UP),
    "head_cropped": Trouble(framing=HEAD_CROPPED),
    "far_240": Trouble(framing=far(240)),
    "far_160": Trouble(framing=far(160)),
}
