import cv2
import numpy as np
import pytest

from perfclone.background.camera import find_camera
from perfclone.background.place import shift_of
from tests.drawn import noisy, scene

SIZE = (360, 640)
MARGIN = 120
CORNERS = np.array([[[0, 0], [640, 0], [0, 360], [640, 360]]], np.float64)


def similarity(dx, dy, degrees=0.0, zoom=1.0):
    """What a movement of the camera does to pixels, (3, 3), place -> frame."""
    turned = cv2.getRotationMatrix2D((320, 180), degrees, zoom)
    turned[:, 2] += dx, dy
    return np.vstack([turned, [0, 0, 1]])


def turned(yaw):
    """The same for a camera that turns by some degrees."""
    lens = np.array([[600, 0, 320], [0, 600, 180], [0, 0, 1.0]])
    return lens @ cv2.Rodrigues(np.array([0, np.radians(yaw), 0]))[0] @ np.linalg.inv(lens)


def filmed(matrices, place=None, noise=3, trouble=None):
    """What a camera sees of a place, moved by known matrices, with somebody walking through: frames and mattes."""
    place = scene(SIZE[0] + 2 * MARGIN, SIZE[1] + 2 * MARGIN, 6) if place is None else place
    frames, mattes = [], []
    for t, matrix in enumerate(matrices):
        pixels = cv2.warpPerspective(place, matrix @ similarity(-MARGIN, -MARGIN), SIZE[::-1], flags=cv2.INTER_CUBIC)
        pixels = pixels if trouble is None else trouble(pixels, t)
        matte, x = np.zeros(SIZE, np.uint8), 100 + int(150 * np.sin(t / 3) ** 2)
        pixels[80:340, x : x + 90], matte[80:340, x : x + 90] = (30, 90, 30), 255
        frames.append(noisy(pixels, noise, seed=t))
        mattes.append(matte)
    return frames, mattes


def errors(views, matrices):
    """Largest error of a corner in each view, pixels at 720p, against the truth, (n,)."""
    assert all(views)
    base = next(t for t, view in enumerate(views) if np.array_equal(view.matrix, np.eye(3)))
    wanted = [matrices[base] @ np.linalg.inv(matrix) for matrix in matrices]
    places = [[cv2.perspectiveTransform(CORNERS, m) for m in (view.matrix, w)] for view, w in zip(views, wanted)]
    return np.array([2 * np.linalg.norm(a - b, axis=-1).max() for a, b in places])


def shake(count):
    rng = np.random.default_rng(7)
    return [similarity(*rng.uniform(-15, 15, 2), rng.uniform(-1, 1), rng.uniform(0.98, 1.02)) for _ in range(count)]


PATHS = {
    "shake": (shake(14), "drifts by up to"),
    "drift": ([similarity(2.5 * t, -t, 0.05 * t) for t in range(14)], "drifts by up to"),
    "zoom": ([similarity(0, 0, 0, 1 + 0.02 * t) for t in range(14)], "zooms by 2"),
    "pan": ([turned(8 * np.sin(np.pi * t / 13)) for t in range(14)], "drifts by up to"),
}


@pytest.mark.parametrize("name", PATHS)
def test_the_path_of_a_moving_camera_is_found(name):
    matrices, words = PATHS[name]
    frames, mattes = filmed(matrices)
    camera = find_camera(frames, mattes)
    assert camera.kind == "moving" and words in camera.movement and camera.left_out == 0
    assert np.median(errors(camera.views, matrices)) < 0.5
    tracker = camera.tracker()
    assert np.median(errors_of_path([tracker(*pair) for pair in zip(frames, mattes)], camera.views)) < 0.5


def errors_of_path(views, others):
    pairs = [[cv2.perspectiveTransform(CORNERS, v.matrix) for v in pair] for pair in zip(views, others)]
    return [2 * np.linalg.norm(a - b, axis=-1).max() for a, b in pairs]


def lamp(pixels, t):
    glow = 1 + 0.4 * (t % 2) * np.exp(-((np.arange(640) - 500) ** 2) / 2e4)[None, :, None]
    return (pixels * (glow - 0.02 * t)).clip(0, 255).astype(np.uint8)


def captions(pixels, t):
    return cv2.putText(pixels.copy(), ("dance with me", "one two three")[t // 3 % 2], (60, 320), 0, 2, (255,) * 3, 5)


def shadow(pixels, t):
    x = 200 + int(150 * np.sin(t / 3) ** 2)
    dark = cv2.GaussianBlur(cv2.ellipse(np.zeros(SIZE), (x, 310), (120, 30), 0, 0, 360, 0.5, -1), (0, 0), 6)
    return (pixels * (1 - dark[..., None])).astype(np.uint8)


def screen(pixels, t):
    pixels = pixels.copy()
    pixels[40:180, 420:600] = scene(140, 180, seed=t)
    return pixels


WALL = np.full((SIZE[0] + 2 * MARGIN, SIZE[1] + 2 * MARGIN, 3), 190, np.uint8)
WALL[420:] = (120, 95, 70)


@pytest.mark.parametrize("place", [None, WALL], ids=["textured", "wall"])
@pytest.mark.parametrize("trouble", [None, lamp, captions, shadow, screen])
def test_a_camera_that_stands_still_is_never_called_moving(trouble, place):
    frames, mattes = filmed([np.eye(3)] * 10, place, trouble=trouble)
    camera = find_camera(frames, mattes)
    assert camera.kind == "still" and camera.max_shift_px == 0 and camera.movement == "it stands still"
    assert all(np.array_equal(view.matrix, np.eye(3)) for view in camera.views)


def test_frames_of_another_place_have_no_view_and_the_place_is_found_again():
    steps = [similarity(2 * t, t) for t in range(14)]
    here, mattes = filmed(steps)
    there, _ = filmed(steps, scene(SIZE[0] + 2 * MARGIN, SIZE[1] + 2 * MARGIN, 60))
    frames = here[:5] + there[5:9] + here[9:]
    camera = find_camera(frames, mattes)
    assert camera.kind == "moving" and camera.movement.endswith("and 29% of the video shows other places")
    tracker = camera.tracker()
    for views in (camera.views, [tracker(*pair) for pair in zip(frames, mattes)]):
        assert [view is None for view in views] == [False] * 5 + [True] * 4 + [False] * 5
        rest = [t for t, view in enumerate(views) if view]
        assert np.median(errors_of_path([views[t] for t in rest], [camera.views[t] for t in rest])) < 0.5
    assert np.median(errors([camera.views[t] for t in rest], [steps[t] for t in rest])) < 0.5


def test_a_single_odd_frame_of_a_still_video_is_left_out_without_a_word():
    frames, mattes = filmed([np.eye(3)] * 10)
    frames[4] = filmed([similarity(12, 5)])[0][0]
    camera = find_camera(frames, mattes)
    assert camera.kind == "still" and camera.views[4] is None and camera.movement == "it stands still"
    assert camera.left_out == 0


def test_a_camera_that_travels_past_posts_is_lost():
    wall = scene(SIZE[0], 2000, 6)

    def travelled(t):
        pixels = wall[:, 30 * t : 30 * t + 640].copy()
        for post in range(-600, 1400, 90):
            x = post - 50 * t
            pixels[:, max(x, 0) : max(x + 22, 0)] = (70, 60, 50)
        return pixels

    frames, mattes = filmed([np.eye(3)] * 14, trouble=lambda _, t: travelled(t))
    assert find_camera(frames, mattes).kind == "lost"


def test_the_tracker_speaks_of_the_pixels_it_is_given():
    steps = [similarity(3 * t, 0) for t in range(8)]
    frames, mattes = filmed(steps)
    camera = find_camera(frames, mattes)
    large = [[cv2.resize(each, (1280, 720)) for each in pair] for pair in zip(frames, mattes)]
    tracker = camera.tracker()
    views = [tracker(*pair) for pair in large]
    shifts = np.array([[view.matrix[0, 2], twice.matrix[0, 2]] for view, twice in zip(camera.views, views)])
    assert np.abs(2 * shifts[:, 0] - shifts[:, 1]).max() < 0.5


def test_a_camera_that_shows_another_place_every_time_is_lost():
    frames = [scene(*SIZE, seed=t) for t in range(7)]
    camera = find_camera(frames, [np.zeros(SIZE, np.uint8)] * 7)
    assert camera.kind == "lost" and "cannot be laid over" in camera.movement


def test_nothing_to_look_at_is_refused():
    with pytest.raises(ValueError, match="got 0 and 0"):
        find_camera([], [])


def test_shift_is_measured_at_720p():
    assert shift_of(np.array([[1, 0, 3], [0, 1, 4], [0, 0, 1]]), (360, 640)) == pytest.approx(10)


@pytest.mark.parametrize("size", [(24, 32), (160, 96)])
def test_small_pictures_stand_still_too(size):
    frames = [noisy(np.full((*size, 3), 120, np.uint8), 3, seed=t) for t in range(5)]
    assert find_camera(frames, [np.zeros(size, np.uint8)] * 5).kind == "still"
