from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from eval.synthetic import ACTORS, TEST, TRAIN, Appearance, Garment, Proportions, Scene, motion, random_actor
from eval.synthetic.bodies import Body
from eval.synthetic.mesh import Mesh, clip, normals
from eval.synthetic.motions import QUATERNIONS, authored, join, mirrored, mix
from examples.render import CLIPS, beat, render
from perfclone.pose import INDEX, KEYPOINTS, MIRROR
from perfclone.video import probe

SIZE = 96


@pytest.fixture(scope="module")
def anna():
    return Scene("anna", SIZE)


@pytest.fixture(scope="module")
def standing():
    return authored("turn", 30)[0]


def turned(a, b):
    """The largest angle (rad) between the rotations of neighbouring frames."""
    angles = [np.arccos(np.clip(np.abs((a[:, k : k + 4] * b[:, k : k + 4]).sum(1)), 0, 1)) * 2 for k in QUATERNIONS]
    return np.max(angles)


def test_a_frame_is_complete_and_the_same_every_time(anna, standing):
    first, second = anna.render(standing), Scene("anna", SIZE).render(standing)
    assert first.rgb.shape == (SIZE, SIZE, 3) and first.rgb.dtype == np.uint8
    assert first.matte.shape == first.shadow.shape == (SIZE, SIZE)
    assert first.keypoints.shape == (len(KEYPOINTS), 2) and (first.scores > 0).all()
    assert np.array_equal(first.rgb, second.rgb) and np.array_equal(first.matte, second.matte)


def test_the_background_is_the_plate_wherever_there_is_neither_person_nor_shadow(anna, standing):
    frame = anna.render(standing)
    bare = (frame.matte == 0) & (frame.shadow == 0)
    assert bare.mean() > 0.5
    assert np.abs(frame.rgb[bare].astype(int) - anna.plate[bare]).max() <= 1
    assert 0.03 < (frame.matte > 127).mean() < 0.3
    assert ((frame.matte > 0) & (frame.matte < 255)).any(), "the outline is not anti-aliased"


def test_noise_depends_on_the_frame_and_on_nothing_else(standing):
    scene = Scene("anna", SIZE, noise=2)
    again = Scene("anna", SIZE, noise=2)
    assert np.array_equal(scene.render(standing, 3).rgb, again.render(standing, 3).rgb)
    assert not np.array_equal(scene.render(standing, 3).rgb, scene.render(standing, 4).rgb)


def test_joints_lie_on_the_body_and_left_is_left(anna, standing):
    frame = anna.render(standing)
    x, y = np.floor(frame.keypoints).astype(int).T
    inner = [INDEX[n] for n in KEYPOINTS if not n.endswith(("toe", "heel", "thumb", "index", "pinky", "ear"))]
    assert (frame.matte[y, x][inner] > 127).all()
    for right, left in MIRROR:  # she faces the camera, so that her right is on our left
        assert frame.keypoints[right, 0] < frame.keypoints[left, 0], KEYPOINTS[right]
    at = {name: frame.keypoints[i, 1] for name, i in INDEX.items()}
    assert at["nose"] < at["neck"] < at["right_hip"] < at["right_knee"] < at["right_ankle"]


def test_a_face_turned_away_is_hidden_but_still_told(anna):
    turn = authored("turn", 30)
    back = anna.render(turn[len(turn) // 2])
    assert 0 < back.scores[INDEX["nose"]] < 0.5
    assert back.scores[INDEX["neck"]] == 1


def test_feet_stay_on_the_floor_and_jumps_leave_it():
    body = Body(ACTORS["ben"])
    lowest = [body.pose(frame)[0][:, 1].min() for frame in motion("walk")[::6]]
    assert np.abs(lowest).max() < 0.005
    assert max(body.pose(frame)[0][:, 1].min() for frame in motion("jump")[::4]) > 0.1


@pytest.mark.parametrize("name", ["reference", "driving"])
def test_joined_motion_never_jumps(name):
    frames = motion(name)
    assert len(frames) > (24 if name == "reference" else 8) * 30
    assert turned(frames[1:], frames[:-1]) < np.radians(45)  # a kick is this fast, a cut is not
    assert np.abs(np.diff(frames[:, :3], axis=0)).max() < 0.12


def test_no_motion_is_both_for_reference_and_for_driving():
    assert not set(TRAIN) & set(TEST)
    for name in (*TRAIN, *TEST):
        assert np.isfinite(motion(name)).all()


def test_the_reference_shows_every_side_and_raised_arms():
    body = Body(ACTORS["anna"])
    joints = [body.pose(frame)[1] for frame in motion("reference")[::15]]
    across = np.array([(j["left_shoulder"] - j["right_shoulder"])[0] for j in joints])
    assert across.max() > 0.25 and across.min() < -0.25 and (np.abs(across) < 0.08).any()
    assert any(j["left_wrist"][1] > j["nose"][1] + 0.2 and j["right_wrist"][1] > j["nose"][1] + 0.2 for j in joints)


def test_a_mirrored_motion_is_the_mirror_image():
    body = Body(ACTORS["ben"])
    frame = motion("dance_a")[20:21]
    joints, other = body.pose(frame[0])[1], body.pose(mirrored(frame)[0])[1]
    assert np.allclose(joints["left_wrist"] * [-1, 1, 1], other["right_wrist"], atol=0.01)
    assert np.allclose(mirrored(mirrored(frame)), frame)


def test_seconds_cuts_or_repeats():
    assert len(motion("walk", 30, 0.5)) == 15
    long = motion("walk", 25, 6)
    assert len(long) == 150 and turned(long[1:], long[:-1]) < np.radians(45)


def test_mixing_goes_the_short_way_round():
    a = authored("turn", 30)[:1]
    b = a.copy()
    b[:, 3:7] *= -1  # the same rotation
    assert turned(mix(a, b, np.array([0.5])), a) < 1e-3
    assert len(join([a.repeat(30, 0), b.repeat(30, 0)], 30)) == 48


def test_people_differ_in_proportions_clothes_and_rooms(standing):
    tall, short = Body(ACTORS["ben"]), Body(ACTORS["anna"])
    ratio = [
        np.linalg.norm(j["left_hip"] - j["left_ankle"]) / np.linalg.norm(j["neck"] - j["left_hip"])
        for j in (b.pose(standing)[1] for b in (tall, short))
    ]
    assert tall.height > short.height + 0.1 and abs(ratio[0] - ratio[1]) > 0.05
    frames = [Scene(n, 64, samples=1).render(standing).rgb.astype(float) for n in ACTORS]
    assert min(np.abs(a - b).mean() for i, a in enumerate(frames) for b in frames[:i]) > 8


def test_a_seed_is_a_person(standing):
    assert random_actor(5) == random_actor(5) != random_actor(6)
    for seed in range(4):
        frame = Scene(random_actor(seed), 64, samples=1).render(standing)
        assert 0.02 < (frame.matte > 127).mean() < 0.3


def test_bad_descriptions_are_refused():
    with pytest.raises(ValueError, match="no actor 'eve'.*anna"):
        Scene("eve")
    with pytest.raises(ValueError, match="no motion 'fly'"):
        motion("fly")
    with pytest.raises(ValueError, match="legs must be a factor"):
        Proportions(legs=3)
    with pytest.raises(ValueError, match="6 weights"):
        Appearance("x", (1, 0))
    with pytest.raises(ValueError, match="pattern must be one of"):
        Garment((1, 2, 3), pattern="tartan")


def test_clipping_cuts_through_triangles():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    mesh = Mesh(square, np.eye(4), np.zeros((4, 4)), np.zeros((4, 2)), np.array([[0, 1, 2], [0, 2, 3]]))
    half = clip(mesh, lambda m: 0.25 - m.vertices[:, 0])
    corners = half.vertices[half.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(0.25) and half.vertices[:, 0].max() == pytest.approx(0.25)
    assert np.allclose(half.weights.sum(1), 1)
    assert np.allclose(normals(half.vertices, half.faces), [0, 0, 1])


class Plain:
    """A simple person before the camera of the examples: the repository has no clothes for those of the cast."""

    def __init__(self, actor, size, noise, view):
        self.scene = Scene(actor, size, noise=noise)

    def render(self, frame, index, fps, acted):
        assert acted is None
        return self.scene.render(frame, index)


def test_the_script_writes_a_clip_with_sound_and_a_still(tmp_path, monkeypatch):
    from dataclasses import replace

    from examples import render as script

    monkeypatch.setattr(script, "Scene", Plain)
    monkeypatch.setitem(CLIPS, "driving_ben", replace(CLIPS["driving_ben"], seconds=0.4))
    info = probe(render("driving_ben", tmp_path, size=64))
    assert Image.open(tmp_path / "driving_ben.jpg").size == (192, 192)
    assert (info.width, info.height, info.frames, info.has_audio) == (64, 64, 12, True)
    assert Fraction(info.fps).limit_denominator(1000) == 30
    assert np.abs(beat(1)).max() < 1
