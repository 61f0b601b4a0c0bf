import numpy as np
import pytest

from perfclone.pose import INDEX, KEYPOINTS, MIRROR, Pose, PoseSequence
from perfclone.pose.clean import Clean, CleanOptions, clean_sequence
from perfclone.pose.sequence import Moment

TORSO = 100.0
WRIST = INDEX["right_wrist"]
PLACES = {
    "nose": (0, -30), "neck": (0, 0), "eye": (5, -35), "ear": (12, -32),
    "shoulder": (35, 2), "elbow": (45, 50), "wrist": (50, 95),
    "thumb": (46, 104), "index": (52, 106), "pinky": (55, 103),
    "hip": (20, 100), "knee": (22, 180), "ankle": (22, 260), "heel": (22, 268), "toe": (30, 275),
}  # fmt: skip


def standing(frames: int) -> np.ndarray:
    """(T, J, 2) of somebody who faces the camera, torso of 100 px."""
    body = np.array([PLACES[name.split("_")[-1]] for name in KEYPOINTS], float)
    body[[name.startswith("right") for name in KEYPOINTS], 0] *= -1
    return np.tile(body + (640, 200), (frames, 1, 1))


def sequence(keypoints: np.ndarray, fps: float = 25.0, scores: np.ndarray | None = None) -> PoseSequence:
    scores = np.ones(keypoints.shape[:2]) if scores is None else scores
    times = np.arange(len(keypoints)) / fps
    return PoseSequence(keypoints.astype(np.float32), scores.astype(np.float32), times, (1280, 720))


def mirrored(keypoints: np.ndarray) -> np.ndarray:
    swapped = keypoints.copy()
    for a, b in MIRROR:
        swapped[:, [a, b]] = keypoints[:, [b, a]]
    return swapped


def lag(truth: np.ndarray, values: np.ndarray) -> float:
    """Frames by which values come later, to first order."""
    speed = np.gradient(truth, axis=0)
    return float(-((values - truth) * speed).sum() / (speed**2).sum())


@pytest.mark.parametrize("fps", [15, 25, 60])
def test_smoothing_halves_the_jitter_and_does_not_lag(fps):
    t = np.arange(6 * fps) / fps
    truth = standing(len(t))
    truth[..., 0] += 60 * np.sin(2 * np.pi * 0.7 * t)[:, None]
    noisy = truth + np.random.default_rng(0).normal(0, 1.5, truth.shape)
    cleaned = clean_sequence(sequence(noisy, fps)).keypoints

    def jitter(values: np.ndarray) -> float:
        return float(np.abs(np.diff(values - truth, 2, axis=0)).mean())

    assert jitter(cleaned) < 0.5 * jitter(noisy)
    assert np.abs(cleaned - truth).mean() < 0.85 * np.abs(noisy - truth).mean()
    assert abs(lag(truth[..., 0], cleaned[..., 0])) < 0.03


@pytest.mark.parametrize("fps", [15, 24, 30, 60, 120])
def test_a_fast_punch_keeps_its_amplitude(fps):
    t = np.arange(2 * fps) / fps
    punch = 100 * (0.5 - 0.5 * np.cos(2 * np.pi * np.clip((t - 1) / 0.3, 0, 1)))
    truth = standing(len(t))
    truth[:, WRIST, 0] += punch
    cleaned = clean_sequence(sequence(truth, fps))
    reached = cleaned.keypoints[:, WRIST, 0] - truth[0, WRIST, 0]
    assert cleaned.scores[:, WRIST].min() == 1
    assert reached.max() >= 0.95 * punch.max()
    assert abs(reached.argmax() - punch.argmax()) <= 1


def test_gaps_are_filled_up_to_the_stated_length_and_no_further():
    truth = standing(120)
    truth[:, WRIST, 1] += 2.0 * np.arange(120)
    scores = np.ones(truth.shape[:2])
    scores[20:32, WRIST], scores[60:73, WRIST], scores[110:, WRIST] = 0.1, 0.1, 0.1
    broken = truth.copy()
    broken[scores < 0.3] = 0
    cleaned = clean_sequence(sequence(broken, 25, scores), CleanOptions(max_gap_s=0.48))
    assert np.abs(cleaned.keypoints[20:32, WRIST] - truth[20:32, WRIST]).max() < 1
    assert (cleaned.scores[20:32, WRIST] >= 0.3).all()
    assert (cleaned.scores[60:73, WRIST] == 0).all()
    assert (cleaned.scores[110:, WRIST] == 0).all()
    assert cleaned.scores[:, INDEX["left_wrist"]].min() == 1


def test_a_jump_away_and_back_is_removed_and_the_motion_around_it_kept():
    truth = standing(60)
    truth[:, WRIST, 0] += 3.0 * np.arange(60)
    broken = truth.copy()
    broken[30, WRIST] += (0, 120)
    broken[45:47, INDEX["left_ankle"]] += (250, 0)
    cleaned = clean_sequence(sequence(broken)).keypoints
    assert np.abs(cleaned - truth).max() < 2


@pytest.mark.parametrize("at", [slice(20, 21), slice(40, 44), slice(1, 3), slice(95, 98)])
def test_a_left_right_swap_is_repaired(at):
    truth = standing(100)
    truth[..., 0] += 100 * np.sin(np.arange(100) / 8)[:, None]
    broken = truth.copy()
    broken[at] = mirrored(truth)[at]
    assert np.abs(clean_sequence(sequence(broken)).keypoints - truth).max() < 3


def turning(angle: np.ndarray) -> np.ndarray:
    """(T, J, 2) of somebody who turns around by these angles, radians; 0 faces the camera."""
    body = standing(len(angle))
    body[..., 0] = 640 + (body[..., 0] - 640) * np.cos(angle)[:, None]
    return body


def wrong_sides(truth: np.ndarray, cleaned: PoseSequence) -> int:
    right, left = INDEX["right_shoulder"], INDEX["left_shoulder"]
    width = cleaned.keypoints[:, left, 0] - cleaned.keypoints[:, right, 0]
    return int((width * (truth[:, left, 0] - truth[:, right, 0]) < 0).sum())


@pytest.mark.parametrize("fps", [15, 25, 60])
@pytest.mark.parametrize(("start", "end"), [(0, 0.2), (1.0, 1.5), (1.0, 2.5), (2.5, 4.0)])
def test_a_whole_body_swap_is_no_turn_however_long(fps, start, end):
    truth = standing(4 * fps)
    truth[..., 0] += 100 * np.sin(2 * np.arange(4 * fps) / fps)[:, None]
    broken = truth.copy()
    at = slice(round(start * fps), round(end * fps))
    broken[at] = mirrored(truth)[at]
    assert np.abs(clean_sequence(sequence(broken, fps)).keypoints - truth).max() < 4


def test_a_blend_of_both_sides_is_no_profile():
    truth = standing(240)
    broken = truth.copy()
    broken[60:100] = mirrored(truth)[60:100]
    broken[[59, 100]] = (truth + mirrored(truth))[[59, 100]] / 2
    cleaned = clean_sequence(sequence(broken, 60))
    assert np.abs(cleaned.keypoints - truth).max() < 1 and cleaned.scores.min() > 0.3


def test_swaps_of_somebody_who_turns_away_and_back_are_repaired_and_the_turns_kept():
    t = np.arange(8 * 30) / 30
    truth = turning(np.pi * (np.clip(t - 1, 0, 1) + np.clip(t - 5, 0, 1)))
    broken = truth.copy()
    for at in (slice(10, 20), slice(80, 100), slice(215, 225)):
        broken[at] = mirrored(truth)[at]
    assert wrong_sides(truth, clean_sequence(sequence(truth, 30))) == 0
    assert wrong_sides(truth, clean_sequence(sequence(broken, 30))) == 0


def test_who_starts_with_the_back_to_the_camera_stays_so_and_weak_evidence_faces_it():
    truth = mirrored(standing(200))
    assert np.abs(clean_sequence(sequence(truth)).keypoints - truth).max() < 1
    torn = standing(100)
    torn[:6], torn[12:16] = mirrored(torn)[:6], mirrored(torn)[12:16]
    assert np.abs(clean_sequence(sequence(torn)).keypoints - standing(100)).max() < 1


def test_an_extractor_that_holds_to_its_word_is_believed_in_the_end():
    truth = standing(250)
    broken = truth.copy()
    broken[100:] = mirrored(truth)[100:]
    cleaned = clean_sequence(sequence(broken), CleanOptions(max_turned_s=2)).keypoints
    assert np.abs(cleaned[:145] - truth[:145]).max() < 1 and np.abs(cleaned[155:] - broken[155:]).max() < 1


def test_swapped_legs_are_repaired_without_touching_the_arms():
    truth = standing(50)
    legs = [j for j, name in enumerate(KEYPOINTS) if name.split("_")[-1] in ("hip", "knee", "ankle", "heel", "toe")]
    broken = truth.copy()
    broken[25:27, legs] = mirrored(truth)[25:27, legs]
    assert np.abs(clean_sequence(sequence(broken)).keypoints - truth).max() < 1


@pytest.mark.parametrize("turn_s", [0.3, 0.7, 2.0])
def test_a_real_turn_around_is_left_alone(turn_s):
    fps = 25
    angle = np.pi * np.clip((np.arange(4 * fps) / fps - 1) / turn_s, 0, 1)
    truth = standing(len(angle))
    truth[..., 0] = 640 + (truth[..., 0] - 640) * np.cos(angle)[:, None]
    cleaned = clean_sequence(sequence(truth, fps)).keypoints
    assert np.abs(cleaned - truth).max() < 5
    assert cleaned[-1, INDEX["right_shoulder"], 0] > 640 > cleaned[-1, INDEX["left_shoulder"], 0]


def test_walking_legs_that_pass_each_other_are_left_alone():
    t = np.arange(100) / 25
    truth = standing(100)
    for side, sign in (("right", 1), ("left", -1)):
        for name, swing in (("hip", 0), ("knee", 30), ("ankle", 60), ("heel", 60), ("toe", 60)):
            truth[:, INDEX[f"{side}_{name}"], 0] = 640 + sign * swing * np.sin(2 * np.pi * 1.2 * t)
    assert np.abs(clean_sequence(sequence(truth)).keypoints - truth).max() < 5


def test_streaming_looks_ahead_a_bounded_time_and_keeps_count_and_mattes():
    taken = []

    def stream(count: int):
        for i, keypoints in enumerate(standing(count).astype(np.float32)):
            taken.append(i)
            pose = Pose(keypoints, np.ones(len(KEYPOINTS), np.float32), np.full((2, 2), i % 256, np.uint8))
            yield Moment(pose, i / 25)

    stage = Clean(25)
    assert stage.ahead_s <= 2
    for done, (pose, time, _) in enumerate(stage(stream(400))):
        assert pose.matte[0, 0] == done % 256 and time == done / 25
        assert len(taken) - done <= round(stage.ahead_s * 25) + 1
    assert done == 399


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_short_clips_come_through_unharmed(count):
    poses = [Pose(keypoints.astype(np.float32), np.ones(len(KEYPOINTS), np.float32)) for keypoints in standing(count)]
    cleaned = list(Clean(25)(Moment(pose, n / 25) for n, pose in enumerate(poses)))
    assert len(cleaned) == count
    assert all(np.abs(after.pose.keypoints - before.keypoints).max() < 0.5 for after, before in zip(cleaned, poses))


def test_an_absent_performer_stays_absent():
    truth = standing(80)
    scores = np.ones(truth.shape[:2])
    scores[20:50] = 0
    truth[scores == 0] = 0
    cleaned = clean_sequence(sequence(truth, 25, scores))
    assert (cleaned.scores[20:50] == 0).all()
    assert (cleaned.scores[:20] == 1).all() and (cleaned.scores[50:] == 1).all()
    assert all(not moment.pose.seen for moment in Clean(25)(Moment(Pose.missing(), n / 25) for n in range(30)))


def test_options_are_checked():
    with pytest.raises(ValueError, match="max_gap_s must lie in"):
        CleanOptions(max_gap_s=-1)


def held(frames: int, hold_at: int, hold_s: float, fps: float = 25.0) -> np.ndarray:
    """(T,) times of a video whose frame ``hold_at`` stays for ``hold_s`` seconds."""
    return np.arange(frames) / fps + hold_s * (np.arange(frames) > hold_at)


def test_a_held_frame_is_no_neighbour_of_the_next():
    truth = standing(100)
    truth[50:, :, 0] += 300
    scores = np.ones(truth.shape[:2])
    scores[50, WRIST] = 0
    poses = sequence(truth, 25, scores)
    cleaned = clean_sequence(PoseSequence(poses.keypoints, poses.scores, held(100, 49, 3.0), poses.size))
    assert np.abs(cleaned.keypoints[:50] - truth[:50]).max() < 0.01
    assert cleaned.scores[50, WRIST] == 0 and np.delete(cleaned.scores, 50, 0).min() == 1
    assert np.abs(np.delete(cleaned.keypoints - truth, WRIST, 1)).max() < 0.01


def test_windows_are_seconds_whatever_the_mean_rate():
    t = np.arange(100) / 50
    truth = standing(100)
    truth[..., 0] += 60 * np.sin(2 * np.pi * 0.7 * t)[:, None]
    noisy = (truth + np.random.default_rng(0).normal(0, 1.5, truth.shape)).astype(np.float32)
    scores = np.ones(truth.shape[:2], np.float32)
    scores[40:62, WRIST] = 0
    alone = clean_sequence(PoseSequence(noisy, scores, t, (1280, 720)))
    longer = PoseSequence(
        np.concatenate([noisy, noisy[-1:]]), np.concatenate([scores, scores[-1:]]), np.append(t, 30.0), (1280, 720)
    )
    among = clean_sequence(longer)
    assert longer.fps < 4
    assert np.abs(among.keypoints[:100] - alone.keypoints).max() < 1.5
    assert np.array_equal(among.scores[:100] > 0, alone.scores > 0)


def test_nothing_is_cleaned_across_a_cut():
    truth = standing(100)
    truth[50:] = mirrored(truth)[50:] + (300, 0)
    scores = np.ones(truth.shape[:2])
    scores[48:52, WRIST] = 0
    poses = sequence(truth, 25, scores)
    cut = PoseSequence(poses.keypoints, poses.scores, poses.times, poses.size, shots=np.arange(100) // 50)
    cleaned = clean_sequence(cut)
    assert list(cleaned.shots) == list(cut.shots)
    assert (cleaned.scores[48:52, WRIST] == 0).all()
    assert np.abs(cleaned.keypoints - truth)[cleaned.scores > 0].max() < 0.01
