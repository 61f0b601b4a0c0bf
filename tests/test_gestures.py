"""People who speak and exercise: what is planned happens, and nothing else moves as no body could."""

from types import SimpleNamespace

import numpy as np
import pytest
from test_cast import ACTIONS

from eval.people.gestures import SHAPES, perform
from eval.people.limbs import Limbs
from eval.people.scores import COUNT, SCORES
from eval.synthetic.appearance import Appearance
from eval.synthetic.armature import AXES, Armature
from eval.synthetic.rig import naked

FPS = 30


@pytest.fixture(scope="module")
def figure():
    return SimpleNamespace(rig=naked(Appearance("test", (1, 0, 0, 0, 0, 0)))[0], actions=ACTIONS)


def posed(rig, frames, *names):
    """Name -> where that bone starts in each frame (T, 3), m: forward, up, right; heights are from the pelvis."""
    armature, out = Armature(rig), {name: [] for name in names}
    for frame in frames:
        _, place = armature.place(armature.rotations(frame))
        for name in names:
            out[name].append(AXES.T @ (place[rig.names.index(name)] - place[0]) + [frame[0], 0, frame[2]])
    return {name: np.array(places) for name, places in out.items()}


@pytest.mark.parametrize("name", SCORES)
def test_feet_stay_where_they_stand_and_no_hand_is_faster_than_a_hand(figure, name):
    score = SCORES[name]
    performance = perform(score, figure, FPS)
    frames, grips, actions = performance.frames, performance.grips, performance.actions
    assert len(frames) == len(grips) == len(actions) == round(score.seconds * FPS)
    ends = posed(figure.rig, frames, "RightFoot", "LeftFoot", "RightHand", "LeftHand")
    still = np.ones(len(frames) - 1, bool)
    for side in ("r", "l"):
        keys = score.tracks.get(f"foot_{side}", ())
        stepping = [(a[0], b[0]) for a, b in zip(keys, keys[1:]) if a[1] != b[1]]
        for begin, end in stepping:
            still[max(0, round((begin - 0.2) * FPS)) : round((end + 0.2) * FPS)] = False
    for foot in ("RightFoot", "LeftFoot"):
        slides = np.linalg.norm(np.diff(ends[foot][:, [0, 2]], axis=0), axis=1)[still]
        assert slides.max() < 0.002, f"{foot} slides {1000 * slides.max():.1f} mm in a frame"
    apart = (ends["RightFoot"] - ends["LeftFoot"])[:, 1]
    assert np.abs(apart[:-1][still]).max() < 0.005, "a foot that stands is off the floor"
    for hand in ("RightHand", "LeftHand"):
        speed = np.linalg.norm(np.diff(ends[hand], axis=0), axis=1) * FPS
        assert 0.4 < speed.max() < 4.5 and np.abs(np.diff(speed)).max() < 1.2, "m/s; people who gesture reach 1 to 3"
        assert np.median(speed) > 0.005, "a hand is frozen"
    assert actions.min() >= 0 and actions.max() <= 1 and np.abs(np.diff(grips, axis=0)).max() < 0.35


def test_fingers_show_what_is_counted_and_the_mouth_moves_while_it_is_said(figure):
    performance = perform(COUNT, figure, FPS)
    right = performance.grips[:, 1]
    for at, shape in ((1.4, "one"), (2.4, "two"), (3.4, "three")):
        assert right[round(at * FPS), :5] == pytest.approx(SHAPES[shape][:5], abs=0.12), shape
    jaw = performance.actions[:, ACTIONS.index("jawOpen")]
    said = jaw[round(0.5 * FPS) : round(1.7 * FPS)]
    assert said.max() > 3 * jaw[: round(0.3 * FPS)].max() and said.std() > 0.02


def test_hands_go_where_they_are_sent_and_knees_bend_forward(figure):
    hand = (0.5, -0.3, 0.1)
    still = {"hips": (0, 0, 0), "chest": (0, 0, 0), "head": (0, 0, 0), "pelvis": (0, 0, 0.3), "hand_r": hand,
             "hand_l": hand, "foot_r": (0, 0.12, 0, 0), "foot_l": (0, 0.12, 0, 0)}  # fmt: skip
    limbs = Limbs(figure.rig)
    frames = limbs.frames({name: np.array([values], float) for name, values in still.items()})
    at = {name: places[0] for name, places in posed(
        figure.rig, frames, "RightArm", "RightForeArm", "RightHand", "LeftArm", "LeftHand", "RightUpLeg", "RightLeg",
        "RightFoot").items()}  # fmt: skip
    assert (at["RightHand"] - at["RightArm"]) / limbs.reach == pytest.approx(hand, abs=0.01)
    assert (at["LeftHand"] - at["LeftArm"]) / limbs.reach == pytest.approx((0.5, -0.3, -0.1), abs=0.01)
    assert at["RightForeArm"][1] < at["RightHand"][1] and at["RightForeArm"][0] < at["RightHand"][0]
    assert at["RightLeg"][0] > max(at["RightUpLeg"][0], at["RightFoot"][0]) + 0.15
    assert at["RightFoot"][[0, 2]] == pytest.approx((0, 0.12), abs=1e-3)
