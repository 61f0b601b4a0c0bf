import sys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from drawn import place, view

from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS, FollowingExtractor, Pose, PoseExtractor, build_extractor, extract
from perfclone.pose.performer import clothes

RED, BLUE, GREEN, VIOLET = (200, 40, 40), (40, 40, 200), (40, 160, 40), (160, 40, 200)
FPS = 25


@dataclass
class Frame:
    pixels: np.ndarray
    time: float


def figure(x: float, height: float) -> np.ndarray:
    """(J, 2) of somebody who stands at x, feet at y = 230."""
    across = {
        "nose": 0,
        "neck": 0,
        "shoulder": 0.12,
        "elbow": 0.15,
        "wrist": 0.16,
        "hip": 0.07,
        "knee": 0.08,
        "ankle": 0.08,
    }
    down = {"nose": 0.07, "neck": 0.18, "shoulder": 0.18, "elbow": 0.33, "wrist": 0.47, "hip": 0.5, "knee": 0.73}
    points = []
    for name in KEYPOINTS:
        part, side = name.split("_")[-1], -1 if name.startswith("right") else 1
        points.append((x + side * height * across.get(part, 0.02), 230 - height * (1 - down.get(part, 1.0))))
    return np.array(points, np.float32)


class Scripted:
    """An extractor that knows who is in the picture: reads frames in which each person is a painted figure."""

    name, batch = "scripted", 3

    def __init__(self, script: list[list[tuple[float, float, tuple[int, int, int]]]]):
        self.script = script
        self.reset()

    def frames(self):
        for i, people in enumerate(self.script):
            pixels = np.full((240, 400, 3), 128, np.uint8)
            for x, height, colour in people:
                left, right = max(0, int(x - 0.2 * height)), max(0, int(x + 0.2 * height))
                pixels[int(230 - height) : 230, left:right] = colour
            yield Frame(pixels, i / FPS)

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        found = []
        for _ in frames:
            found.append([self._pose(*person) for person in self.script[self.next]])
            self.next += 1
        return found

    def reset(self) -> None:
        self.next = 0

    def _pose(self, x: float, height: float, colour: tuple[int, int, int]) -> Pose:
        keypoints = figure(x, height)
        inside = ((keypoints >= 0) & (keypoints < (400, 240))).all(axis=1)
        return Pose(keypoints, inside.astype(np.float32))


class ScriptedFollower(Scripted):
    """One that tells only of the person it follows, once it was told whom, until that person is gone."""

    batch = 1

    def reset(self) -> None:
        super().reset()
        self.followed = None

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        colours = [colour for _, _, colour in self.script[self.next]]
        self.last = [(pose, colour) for pose, colour in zip(super().people(frames)[0], colours)]
        kept = [person for person in self.last if person[1] == self.followed]
        return [[pose for pose, _ in kept or self.last]]

    def follow(self, pose: Pose | None) -> None:
        self.followed = next((colour for other, colour in self.last if other is pose), None)


def performed(extractor: Scripted, person: int = 0) -> list[float | None]:
    """x of the performer's nose in each frame, None where absent."""
    poses = [pose for _, pose, _ in extract(extractor, extractor.frames(), person)]
    return [round(float(pose.keypoints[INDEX["nose"], 0]), 3) if pose.seen else None for pose in poses]


def test_the_largest_person_of_the_first_frame_with_anybody_stays_the_performer():
    grows = [(300, 80 + 3 * i, BLUE) for i in range(30)]
    script = [[], []] + [[grows[i], (100 + i, 120, RED)] for i in range(30)]
    assert performed(Scripted(script)) == [None, None] + [100.0 + i for i in range(30)]
    assert performed(Scripted(script), person=1) == [None, None] + [300.0] * 30


def test_two_people_who_cross_are_told_apart_by_their_clothes():
    script = [[(60 + 7 * i, 150, RED), (340 - 7 * i, 140, BLUE)] for i in range(41)]
    assert performed(Scripted(script)) == [60.0 + 7 * i for i in range(41)]
    assert performed(Scripted(script), person=1) == [340.0 - 7 * i for i in range(41)]


@pytest.mark.parametrize("kind", [Scripted, ScriptedFollower])
def test_the_performer_leaves_and_comes_back_on_the_other_side(kind):
    there = [300 + 6 * i for i in range(15)]
    back = [10 + 6 * i for i in range(15)]
    bystander = (200, 130, BLUE)
    script = [[(x, 160, RED), bystander] for x in there]
    script += [[bystander]] * 50 + [[bystander, (x, 160, RED)] for x in back]
    assert performed(kind(script)) == there + [None] * 50 + back


def test_a_bystander_alone_never_becomes_the_performer():
    script = [[(60, 160, RED), (330, 130, BLUE)]] * 5 + [[(330, 130, BLUE)]] * 200
    assert performed(Scripted(script)) == [60.0] * 5 + [None] * 200


def test_the_only_one_there_for_a_second_is_taken_up_again_in_other_clothes(caplog):
    script = [[(60, 160, RED)]] * 10 + [[]] * 20 + [[(300, 160, BLUE)]] * 60
    assert performed(Scripted(script)) == [60.0] * 10 + [None] * 45 + [300.0] * 35
    (warning,) = caplog.messages
    assert warning.startswith(
        "At 2.2 s the performer is taken up again: somebody who looks different was the only one"
    )


def test_among_several_strangers_the_most_alike_is_taken_up_after_a_longer_absence(caplog):
    several = [(60, 150, GREEN), (330, 160, BLUE)]
    script = [[(200, 160, VIOLET)]] * 10 + [several] * 200
    assert performed(Scripted(script)) == [200.0] * 10 + [None] * 125 + [330.0] * 75
    assert len(caplog.messages) == 1 and "most alike after 5 s" in caplog.messages[0]


def test_other_clothes_are_no_bystander():
    """A change of light while somebody else is there, too."""
    script = [[(60, 160, RED), (330, 130, BLUE)]] * 5 + [[(60, 160, GREEN), (330, 130, BLUE)]] * 60
    found = performed(Scripted(script))
    assert found[-30:] == [60.0] * 30 and 330.0 not in found


@pytest.mark.parametrize("kind", [Scripted, ScriptedFollower])
def test_after_a_cut_the_performer_is_known_anywhere_and_at_any_size(kind):
    wide, close = [(40, 60, RED), (100, 70, BLUE)], [(360, 60, BLUE), (250, 200, RED)]
    extractor = kind([wide] * 5 + [close] * 5 + [wide] * 5)
    rooms = [view(place(seed)) for seed in (1, 2)]
    frames = list(extractor.frames())
    for i, frame in enumerate(frames):
        room = cv2.resize(rooms[i // 5 % 2], (400, 240))
        frame.pixels = np.where(frame.pixels == 128, room, frame.pixels)
    found = list(extract(extractor, frames, person=1))
    assert [item.shot for item in found] == [0] * 5 + [1] * 5 + [2] * 5
    assert [round(float(item.pose.keypoints[0, 0])) for item in found] == [40] * 5 + [250] * 5 + [40] * 5


def test_a_second_between_two_frames_is_no_absence(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FPS", 1)
    hidden = (102, 180, BLUE)  # a ball before the clothes, in one frame of a slow video
    extractor = Scripted([[(100, 180, RED)], [(101, 180, RED)], [hidden], [(100, 180, RED)]])
    assert None not in performed(extractor)


def test_asking_for_a_person_who_is_not_there_says_how_many_there_are():
    script = [[], [(60, 160, RED), (330, 130, BLUE)]]
    with pytest.raises(UserError, match=r"Person 2 was asked for.*\(at 0.04 s\) shows 2"):
        performed(Scripted(script), person=2)


def test_nobody_at_all_gives_missing_poses_for_every_frame():
    assert performed(Scripted([[]] * 7)) == [None] * 7


def test_a_second_clip_starts_afresh():
    extractor = Scripted([[(60, 160, RED)]] * 4)
    assert performed(extractor) == performed(extractor) == [60.0] * 4


def test_clothes_are_measured_on_chest_and_thighs():
    pixels = np.full((240, 400, 3), 128, np.uint8)
    pixels[60:125], pixels[125:200] = RED, BLUE
    chest, thighs = clothes(Pose(figure(200, 200), np.ones(len(KEYPOINTS), np.float32)), pixels)
    assert chest[1] > 170 and thighs[2] < 80  # CIELAB: a of red, b of blue
    assert np.isnan(clothes(Pose.missing(), pixels)).all()


def test_protocols_and_names():
    assert isinstance(Scripted([]), PoseExtractor) and not isinstance(Scripted([]), FollowingExtractor)
    assert isinstance(ScriptedFollower([[]]), FollowingExtractor)
    with pytest.raises(UserError, match="no pose extractor 'posenet'; choose blazepose, openpose or vitpose"):
        build_extractor("posenet")
