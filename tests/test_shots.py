import cv2
import numpy as np
import pytest
from drawn import place, view

from perfclone.video.shots import Shots


def person(picture: np.ndarray, x: float, y: float = 90, colour=(200, 40, 40)) -> np.ndarray:
    """The picture with a figure of 120 pixels before it."""
    picture = picture.copy()
    cv2.ellipse(picture, (int(x), int(y)), (22, 45), 0, 0, 360, colour, -1)
    cv2.circle(picture, (int(x), int(y) - 55), 14, (220, 180, 160), -1)
    return picture


def light(picture: np.ndarray, gain: float, offset: float = 0.0) -> np.ndarray:
    return (picture * gain + offset).clip(0, 255).astype(np.uint8)


def counted(frames: list[np.ndarray]) -> list[int]:
    """The shots of frames, with some noise."""
    shots, rng = Shots(), np.random.default_rng(0)
    return [shots((frame + rng.normal(0, 4, frame.shape)).clip(0, 255).astype(np.uint8)) for frame in frames]


HOME = view(place(1))
T = np.arange(30)
ONE_SHOT = {
    "still": [HOME] * 30,
    "fast motion": [person(HOME, 160 + 110 * np.sin(t)) for t in T],
    "close by": [person(cv2.resize(HOME, (106, 60)), 50 + 30 * np.sin(t / 3), 40) for t in T],
    "flash": [light(HOME, 1, 200 * (t == 15) + 60 * (t == 20)) for t in T],
    "flicker": [light(HOME, 0.7 + 0.3 * (t % 2)) for t in T],
    "fade to black and back": [light(HOME, abs(t - 15) / 15) for t in T],
    "light out": [light(HOME, 0.25 if t > 12 else 1) for t in T],
    "shake": [view(place(1), *np.random.default_rng(t).normal(0, 6, 2)) for t in T],
    "zoom": [view(place(1), zoom=1 + t / 30) for t in T],
    "pan": [view(place(1), x=9 * t - 130) for t in T],
    "captions": [cv2.rectangle(HOME.copy(), (20, 140), (300, 175), [255 * int(t // 5 % 2)] * 3, -1) for t in T],
}


@pytest.mark.parametrize("kind", ONE_SHOT)
def test_no_movement_light_or_caption_is_a_cut(kind):
    assert counted(ONE_SHOT[kind]) == [0] * 30


def test_every_cut_counts_whatever_is_between():
    black = np.zeros_like(HOME)
    rooms = [person(view(place(seed)), 100 + 20 * seed) for seed in (1, 2, 3, 4)]
    frames = [rooms[0]] * 5 + [rooms[1]] * 5 + [black] * 3 + [rooms[2]] * 5 + [rooms[3]] + [rooms[0]] * 2
    assert counted(frames) == [0] * 5 + [1] * 8 + [2] * 5 + [3] + [4] * 2


def test_a_cut_to_another_angle_and_a_close_up():
    scene = place(5)
    wide, close, beside = view(scene), view(scene, zoom=2.2), view(scene, x=150, y=80)
    assert counted([wide] * 4 + [close] * 4 + [beside] * 4) == [0] * 4 + [1] * 4 + [2] * 4


def test_a_blackout_alone_is_no_cut():
    assert counted([HOME] * 3 + [np.zeros_like(HOME)] * 4 + [HOME] * 3) == [0] * 10
