"""Any driver to any actor: what is not seen, what was not filmed, cuts, zooms, and whatever bears the body."""

from dataclasses import replace

import numpy as np
import pytest

from perfclone.pose import INDEX, KEYPOINTS, PoseSequence
from perfclone.pose.body import measure_body, with_hips
from perfclone.pose.driver import driven
from perfclone.pose.skeleton import HIPS, NECK
from perfclone.pose.space import normalise
from perfclone.pose.stance import Stance
from perfclone.retarget import Retarget, retarget_sequence, retarget_to
from tests.stick import body, scaled, sequence, standing

FPS, SIZE = 30, (300, 300)
ACTOR = body({name: 1.5 * length for name, length in scaled().items()}, 150.0, 270.0)
LEGS, FACE = ("knee", "ankle", "heel", "toe"), ("nose", "eye", "ear")
ARMS = ("elbow", "wrist", "thumb", "index", "pinky")
ANKLES, WRISTS = ([INDEX[f"{side}_{part}"] for side in ("right", "left")] for part in ("ankle", "wrist"))


def parts(*names):
    return [name.split("_")[-1] in names for name in KEYPOINTS]


def dancer(seconds=6.0, sway=4.0, swing=12.0):
    """Somebody who stands, sways and swings their arms."""
    t = np.arange(round(seconds * FPS)) / FPS
    poses = standing(scaled(), frames=len(t))
    for side, sign in (("right", -1), ("left", 1)):
        poses[:, INDEX[f"{side}_eye"], 0] += 2 * sign
        poses[:, INDEX[f"{side}_ear"], 0] += 6 * sign
    above = np.array(parts(*LEGS)) == 0
    poses[:, above, 0] += sway * np.sin(2 * np.pi * 0.4 * t)[:, None]
    poses[:, parts("knee"), 0] += sway / 2 * np.sin(2 * np.pi * 0.4 * t)[:, None]
    poses[:, parts("wrist", "thumb", "index", "pinky"), 0] += swing * np.sin(2 * np.pi * 0.7 * t)[:, None]
    return sequence(poses)


def hidden(poses, *names, at=slice(None)):
    scores = poses.scores.copy()
    scores[np.ix_(np.arange(len(poses))[at], np.flatnonzero(parts(*names)))] = 0
    return replace(poses, scores=scores)


def zoomed(poses, scale):
    """The same in a picture that grows around its middle by (T,) factors."""
    centre = np.float32([100, 100])
    scale = np.broadcast_to(np.asarray(scale, np.float32), len(poses))[:, None, None]
    return replace(poses, keypoints=((poses.keypoints - centre) * scale + centre).astype(np.float32))


def joined(*shots):
    """Shots one after the other, with a cut between any two."""
    keypoints, scores = (np.concatenate([getattr(shot, name) for shot in shots]) for name in ("keypoints", "scores"))
    numbers = np.repeat(np.arange(len(shots)), [len(shot) for shot in shots])
    return PoseSequence(keypoints, scores, np.arange(len(scores)) / FPS, (200, 200), shots=numbers)


def stance(*missing):
    """How the actor stands in a reference that never showed some parts."""
    filmed = hidden(dancer(2), *missing)
    return Stance.find(normalise(filmed.keypoints, filmed.scores), filmed.scores, ACTOR)


def given(poses, *missing):
    return retarget_sequence(poses, ACTOR, SIZE, stance(*missing))


def torsos(poses):
    return np.linalg.norm(poses.keypoints[:, NECK] - poses.keypoints[:, HIPS].mean(1), axis=-1)


def steps(poses):
    """The largest way of any joint from frame to frame, (T - 1,) pixels."""
    return np.linalg.norm(np.diff(poses.keypoints, axis=0), axis=-1).max(1)


def test_a_half_body_driver_moves_the_upper_body_of_an_actor_whose_legs_stand():
    whole, half = given(dancer()), given(hidden(dancer(), "hip", *LEGS))
    assert (half.scores > 0).all()
    feet = half.keypoints[:, parts("ankle", "heel", "toe")]
    assert np.ptp(feet, axis=0).max() < 0.5 and feet[..., 1].max() == pytest.approx(ACTOR.floor_y, abs=5)
    upper = np.array(parts(*LEGS, "hip")) == 0
    assert np.abs((half.keypoints - whole.keypoints)[:, upper]).max() < 6


@pytest.mark.parametrize(
    "missing", [LEGS[1:], LEGS, ("hip", *LEGS), ("hip", *LEGS, *ARMS), FACE, ("shoulder", "neck")]
)
def test_however_a_driver_is_framed_the_actor_is_whole_and_stands(missing):
    clone = given(hidden(dancer(3), *missing))
    assert (clone.scores > 0).all()
    assert torsos(clone) == pytest.approx(ACTOR.torso, rel=0.12)
    assert clone.keypoints[:, ANKLES, 1] == pytest.approx(ACTOR.floor_y - 18, abs=8)
    assert 0 < clone.keypoints.min() and clone.keypoints.max() < SIZE[0]


def test_only_a_head_is_enough_and_only_nobody_is_too_little():
    clone = given(hidden(dancer(3), "hip", "neck", "shoulder", *LEGS, *ARMS))
    assert (clone.scores > 0).all() and torsos(clone) == pytest.approx(ACTOR.torso, rel=0.05)


def test_legs_and_hands_that_come_and_go_do_so_without_a_jump():
    squatting = dancer(6)
    squatting.keypoints[:, np.array(parts("ankle", "heel", "toe")) == 0, 1] += 8
    usual = steps(given(squatting)).max()
    for names in (("hip", *LEGS), ("wrist", "thumb", "index", "pinky"), FACE):
        assert steps(given(hidden(squatting, *names, at=slice(60, 120)))).max() < usual + 4


def test_a_hidden_foot_of_somebody_who_kneels_does_not_reach_through_the_floor():
    film = kneeling(2)
    scores = film.scores.copy()
    scores[:, [INDEX["left_ankle"], INDEX["left_heel"], INDEX["left_toe"]]] = 0
    whole, one = given(film), given(replace(film, scores=scores))
    assert np.abs(whole.keypoints - one.keypoints).max() < 3


def test_fingers_and_faces_that_are_turned_away_are_not_made_up():
    clone = given(hidden(dancer(2), "nose", "eye", "thumb", "index", "pinky", "toe"))
    assert (clone.scores[:, parts("nose", "eye", "thumb", "index", "pinky", "toe")] == 0).all()


def test_what_was_never_filmed_of_the_actor_stays_out_and_the_rest_is_in_its_place():
    whole, clone = given(dancer()), given(dancer(), *LEGS)
    gone = parts(*LEGS)
    assert (clone.scores[:, gone] == 0).all() and (np.delete(clone.scores, np.flatnonzero(gone), 1) > 0).all()
    assert np.array_equal(clone.keypoints[:, NECK], whole.keypoints[:, NECK])


def test_a_bust_moves_a_bust_where_it_was_filmed():
    bust = hidden(dancer(2, sway=0.0), "hip", *LEGS)
    clone = retarget_to(bust, bust)
    assert np.array_equal(clone.scores > 0, bust.scores > 0)
    assert np.abs(clone.keypoints - bust.keypoints)[bust.scores > 0].max() < 3


def test_a_bust_that_jumps_shows_no_lower_end():
    bust = hidden(dancer(2, sway=0.0), "hip", *LEGS)
    leaping = dancer(2, sway=0.0)
    leaping.keypoints[..., 1] -= 20 * np.maximum(np.sin(4 * np.pi * leaping.times), 0)[:, None]
    bust, whole = (poses.moved(lambda points: points + np.float32([0, 40])) for poses in (bust, dancer(2)))
    assert np.ptp(retarget_to(leaping, bust).keypoints[:, NECK, 1]) < 1
    assert np.ptp(retarget_to(leaping, whole).keypoints[:, NECK, 1]) > 15


def test_who_is_filmed_to_the_chest_has_hips_under_the_neck():
    bust = hidden(dancer(2), "hip", *LEGS)
    found = with_hips(bust, measure_body(bust))
    assert (found.scores[:, HIPS] > 0).all() and (found.scores[:, parts(*LEGS)] == 0).all()
    assert np.abs(found.keypoints[:, HIPS] - dancer(2).keypoints[:, HIPS]).max() < 4
    assert np.array_equal(found.keypoints[:, ~np.array(parts("hip"))], bust.keypoints[:, ~np.array(parts("hip"))])
    assert np.array_equal(with_hips(dancer(2), ACTOR).keypoints, dancer(2).keypoints)


def test_the_stance_is_a_standing_pose_even_of_somebody_who_mostly_sits():
    filmed = dancer(4)
    filmed.keypoints[:80, np.array(parts("ankle", "heel", "toe")) == 0, 1] += 45
    found = Stance.find(normalise(filmed.keypoints, filmed.scores), filmed.scores, ACTOR)
    assert found.filmed.all() and found.known.all() and not found.seated
    seated = retarget_sequence(hidden(dancer(2), *LEGS), ACTOR, SIZE, found)
    drop = seated.keypoints[:, ANKLES, 1].mean() - seated.keypoints[:, HIPS, 1].mean()
    assert drop == pytest.approx(1.67 * ACTOR.torso, rel=0.05)
    assert Stance.find(np.zeros((4, len(KEYPOINTS), 2)), np.zeros((4, len(KEYPOINTS))), ACTOR) is None


def kneeling(seconds):
    film = dancer(seconds)
    feet = np.array(parts("ankle", "heel", "toe"))
    knees = [INDEX[name.replace(name.split("_")[-1], "knee")] for name in np.array(KEYPOINTS)[feet]]
    film.keypoints[:, feet] = film.keypoints[:, knees] - np.float32([30, 0])
    return film


def test_nobody_stands_up_an_actor_who_was_filmed_on_their_knees():
    reference = kneeling(2)
    clone = retarget_to(dancer(2, sway=0.0), reference)
    here = np.abs(clone.keypoints - reference.keypoints)[:, np.array(parts(*ARMS)) == 0]
    assert (clone.scores > 0).all() and here.max() < 8


@pytest.mark.parametrize("measured", [None, 60])
def test_an_actor_keeps_their_size_through_a_close_up_and_cuts(measured):
    close = hidden(zoomed(dancer(3), 3), "hip", *LEGS, *ARMS)
    film = joined(close, dancer(3), zoomed(dancer(3), 0.5), hidden(dancer(1), *{n.split("_")[-1] for n in KEYPOINTS}))
    stage = Retarget(None, ACTOR, FPS, stance=stance(), width=SIZE[0], measured=measured)
    clone = PoseSequence.from_moments(list(stage(film.moments())))
    shown = (clone.scores > 0).all(1)
    assert list(clone.shots) == list(film.shots) and shown.sum() == 270
    assert torsos(clone)[shown] == pytest.approx(ACTOR.torso, rel=0.08)
    assert clone.keypoints[shown][:, ANKLES, 1] == pytest.approx(ACTOR.floor_y - 18, abs=6)


@pytest.mark.parametrize("end", [0.5, 1.4, 2.0])
@pytest.mark.parametrize("measured", [None, 60])
def test_a_slow_zoom_does_not_change_the_actors_size(end, measured):
    film = zoomed(dancer(8), np.linspace(1, end, 240))
    stage = Retarget(None, ACTOR, FPS, measured=measured)
    clone = PoseSequence.from_moments(list(stage(film.moments())))
    assert np.std(torsos(clone)) < 0.05 * ACTOR.torso
    assert torsos(clone) == pytest.approx(ACTOR.torso, rel=0.2)
    plain = PoseSequence.from_moments(list(Retarget(measure_body(film), ACTOR, FPS)(film.moments())))
    assert np.std(torsos(plain)) > 1.5 * np.std(torsos(clone))


def test_a_squat_and_a_bow_are_no_zoom():
    film = dancer(6)
    low = np.clip(np.sin(np.arange(180) / 180 * 4 * np.pi), 0, 1)[:, None]
    above = np.array(parts(*LEGS)) == 0
    film.keypoints[:, above, 1] += 50 * low
    film.keypoints[:, parts("neck", "shoulder", *FACE, *ARMS), 1] += 15 * low
    bodies = {driver for _, driver in driven(film.moments())}
    assert bodies == {measure_body(film[:120])}


def upside_down(poses):
    return replace(poses, keypoints=poses.keypoints * np.float32([1, -1]) + np.float32([0, 200]))


def test_a_handstand_stands_on_the_hands():
    film = dancer(3)
    hands = parts("wrist", "thumb", "index", "pinky")
    film.keypoints[:, parts("elbow"), 1] -= 45
    film.keypoints[:, hands, 1] -= 85
    clone = given(upside_down(film))
    low = clone.keypoints[:, hands, 1].max(1)
    assert low == pytest.approx(ACTOR.floor_y, abs=6)
    assert (clone.keypoints[:, ANKLES, 1] < ACTOR.floor_y - 150).all()


def test_who_lies_with_the_legs_up_lies_on_the_back():
    film = dancer(3)
    turned = film.keypoints - film.keypoints[:, HIPS].mean(1, keepdims=True)
    trunk = np.array(parts(*LEGS)) == 0
    lying = np.where(trunk[:, None], turned[..., ::-1] * (1, 0.1), turned * (1, -1)).astype(np.float32) + 100
    clone = given(replace(film, keypoints=lying))
    flesh = 0.12 * ACTOR.torso
    assert clone.keypoints[:, HIPS, 1].max(1) == pytest.approx(ACTOR.floor_y - flesh, abs=6)


def test_what_hangs_hangs():
    film = dancer(8, sway=0.0, swing=0.0)
    t = np.arange(240) / FPS
    swing = np.clip(t - 2, 0, 1)
    above = np.zeros(len(KEYPOINTS), bool)
    above[np.array(parts(*LEGS))] = True
    film.keypoints[:, parts("elbow"), 1] -= 45
    film.keypoints[:, parts("wrist", "thumb", "index", "pinky"), 1] -= 85
    film.keypoints[:, :, 1] -= 20 * swing[:, None]  # off the floor, and they stay there
    lift = 14 * swing * (1 - np.cos(2 * np.pi * 0.6 * t))
    film.keypoints[:, above, 1] -= lift[:, None]
    clone = given(film)
    after = clone.keypoints[120:, WRISTS, 1]
    assert np.ptp(after, axis=0).max() < 0.1 * ACTOR.torso
    assert (clone.keypoints[120:, ANKLES, 1].max(1) < ACTOR.floor_y - 30).all()


def test_a_driver_who_walks_far_does_not_carry_the_actor_out_of_the_picture():
    film = dancer(6)
    film.keypoints[..., 0] += np.linspace(-300, 300, 180, dtype=np.float32)[:, None]
    clone = given(film)
    shown = clone.keypoints[:, np.array(parts("wrist", "thumb", "index", "pinky")) == 0, 0]
    assert 0 <= shown.min() < 60 and 240 < shown.max() <= SIZE[0]
    assert (np.diff(clone.keypoints[:, NECK, 0]) > -3).all()


def test_the_floor_goes_by_time_and_by_shots():
    jump = dancer(4, sway=0.0)
    jump.keypoints[60:72, :, 1] -= 25
    even = given(jump).keypoints
    held = given(replace(jump, times=jump.times + 3.0 * (np.arange(120) > 20))).keypoints
    assert np.abs(held - even).max() < 0.5
    higher = replace(dancer(2), keypoints=dancer(2).keypoints - np.float32([0, 40]))
    clone = given(joined(dancer(2), higher))
    low = clone.keypoints[:, parts("ankle", "heel", "toe"), 1].max(1)
    assert low == pytest.approx(ACTOR.floor_y, abs=4)


def test_a_measured_driver_is_looked_ahead_at_a_bounded_time():
    taken, film = [], dancer(20)
    stage = Retarget(None, ACTOR, FPS, stance=stance(), measured=60)
    stream = (taken.append(n) or moment for n, moment in enumerate(film.moments()))
    for done, _ in enumerate(stage(stream)):
        assert len(taken) - done <= round(stage.ahead_s * FPS) + 2
    assert done == 599
