from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from drawn import scene

from perfclone.pose import BODY_18, INDEX, FollowingExtractor, blazepose, build_extractor, extract

eval_synthetic = pytest.importorskip("eval.synthetic.render")
SIZE = 256


@pytest.fixture(scope="module")
def rendered():
    """Six frames each of two synthetic people."""
    from eval.synthetic.motions import motion

    frames = motion("walk", 10, 1.0)[:6]
    scenes = {name: eval_synthetic.Scene(name, SIZE, samples=1) for name in ("anna", "ben")}
    return {name: [scene.render(frame) for frame in frames] for name, scene in scenes.items()}


@pytest.fixture(scope="module")
def both(rendered):
    """The two side by side, anna on the left and smaller."""
    frames = []
    for i, (anna, ben) in enumerate(zip(rendered["anna"], rendered["ben"])):
        pixels = np.full((SIZE, 2 * SIZE, 3), 128, np.uint8)
        pixels[64:, : SIZE - 64] = anna.rgb[: SIZE - 64, 32 : SIZE - 32]
        pixels[:, SIZE:] = ben.rgb
        frames.append(SimpleNamespace(pixels=pixels, time=i / 10))
    return frames


def test_joints_and_matte_lie_where_they_are(rendered):
    extractor = build_extractor("blazepose", matte=True)
    for truth in rendered["ben"]:
        (pose,) = extractor.people([truth.rgb])[0]
        torso = np.linalg.norm(
            truth.keypoints[INDEX["neck"]] - truth.keypoints[[INDEX["right_hip"], INDEX["left_hip"]]].mean(0)
        )
        seen = (truth.scores[:BODY_18] == 1) & (pose.scores[:BODY_18] > 0.5)
        error = np.linalg.norm(pose.keypoints - truth.keypoints, axis=1)[:BODY_18][seen]
        assert seen.sum() >= 12 and np.median(error) < 0.12 * torso
        person, found = truth.matte > 127, pose.matte > 127
        assert pose.matte.shape == (SIZE, SIZE) and pose.matte.dtype == np.uint8
        assert (person & found).sum() / (person | found).sum() > 0.8


def test_everybody_is_found_and_one_of_them_followed(both):
    extractor = build_extractor("blazepose")
    assert isinstance(extractor, FollowingExtractor)
    assert [len(people) for people in extractor.people([frame.pixels for frame in both])] == [2] * len(both)
    for person, side in ((0, slice(SIZE, 2 * SIZE)), (1, slice(0, SIZE))):
        for _, pose, _ in extract(extractor, both, person):
            assert pose.matte is None
            assert side.start < pose.keypoints[INDEX["neck"], 0] < side.stop


def test_the_performer_is_lost_and_found_again(rendered):
    pixels = [frame.rgb for frame in rendered["anna"]]
    empty = np.full_like(pixels[0], 90)
    clip = [SimpleNamespace(pixels=p, time=i / 10) for i, p in enumerate([empty, *pixels[:3], empty, empty, *pixels])]
    seen = [pose.seen for _, pose, _ in extract(build_extractor("blazepose"), clip)]
    assert seen == [False] + [True] * 3 + [False] * 2 + [True] * 6


def test_somebody_small_in_a_wide_picture_is_found_and_followed(rendered):
    wide = cv2.resize(scene(202, 360), (1440, 808))
    clip, left = [], [900 + 6 * i for i in range(6)]
    for i, (truth, x) in enumerate(zip(rendered["ben"], left)):
        pixels, alpha = wide.copy(), truth.matte[..., None] / 255.0
        part = pixels[400 : 400 + SIZE, x : x + SIZE]
        part[:] = alpha * truth.rgb + (1 - alpha) * part
        clip.append(SimpleNamespace(pixels=pixels, time=i / 25))
    found = [pose for _, pose, _ in extract(build_extractor("blazepose", matte=True), clip)]
    for truth, x, pose in zip(rendered["ben"], left, found):
        true = truth.keypoints + (x, 400)
        torso = np.linalg.norm(true[INDEX["neck"]] - true[[INDEX["right_hip"], INDEX["left_hip"]]].mean(0))
        seen = truth.scores[:BODY_18] == 1
        error = np.linalg.norm(pose.keypoints - true, axis=1)[:BODY_18][seen]
        assert (error < 0.2 * torso).mean() > 0.9 and np.median(error) < 0.1 * torso
        person = np.zeros((808, 1440), bool)
        person[400 : 400 + SIZE, x : x + SIZE] = truth.matte > 127
        assert pose.matte.shape == person.shape
        assert (person & (pose.matte > 127)).sum() / (person | (pose.matte > 127)).sum() > 0.8


def test_nobody_is_found_in_a_wide_picture_without_people(rendered):
    room = eval_synthetic.Scene("anna", SIZE, samples=1).plate
    empty = np.concatenate([cv2.resize(room, (960, 960)), cv2.resize(scene(240, 240), (960, 960))], axis=1)
    assert build_extractor("blazepose").people([empty]) == [[]]


@pytest.mark.parametrize("beside", [False, True])
def test_the_larger_network_paints_mattes_where_its_file_is(tmp_path, monkeypatch, beside):
    opened, heavy = [], tmp_path / "pose_landmark_heavy.tflite"
    if beside:
        heavy.touch()
    monkeypatch.setattr(blazepose, "_heavy_network", lambda: heavy)
    monkeypatch.setattr(blazepose, "_open_graph", lambda **how: opened.append(how["complexity"]))
    monkeypatch.setattr(blazepose, "_close_graphs", lambda *graphs: None)
    blazepose.BlazePose(matte=True)
    blazepose.BlazePose()
    assert opened == [1 + beside] * 2 + [1] * 2


@pytest.mark.parametrize("enlarged", [1, 5])
def test_a_furnished_room_holds_no_further_people(rendered, enlarged):
    frames = [frame.rgb.repeat(enlarged, 0).repeat(enlarged, 1) for person in rendered.values() for frame in person]
    assert [len(people) for people in build_extractor("blazepose").people(frames)] == [1] * len(frames)


def test_joints_outside_the_picture_have_score_0(rendered):
    cut = rendered["ben"][0].rgb[: SIZE * 5 // 8]
    (pose,) = build_extractor("blazepose").people([cut])[0]
    for name in ("right_ankle", "left_ankle", "right_toe", "left_heel"):
        assert pose.scores[INDEX[name]] == 0
    assert pose.scores[INDEX["nose"]] > 0.5


def test_large_frames_are_shrunk_for_the_network_only(rendered):
    small = rendered["ben"][0].rgb
    large = small.repeat(5, axis=0).repeat(5, axis=1)
    extractor = build_extractor("blazepose", matte=True)
    (pose,), (bigger,) = extractor.people([small, large])
    assert bigger.matte.shape == large.shape[:2]
    body = np.flatnonzero(pose.scores > 0.8)
    assert np.abs(bigger.keypoints / 5 - pose.keypoints)[body].max() < 8


def test_it_is_quiet_and_closes(capfd):
    with build_extractor("blazepose") as extractor:
        assert extractor.people([np.zeros((40, 30, 3), np.uint8)]) == [[]]
    extractor.close()
    assert capfd.readouterr() == ("", "")
