import av
import cv2
import numpy as np
import pytest

from eval.synthetic import Scene
from eval.trouble import TROUBLES, Trouble, film
from eval.trouble.filming import look_through
from eval.trouble.paths import looks
from eval.trouble.places import draw_place
from perfclone.pose import INDEX
from perfclone.video import VideoReader

HEIGHT, FPS = 128, 10


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Name -> truth and frames of a clip, filmed once."""
    folder, made = tmp_path_factory.mktemp("trouble"), {}

    def of(name):
        if name not in made:
            truth = film(TROUBLES[name], folder / f"{name}.mp4", seconds=0.6, fps=FPS, height=HEIGHT)
            with VideoReader(truth.path) as reader:
                made[name] = truth, [frame.pixels for frame in reader]
        return made[name]

    return of


def empty(truth, n):
    """What frame n would show if nobody were there."""
    return look_through(truth.plates[truth.places[n]], truth.matrices[n], truth.poses.size)


def differs(truth, frames, n):
    """Mean difference of frame n to the empty place, away from anybody and from their shadow."""
    clear = cv2.dilate(truth.mattes[n], np.ones((25, 25), np.uint8)) == 0
    clear[HEIGHT // 2 :] = False
    return float(np.abs(frames[n].astype(int) - empty(truth, n))[clear].mean())


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_becomes_a_clip_with_its_truth(name, filmed):
    truth, frames = filmed(name)
    assert len(frames) == len(truth.poses) == len(truth.mattes) == len(truth.matrices) == len(truth.shots) == 6
    assert frames[0].shape == (HEIGHT, 228, 3) and truth.mattes.shape[1:] == (HEIGHT, 228)
    assert truth.performing[[0, -1]].all() and truth.poses.size == (228, 128)
    joints = truth.poses.keypoints[0][truth.poses.scores[0] == 1]
    x, y = np.clip(joints.astype(int), 0, [227, 127]).T
    assert np.mean(cv2.dilate(truth.mattes[0], np.ones((3, 3)))[y, x] > 127) > 0.9


@pytest.mark.parametrize(
    "name", ["tripod", "plain_wall", "noise", "shake", "drift", "zoom", "pan", "bump", "cut_same_place", "far_240",
             "cut_other_place", "waist_up", "interlaced"]
)  # fmt: skip
def test_the_place_through_the_true_camera_is_what_the_frame_shows(name, filmed):
    truth, frames = filmed(name)
    for n in (0, 2, 5):
        assert differs(truth, frames, n) < 4.5, n


@pytest.mark.parametrize("name", ["shake", "drift", "zoom", "pan"])
def test_another_camera_would_show_something_else(name, filmed):
    truth, frames = filmed(name)
    wrong = look_through(truth.plates[0], truth.matrices[0], truth.poses.size)
    n = 2
    right = empty(truth, n)
    edges = cv2.Laplacian(cv2.cvtColor(right, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    sharp = (np.abs(edges) > 20) & (cv2.dilate(truth.mattes[n], np.ones((25, 25), np.uint8)) == 0)
    error = [np.abs(frames[n].astype(int) - each)[sharp].mean() for each in (right, wrong)]
    assert error[0] < 0.7 * error[1]


def test_a_travelling_camera_has_no_plate(filmed):
    truth, _ = filmed("tracking")
    assert np.isnan(truth.matrices).all()


def test_what_goes_on_in_the_place_changes_the_picture(filmed):
    calm = differs(*filmed("tripod"), 2)
    for name in ("screen", "exposure", "bystander_standing"):
        assert differs(*filmed(name), 2) > calm + 1, name
    truth, frames = filmed("captions")
    bottom = slice(round(0.9 * HEIGHT), None)
    assert np.abs(frames[0][bottom].astype(int) - frames[5][bottom]).max() > 150


def test_a_lamp_flickers_where_it_shines(filmed):
    truth, frames = filmed("lamp")
    spot = np.array([frame[: HEIGHT // 3, 60:110].mean() for frame in frames])
    still = np.array([frame[: HEIGHT // 3, 60:110].mean() for frame in filmed("tripod")[1]])
    assert np.ptp(spot) > 5 * np.ptp(still)


def test_cuts_and_blackouts_are_told(filmed):
    assert filmed("tripod")[0].shots.tolist() == [0] * 6
    same, other = filmed("cut_same_place")[0], filmed("cut_other_place")[0]
    assert same.shots.tolist() == same.poses.shots.tolist() == [0, 0, 0, 1, 1, 1] and not same.places.any()
    assert other.shots.tolist() == [0, 0, 1, 1, 2, 2] and other.places.tolist() == [0, 0, 1, 1, 0, 0]
    assert np.linalg.norm(same.matrices[0] - same.matrices[3]) > 1
    truth, frames = filmed("blackout")
    dark = [frame.mean() < 20 for frame in frames]
    assert any(dark) and dark == (~truth.performing).tolist()
    assert not truth.mattes[~truth.performing].any()


def test_any_even_height_can_be_filmed(tmp_path):
    truth = film(TROUBLES["tripod"], tmp_path / "x.mp4", seconds=0.2, fps=FPS, height=90)
    with VideoReader(truth.path) as reader:
        frames = [frame.pixels for frame in reader]
    assert frames[1].shape == (90, 160, 3) and differs(truth, frames, 1) < 4.5


def test_interlaced_files_say_so_and_hold_two_moments(tmp_path):
    truth = film(
        Trouble(interlaced=True, path="pan", noise=0, crf=4), tmp_path / "i.mp4", seconds=0.6, fps=FPS, height=128
    )
    with av.open(str(truth.path)) as file:
        frames = list(file.decode(video=0))
    assert len(frames) == 6 and all(frame.interlaced_frame for frame in frames)
    woven = frames[3].to_ndarray(format="gray").astype(int)
    upper, lower = woven[0:40:2], woven[1:41:2]
    next_upper = frames[4].to_ndarray(format="gray").astype(int)[0:40:2]
    assert np.abs(upper - next_upper).mean() > np.abs(lower - next_upper).mean()  # the lower field is nearer in time


def test_the_same_seed_gives_the_same_frames_and_another_another_hand(tmp_path):
    seeds = (0, 0, 1)
    clips = [film(TROUBLES["shake"], tmp_path / "x.mp4", seconds=0.2, fps=FPS, height=64, seed=seed) for seed in seeds]
    assert clips[0].digest == clips[1].digest != clips[2].digest
    assert np.array_equal(clips[0].mattes, clips[1].mattes)
    times = np.arange(50) / 25
    assert looks("shake", times, 0) == looks("shake", times, 0) != looks("shake", times, 1)


def test_the_hand_sways_smoothly_and_the_pan_comes_back():
    times = np.arange(150) / 25
    x = np.array([look.x for look in looks("shake", times, 3)])
    assert np.abs(np.diff(x)).max() < 0.01 < np.ptp(x) < 0.12
    pan = [look.x for look in looks("pan", times, 0)]
    assert pan[0] == pytest.approx(pan[-1]) and max(pan) > 0.2


def test_framing_is_in_heights_of_the_person(filmed):
    far, near = filmed("far_240")[0], filmed("tripod")[0]
    tall = [np.ptp(np.flatnonzero(truth.mattes[0].max(1) > 127)) / HEIGHT for truth in (far, near)]
    assert tall[0] == pytest.approx(240 / 1080, abs=0.03) and tall[1] == pytest.approx(1 / 1.3, abs=0.06)
    assert not filmed("head_cropped")[0].poses.scores[:, INDEX["nose"]].any()
    assert not filmed("waist_up")[0].poses.scores[:, INDEX["left_knee"]].any()
    knees = filmed("knees_up")[0].poses.scores
    assert knees[:, INDEX["left_knee"]].any() and not knees[:, INDEX["left_ankle"]].any()


def test_a_wide_place_is_the_room_of_the_scene_with_more_around_it():
    scene = Scene("anna", 96)
    wide = draw_place("room", scene.look.room, 192, 96)
    assert np.abs(wide[48:144, 48:144].astype(int) - scene.plate).max() <= 1


def test_bad_recipes_are_refused():
    with pytest.raises(ValueError, match="path must be one of still, shake"):
        Trouble(path="fly")
    with pytest.raises(ValueError, match="framing must be"):
        Trouble(framing=(1.0, 0.5))
    with pytest.raises(ValueError, match="crf must lie in 0-51"):
        Trouble(crf=60)
    with pytest.raises(ValueError, match="must not be negative"):
        Trouble(noise=-1)
