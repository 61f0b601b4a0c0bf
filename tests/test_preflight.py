import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS, Pose, PoseSequence
from perfclone.pose.body import measure_body
from perfclone.pose.space import normalise
from perfclone.pose.stance import Stance
from perfclone.preflight import Finding, Report, check_driving, check_reference
from perfclone.preflight.cost import Pace, Paces
from perfclone.preflight.coverage import movements, views
from perfclone.preflight.driving import bank_distances, filmed_distance, worst_ranges
from perfclone.video import VideoWriter

STANDING = {
    "nose": (0, -1.35), "right_eye": (-0.05, -1.4), "left_eye": (0.05, -1.4), "neck": (0, -1),
    "right_shoulder": (-0.36, -1), "left_shoulder": (0.36, -1), "right_elbow": (-0.4, -0.45),
    "left_elbow": (0.4, -0.45), "right_wrist": (-0.42, 0.02), "left_wrist": (0.42, 0.02), "right_hip": (-0.19, 0),
    "left_hip": (0.19, 0), "right_knee": (-0.2, 0.85), "left_knee": (0.2, 0.85), "right_ankle": (-0.2, 1.67),
    "left_ankle": (0.2, 1.67),
}  # fmt: skip
ARMS_UP = {"right_elbow": (-0.4, -1.5), "left_elbow": (0.4, -1.5), "right_wrist": (-0.4, -2), "left_wrist": (0.4, -2)}
ARMS_WIDE = {
    "right_elbow": (-0.9, -1), "left_elbow": (0.9, -1), "right_wrist": (-1.4, -1), "left_wrist": (1.4, -1),
}  # fmt: skip
SQUAT = {
    "right_knee": (-0.5, 0.3), "left_knee": (0.5, 0.3), "right_ankle": (-0.3, 0.9), "left_ankle": (0.3, 0.9),
}  # fmt: skip
BACK = {name: (-x, y) for name, (x, y) in STANDING.items()}
LEFT_SIDE = {name: (0.15 * x, y) for name, (x, y) in STANDING.items()} | {"nose": (-0.25, -1.35)}
RIGHT_SIDE = {name: (0.15 * x, y) for name, (x, y) in STANDING.items()} | {"nose": (0.25, -1.35)}
SIZE = (320, 320)


def place(changes=None, scale=60.0, at=(160.0, 150.0), unseen=()) -> Pose:
    keypoints, scores = np.zeros((len(KEYPOINTS), 2), np.float32), np.zeros(len(KEYPOINTS), np.float32)
    for name, xy in {**STANDING, **(changes or {})}.items():
        if name not in unseen:
            keypoints[INDEX[name]], scores[INDEX[name]] = np.array(xy) * scale + at, 1
    return Pose(keypoints, scores)


def sequence(*poses: Pose) -> PoseSequence:
    return PoseSequence.from_poses(poses, np.arange(len(poses)) / 10, SIZE, "drawn")


class Script:
    """An extractor that knows the clip: a bright square in the corner of a frame counts the pose to give."""

    name, batch = "script", 1

    def __init__(self, *people: list[Pose]):
        self.clip = people

    def reset(self):
        pass

    def people(self, frames):
        return [self.clip[int(round(frame[:8, :160].mean() / 2))] for frame in frames]


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("perfclone.survey.sample.LEAST", 24)
    monkeypatch.setattr("perfclone.preflight.driving.SAMPLES", 40)


def film(path, people, fps=10, shift=None, blur=0.0, gain=None):
    """Draw a clip in which each frame's people stand in front of a textured wall, its number in the corner."""
    rng = np.random.default_rng(0)
    background = cv2.resize(rng.uniform(60, 200, (100, 100, 3)).astype(np.float32), (480, 480)).astype(np.uint8)
    cloth = cv2.resize(rng.uniform(60, 200, (70, 70, 3)).astype(np.float32), SIZE).astype(np.uint8)
    with VideoWriter(path, rate=fps, crf=12, preset="ultrafast") as writer:
        for t, persons in enumerate(people):
            dx, dy = shift(t) if shift else (0, 0)
            pixels = background[80 + dy : 400 + dy, 80 + dx : 400 + dx].copy()
            for pose in persons:
                mask = np.zeros(SIZE, np.uint8)
                hull = cv2.convexHull(pose.keypoints[pose.scores > 0].astype(np.int32))
                cv2.fillConvexPoly(mask, hull, 1)
                pixels[mask > 0] = cloth[mask > 0]
            if blur:
                pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
            if gain:
                pixels = (pixels * gain(t)).clip(0, 255).astype(np.uint8)
            pixels[:8, :160] = min(2 * t, 255)
            writer.write(pixels)
    return path


def varied(count=64) -> list[list[Pose]]:
    """A performer who walks about and shows every view and movement."""
    shapes = [{}, {}, ARMS_UP, ARMS_WIDE, SQUAT, BACK, LEFT_SIDE, RIGHT_SIDE]
    return [[place(shapes[t * len(shapes) // count], at=(90 + 140 * (t % 20) / 20, 150))] for t in range(count)]


def check(path, people, **options) -> dict[str, Finding]:
    report = check_reference(film(path, people, **options), Script(*people))
    return {finding.name: finding for finding in report.findings}


def test_a_good_reference_passes_everything_but_being_short_and_small(tmp_path):
    found = check(tmp_path / "a.mp4", varied())
    wrong = {name: f.status for name, f in found.items() if f.status != "pass"}
    assert wrong == {"length": "warn", "frame rate": "warn", "resolution": "warn", "size": "warn"}
    assert found["length"].value == pytest.approx(6.4)
    assert found["person visible"].value == 1 and found["back"].value == pytest.approx(1 / 8, abs=0.03)
    assert all(bool(f.advice) == (f.status != "pass") for f in found.values())


def test_short_is_a_warning_and_too_short_a_refusal(tmp_path):
    found = check(tmp_path / "a.mp4", varied(20))
    assert found["length"].status == "warn" and "20 frames" in found["length"].message and "usable" not in found
    found = check(tmp_path / "b.mp4", varied(5))
    assert found["usable"].status == "fail" and "found in only 5 frames" in found["usable"].message


def test_nobody(tmp_path):
    found = check(tmp_path / "a.mp4", [[]] * 60)
    assert found["usable"].status == "fail" and "Nobody was found" in found["usable"].message
    assert found["person visible"].status == "warn" and "nobody" in found["person visible"].message
    assert "front" not in found


def test_the_person_leaves(tmp_path):
    people = varied()
    people[40:] = [[]] * 24
    assert check(tmp_path / "a.mp4", people)["person visible"].status == "warn"


def test_a_second_person(tmp_path):
    people = [[place(at=(100, 150)), place(at=(220, 150), scale=50)] for _ in range(60)]
    assert check(tmp_path / "a.mp4", people)["one person"].status == "warn"
    people = [[place(at=(100, 150)), place(at=(280, 60), scale=4)] for _ in range(60)]
    alone = check(tmp_path / "c.mp4", people)["one person"]
    assert alone.status == "pass" and alone.message.startswith("nobody else large enough")
    people = [[place(at=(100, 150)), place(at=(280, 60), scale=20)] for _ in range(60)]
    assert check(tmp_path / "b.mp4", people)["one person"].status == "warn"


def test_blur_is_seen(tmp_path):
    sharp, soft = check(tmp_path / "a.mp4", varied()), check(tmp_path / "b.mp4", varied(), blur=6)
    assert sharp["sharpness"].status == "pass" and soft["sharpness"].status != "pass"
    assert soft["sharpness"].value < 0.1 * sharp["sharpness"].value


def test_light_is_judged(tmp_path):
    dark = check(tmp_path / "a.mp4", varied(), gain=lambda t: 0.2)
    assert dark["brightness"].status == "warn" and "light" in dark["brightness"].advice
    wandering = check(tmp_path / "b.mp4", varied(), gain=lambda t: 1 - 0.2 * (t / 64))
    assert wandering["steady exposure"].status == "warn"
    assert 0.12 < wandering["steady exposure"].value < 0.25
    burnt = check(tmp_path / "c.mp4", varied(), gain=lambda t: 3.0)
    assert burnt["highlights"].status == "warn"


def test_the_camera_is_judged(tmp_path):
    shaky = check(tmp_path / "a.mp4", varied(), shift=lambda t: (int(6 * np.sin(t)), int(4 * np.cos(t))))
    assert shaky["camera still"].status == "warn" and shaky["camera still"].message.startswith("it moves: ")
    pan = check(tmp_path / "b.mp4", varied(), shift=lambda t: (t - 32, 0))
    assert pan["camera still"].status == "warn" and "tripod" in pan["camera still"].advice
    assert pan["background"].value > 0.5, "what one frame hides, another shows elsewhere in the picture"


def test_a_person_who_never_moves_hides_the_background(tmp_path):
    found = check(tmp_path / "a.mp4", [[place()]] * 60)
    assert found["background"].status == "warn" and found["background"].value < 0.5
    for name in ("left side", "right side", "back", "arms up", "arms wide", "legs"):
        assert found[name].status == "warn" and found[name].value == 0
    assert found["front"].status == "pass"


def test_cut_off_feet_are_reported(tmp_path):
    feet = [name for name in STANDING if "ankle" in name]
    found = check(tmp_path / "a.mp4", [[place(unseen=feet)]] * 60)
    assert found["whole body"].status == "warn" and "feet 0%" in found["whole body"].message


def test_views_and_movements():
    poses = sequence(*(place(shape) for shape in ({}, LEFT_SIDE, RIGHT_SIDE, BACK, ARMS_UP, ARMS_WIDE, SQUAT)))
    seen = {name: np.flatnonzero(where).tolist() for name, where in views(poses).items()}
    assert seen == {"front": [0, 4, 5, 6], "left side": [1], "right side": [2], "back": [3]}
    seen = {name: np.flatnonzero(where).tolist() for name, where in movements(poses).items()}
    assert seen == {"arms up": [4], "arms wide": [5], "legs": [6]}


def swinging(count=40, top=1.0) -> list[Pose]:
    """Both arms swing from hanging to `top` of the way up, slowly, twice."""
    out = []
    for t in range(count):
        lift = top * (0.5 - 0.5 * np.cos(4 * np.pi * t / count)) * np.pi
        arm = np.array([np.sin(lift), np.cos(lift)])
        changes = {}
        for side, sign in (("left", 1), ("right", -1)):
            shoulder = np.array([0.36 * sign, -1])
            changes[f"{side}_elbow"] = shoulder + 0.55 * arm * (sign, 1)
            changes[f"{side}_wrist"] = shoulder + 1.03 * arm * (sign, 1)
        out.append(place(changes))
    return out


def actor_of(poses: PoseSequence, size=SIZE):
    """What the check reads of an actor."""
    bank = normalise(poses.keypoints, poses.scores)
    config = SimpleNamespace(width=size[0], height=size[1])
    stands = lambda body: Stance.find(bank, poses.scores, body)  # noqa: E731
    known = {"pose_bank": bank, "pose_bank_scores": poses.scores, "body": measure_body(poses)}
    return SimpleNamespace(**known, config=config, stance=stands)


def test_what_was_filmed_is_near_and_what_was_not_is_far():
    actor = actor_of(sequence(*swinging()))
    limit = filmed_distance(actor)
    assert 0.12 <= limit <= 0.35
    again = sequence(*(place(scale=30, at=(50, 60)) for _ in range(3)))
    assert (bank_distances(again, measure_body(again), actor) < 0.05).all()
    squat = sequence(place(), place(SQUAT), Pose.missing())
    distances = bank_distances(squat, measure_body(squat), actor)
    assert distances[0] < 0.05 and distances[1] > limit and np.isnan(distances[2])


def test_longer_arms_of_the_performer_are_no_strange_pose():
    actor = actor_of(sequence(*swinging()))
    reach = [
        place({
            **{f"{s}_elbow": (sign * 0.4, -0.3) for s, sign in (("right", -1), ("left", 1))},
            **{f"{s}_wrist": (sign * 0.45, 0.35) for s, sign in (("right", -1), ("left", 1))},
        })
    ]  # fmt: skip
    longer = sequence(*reach * 3)
    assert bank_distances(longer, measure_body(longer), actor).max() < 0.1


def test_worst_ranges_are_joined_and_ordered():
    times, distances = np.arange(10.0), np.array([0, 0.3, 0.3, 0, 0, 0.9, 0.9, np.nan, np.inf, 0])
    ranges = worst_ranges(times, distances, 0.2, 10.0)
    assert [r[:2] for r in ranges] == [(7.5, 8.5), (4.5, 6.5), (0.5, 2.5)]
    assert "0.90" in ranges[1][2] and "too few joints" in ranges[0][2]


@pytest.fixture
def cloner(monkeypatch):
    """The pipeline's own cloner, with a generator that only hands the plate out."""
    pipeline = pytest.importorskip("perfclone.pipeline")
    plate = np.zeros((*SIZE, 3), np.uint8)
    known = lambda self, actor, extractor, device: vars(self).update(actor=actor, _extractor=extractor)  # noqa: E731
    monkeypatch.setattr(pipeline.PerformanceCloner, "__init__", known)
    render = lambda self, poses, purpose: (plate for _ in range(len(poses)))  # noqa: E731
    monkeypatch.setattr(pipeline.PerformanceCloner, "render", render)


def test_driving_report(tmp_path, cloner):
    actor = actor_of(sequence(*swinging()))
    people = [[pose] for pose in swinging(40)] + [[place(SQUAT)]] * 40
    path = film(tmp_path / "a.mp4", people)
    told = []
    report = check_driving(path, actor, Script(*people), price_per_hour=3.6, progress=lambda *at: told.append(at))
    assert told == [*(("driving", n, 40) for n in range(1, 41)), *(("timing", n, 3) for n in range(3))]
    found = {finding.name: finding for finding in report.findings}
    assert found["filmed poses"].status == "warn" and found["filmed poses"].value == pytest.approx(0.5, abs=0.05)
    assert found["proportions"].status == "pass" and found["joints"].value == 0
    start, end, _ = report.ranges[0]
    assert start == pytest.approx(4, abs=0.3) and end == pytest.approx(8, abs=0.05)
    assert "80 frames, of which each takes " in found["time"].message and found["time"].value > 0
    assert found["cost"].value == pytest.approx(found["time"].value / 1000, rel=0.6, abs=1e-4)


def test_a_small_bystander_of_the_performer_is_not_denied(tmp_path, cloner):
    people = [[pose, place(at=(280, 60), scale=12)] for pose in swinging(30)]
    path = film(tmp_path / "driving.mp4", people)
    report = check_driving(path, actor_of(sequence(*swinging())), Script(*people))
    found = {finding.name: finding for finding in report.findings}["one person"]
    assert found.status == "pass" and "nobody else large enough to be mistaken" in found.message


def test_driving_without_anybody(tmp_path, cloner):
    path = film(tmp_path / "a.mp4", [[]] * 30)
    report = check_driving(path, actor_of(sequence(*swinging())), Script(*[[]] * 30))
    assert report.status == "fail" and "nobody" in report.text()


def test_report_reads_well_and_is_json():
    report = Report(
        "clip.mp4: 320x320",
        (
            Finding("length", "pass", 20.0, "20.0 s"),
            Finding("camera still", "warn", 3.0, "it shakes by up to 3.0 px", "Put the camera on a tripod. " * 5),
        ),
        ((1.0, 2.5, "strange"),),
    )
    text = report.text(width=80)
    assert max(map(len, text.splitlines())) <= 80
    messages = [line for line in text.splitlines() if "20.0 s" in line or "it shakes" in line]
    assert len({line.index(word) for line, word in zip(messages, ("20.0 s", "it shakes"))}) == 1
    assert text.splitlines()[-1] == "! Ready for training, with 1 warning."
    assert json.loads(json.dumps(report.to_dict()))["status"] == report.status == "warn"
    failed = Report("x", (Finding("length", "fail", 1.0, "1 s", "Film more."),), purpose="cloning")
    assert failed.text().splitlines()[-1] == "✗ Not ready for cloning: 1 check failed, 0 warnings."


def test_what_is_no_video_is_a_clear_error(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(UserError, match="not a video"):
        check_reference(tmp_path / "a.mp4", Script())
    with pytest.raises(FileNotFoundError):
        check_reference(tmp_path / "none.mp4", Script())
    poses = sequence(place()).save(tmp_path / "poses.npz")
    with pytest.raises(UserError, match="poses.npz holds poses, and a check needs the picture too; give the video"):
        check_driving(poses, actor_of(sequence(*swinging())), Script())


def test_a_timeline_says_of_every_second_what_it_will_come_to():
    from perfclone.preflight.timeline import timeline

    poses = PoseSequence(
        np.zeros((10, len(KEYPOINTS), 2), np.float32),
        np.ones((10, len(KEYPOINTS)), np.float32),
        np.arange(10.0),
        (9, 9),
    )
    scores = poses.scores.copy()
    scores[2:4] = 0  # nobody
    scores[6:8, INDEX["right_hip"] :] = 0  # the upper half
    poses = replace(poses, scores=scores)
    seen = SimpleNamespace(poses=poses, found=(scores > 0).any(1), info=SimpleNamespace(duration=10.0))
    unusual = np.isin(np.arange(10), (4, 5, 6))
    stretches = timeline(seen, unusual)
    assert [each.kind for each in stretches] == ["good", "nobody", "unusual", "half", "good"]
    assert [each.start for each in stretches] == [0, 1.5, 3.5, 5.5, 7.5] and stretches[-1].end == 10


@pytest.mark.parametrize(
    ("processors", "seconds"),
    [
        (1, 1 + 40 * (20 + 40) / 1000 + 60 * 60 / 1000),  # one does all the work
        (3, 1 + 40 * (20 + 30) / 1000 + 60 * 30 / 1000),  # the slowest part sets the pace, after a look ahead
    ],
)
def test_a_run_takes_as_long_as_its_slowest_part_or_all_the_work(processors, seconds):
    paces = Paces(Pace(20, 20, 500), Pace(30, 30, 500), Pace(10, 10, 0))
    assert paces.seconds(frames=100, ahead=40, processors=processors) == pytest.approx(seconds)
    assert paces.seconds(40, 70, processors) == pytest.approx(paces.seconds(40, 40, processors))
