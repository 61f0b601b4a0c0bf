import re
from pathlib import Path

import numpy as np
import pytest

from eval.people import acting, daylight, rooms, tracer
from eval.people.cast import CAST
from eval.people.motion import SPEECH

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LICENCES = (EXAMPLES / "clips" / "LICENCES.md").read_text()
ACTIONS = tuple(sorted({
    *SPEECH, "browInnerUp", *(name + side for side in ("Left", "Right") for name in (
        "mouthSmile", "cheekSquint", "eyeSquint", "mouthUpperUp", "browOuterUp", "eyeBlink", "eyeLookUp",
        "eyeLookDown", "eyeLookIn", "eyeLookOut")),
}))  # fmt: skip


@pytest.mark.parametrize("name", CAST)
def test_what_the_cast_wears_is_credited_where_the_clips_are(name):
    for piece in CAST[name].look.pieces:
        assert f"`{piece.name}`" in LICENCES, f"{name} wears {piece.name}, which no licence names"
    everything = (EXAMPLES.parent / "eval" / "people" / "LICENCES.md").read_text()
    rows = [row for row in everything.splitlines() if "CC BY" in row and row.startswith("|")]
    for row in rows:
        what, _, author, licence = (cell.strip() for cell in row.strip("|").split("|"))
        if any(re.search(rf"\b{piece.name}\b", what) for piece in CAST[name].look.pieces):
            credited = [line for line in LICENCES.splitlines() if author in line and licence in line]
            assert credited, f"{author} is not named for what {name} wears"
            assert author in (EXAMPLES / "actors" / name / "README.md").read_text()


def test_faces_blink_and_talk_and_smile_and_everybody_does_it_at_the_same_time():
    faces = np.array([acting.moment(n / 30, ACTIONS)[1] for n in range(720)])
    at = dict(zip(ACTIONS, faces.T))
    assert faces.min() >= 0 and faces.max() <= 1
    blinks = np.diff((at["eyeBlinkLeft"] > 0.9).astype(int)) == 1
    assert 4 < blinks.sum() < 16
    talking, smiling = at["jawOpen"][12:75], at["mouthSmileLeft"][95:130]
    assert talking.std() > 0.03 and smiling.min() > 0.6 and at["mouthSmileLeft"][:60].max() < 0.3
    grips = np.array([acting.moment(n / 30, ACTIONS)[0] for n in range(720)])
    assert np.abs(np.diff(grips, axis=0)).max() < 0.15, "a hand jumps"


def test_light_falls_off_from_a_window_and_a_wall_before_it_takes_it_all():
    room = rooms.Room(np.random.default_rng(0))
    room.box((-5, -0.1, -5), (5, 0, 5), (255, 255, 255))
    room.pictures = [np.ones((4, 4, 3), np.float32)]
    room.window((-0.05, 2, -0.05), (0.1, 0, 0), (0, 0, 0.1), (100, 100, 100))  # looks down
    up = np.array([0.0, 1, 0])

    def falls(place):
        solids, _, windows = room.built()
        out = np.zeros(3)
        tracer.from_windows(solids, windows, np.array(place, float), up, out)
        return out[0]

    assert falls((0, 0.001, 0)) == pytest.approx(100 * 0.01 / 4 / np.pi, rel=0.01)
    assert falls((2, 0.001, 0)) == pytest.approx(falls((0, 0.001, 0)) / 4, rel=0.1)
    # half is lost by the angles, half by the distance
    room.put(tracer.BALL, (0, 1, 0), (0.3, 0.3, 0.3))
    assert falls((0, 0.001, 0)) == 0 and falls((2, 0.001, 0)) > 0


def test_a_person_takes_light_from_what_is_behind_them_and_from_nothing_else():
    way = np.array([[0.0, 0, 1], [0, 1, 1e-3]])
    side = np.array([[1.0, 0, 0], [1, 0, 0]])
    lamps = daylight.Lights(way, np.array([[3.0, 3, 3], [1, 1, 1]]), side, np.cross(way, side), np.ones(2, bool))
    shadows = np.full((2, daylight.MAP, daylight.MAP), np.inf, np.float32)
    middle = slice(daylight.MAP // 2 - 20, daylight.MAP // 2 + 20)
    shadows[0, middle, middle] = 0.0
    places = np.zeros((1, 3, 3))
    places[0, :, 2], places[0, 1, 0], places[0, 2, 2] = -1, 1.0, 1
    normals = np.broadcast_to([0.0, 0, 1], (1, 3, 3))
    taken = daylight.taken(places, normals, lamps, shadows, np.zeros(3))
    assert taken[0] == pytest.approx([1, 0, 0], abs=1e-3)
