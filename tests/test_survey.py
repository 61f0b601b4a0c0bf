"""The one judge: what `check` says of footage is what training does with it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import SIZE, SavedPoses, shots, write_clip

from eval.trouble import TROUBLES, film
from perfclone.backends.layered.training import watching
from perfclone.backends.layered.training.prepare import prepare_reference
from perfclone.backends.layered.training.watching import frames_to_keep, watch
from perfclone.errors import UserError
from perfclone.pose import build_extractor
from perfclone.preflight import check_reference
from perfclone.survey.sample import LEAST, MOST, sample_size
from perfclone.video import VideoWriter, probe

SAID = {"it stands still": "still", "it moves": "moving", "no one background fits": "lost"}


@pytest.fixture(scope="module")
def extractor():
    return build_extractor("blazepose", matte=True)


def checked(clip, extractor):
    """Whether the check fails, and what it says of the camera."""
    report = check_reference(clip, extractor)
    told = next((found.message for found in report.findings if found.name == "camera still"), "")
    return report.status == "fail", next((kind for words, kind in SAID.items() if told.startswith(words)), None)


def trained(clip, folder, extractor):
    """Whether training refuses it, and what it takes the camera for."""
    try:
        prepare_reference(clip, folder, 64, extractor)
    except UserError:
        return True, None
    return False, json.loads((folder / "reference.json").read_text())["camera"]


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("tripod", "still"),
        ("white_studio", "still"),
        ("lamp", "still"),
        ("shake", "moving"),
        ("cut_other_place", "still"),
        ("tracking", None),
        ("waist_up", "still"),
        ("blackout", "still"),
    ],
)
def test_check_and_training_say_the_same(name, camera, extractor, tmp_path):
    clip = film(TROUBLES[name], tmp_path / "a.mp4", seconds=2.4, fps=12, height=240).path
    said = checked(clip, extractor)
    assert said == trained(clip, tmp_path / "r", extractor)
    assert not said[0] and camera in (said[1], None)


@pytest.mark.parametrize("shown", [0, 4, 8, 20])
def test_check_and_training_refuse_the_same(shown, tmp_path):
    class Sometimes(SavedPoses):
        """In the first frames only somebody is seen; the brightness of a frame's corner tells which it is."""

        batch = 1

        def people(self, frames):
            number = int(round(frames[0][:8, :8].mean() / 8))
            shot = shots()[number]
            from perfclone.pose import Pose

            return [[Pose(shot.keypoints, shot.scores, shot.matte)] if number < shown else []]

    with VideoWriter(tmp_path / "a.mp4", rate=30, crf=4) as writer:
        for number, shot in enumerate(shots()):
            pixels = shot.rgb.copy()
            pixels[:12, :12] = 8 * number
            writer.write(pixels)
    refused = checked(tmp_path / "a.mp4", Sometimes())[0]
    assert refused == trained(tmp_path / "a.mp4", tmp_path / "r", Sometimes())[0] == (shown < 6)


def test_a_sample_misses_nobody_who_is_there_for_three_seconds():
    for minutes in (0.05, 0.5, 3, 10):
        assert sample_size(60 * minutes) >= min(LEAST, 60 * minutes / 3)
    assert sample_size(1) == LEAST and sample_size(36000) == MOST


def test_long_and_fast_references_are_thinned_before_they_are_looked_at(tmp_path, monkeypatch):
    info = probe(write_clip(tmp_path / "a.mp4", 30))
    assert np.array_equal(frames_to_keep(info), np.arange(30))
    assert np.array_equal(frames_to_keep(replace(info, fps=120.0)), np.arange(0, 30, 3))
    monkeypatch.setattr(watching, "MOST_FRAMES", 10)
    monkeypatch.setattr(watching, "RUN", 5)
    kept = frames_to_keep(info)
    assert np.array_equal(kept, [*range(5), *range(25, 30)])
    looked, told = [], []

    class Counting(SavedPoses):
        def people(self, frames):
            looked.extend(frames)
            return super().people(frames)

    watched = watch(tmp_path / "a.mp4", Counting(), 0, tmp_path / "mattes", lambda *at: told.append(at))
    assert len(looked) == len(watched.poses) == 10 and told[-1] == ("poses", 10, 10)
    assert watched.poses.size == (SIZE, SIZE) and np.flatnonzero(~watched.follows).tolist() == [0, 5]
