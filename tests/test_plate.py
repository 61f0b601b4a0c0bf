import cv2
import numpy as np
import pytest

from perfclone.background.plate import PlateBuilder, in_exposure_of

SIZE = (180, 320)


def texture(rng, size=SIZE, margin=0):
    """A picture with detail at several scales, as a room has."""
    height, width = size[0] + 2 * margin, size[1] + 2 * margin
    layers = [
        cv2.resize(rng.uniform(0, 255, (height // s + 1, width // s + 1, 3)).astype(np.float32), (width, height))
        for s in (4, 12, 40)
    ]
    return np.mean(layers, axis=0).astype(np.uint8)


def walk(background, frames, x_of, shadow=False):
    """Frames and mattes of a red box that walks over the background; the matte is two pixels too small all round."""
    height, width = background.shape[:2]
    for t in range(frames):
        x = int(x_of(t))
        pixels, matte = background.copy(), np.zeros((height, width), np.uint8)
        if shadow:
            pixels[150:156, x - 20 : x + 50] //= 2
        pixels[40:150, x : x + 30] = (200, 20, 20)
        matte[42:148, x + 2 : x + 28] = 255
        yield pixels, matte


def build(frames, **options):
    builder = PlateBuilder(**options)
    for pixels, matte in frames:
        builder.add(pixels, matte)
    return builder.build()


def error(plate, background, where=slice(None)):
    return np.abs(plate.image.astype(int) - background.astype(int))[where]


def test_no_ghost_where_the_background_was_seen():
    background = texture(np.random.default_rng(0))
    plate = build(walk(background, 60, lambda t: 30 + 4 * t, shadow=True))
    assert plate.seen == 1
    assert error(plate, background).max() <= 1


def test_what_nobody_saw_is_painted_in_and_reported():
    background = np.full((*SIZE, 3), 120, np.uint8)
    plate = build(walk(background, 20, lambda t: 100 + 4 * np.sin(t)))
    assert 0.9 < plate.seen < 0.99
    assert not plate.known[95, 115]
    assert error(plate, background).max() <= 3  # never the red of the person


def test_a_place_uncovered_for_a_moment_is_remembered_past_the_sample():
    background = texture(np.random.default_rng(1))
    frames = walk(background, 400, lambda t: 200 if 190 <= t < 206 else 100)  # away for 4 % of the time
    assert build(frames, keep=10).seen == 1


def test_a_minority_of_bad_mattes_leaves_no_trace():
    background = texture(np.random.default_rng(2))
    frames = [
        (pixels, matte if t % 5 else np.zeros_like(matte))
        for t, (pixels, matte) in enumerate(walk(background, 60, lambda t: 30 + 4 * t))
    ]
    assert error(build(frames), background).max() <= 1


def test_exposure_drift_is_taken_out():
    background = texture(np.random.default_rng(3))
    frames = [
        ((pixels * (1 - 0.004 * t)).astype(np.uint8), matte)
        for t, (pixels, matte) in enumerate(walk(background, 60, lambda t: 30 + 4 * t))
    ]
    assert error(build(frames), background).mean() < 1.5


def test_same_seed_same_plate_and_memory_bounded():
    background = texture(np.random.default_rng(4))
    plates = [build(walk(background, 50, lambda t: 30 + 4 * t), keep=8, seed=5) for _ in range(2)]
    assert np.array_equal(plates[0].image, plates[1].image)
    builder = PlateBuilder(keep=8)
    for pixels, matte in walk(background, 50, lambda t: 30 + 4 * t):
        builder.add(pixels, matte)
    assert len(builder._sample) == 8


def test_frames_given_are_left_alone():
    frames = list(walk(texture(np.random.default_rng(5)), 3, lambda t: 50))
    before = [pixels.copy() for pixels, _ in frames]
    build(frames)
    assert all(np.array_equal(a, pixels) for a, (pixels, _) in zip(before, frames))


def test_plate_refuses_nothing_and_other_sizes():
    with pytest.raises(ValueError, match="at least one frame"):
        PlateBuilder().build()
    with pytest.raises(ValueError, match="keep must lie in 3-255, got 2"):
        PlateBuilder(keep=2)
    builder = PlateBuilder()
    builder.add(np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8))
    with pytest.raises(ValueError, match=r"\(20, 30, 3\)"):
        builder.add(np.zeros((30, 20, 3), np.uint8), np.zeros((30, 20), np.uint8))


def moved(dx, dy, degrees=0.0, zoom=1.0, size=SIZE):
    """Steady view -> frame, (3, 3)."""
    matrix = np.vstack([cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), degrees, zoom), (0, 0, 1)])
    matrix[:2, 2] += dx, dy
    return matrix


def filmed(matrices, big, margin, size=SIZE):
    """Frames, mattes and matrices frame -> steady view of a big picture, a red box walking in front of it."""
    for t, matrix in enumerate(matrices):
        from_big = matrix @ moved(-margin, -margin)
        pixels = cv2.warpPerspective(big, from_big, size[::-1], flags=cv2.INTER_CUBIC)
        x = int(30 + 240 * t / len(matrices))
        matte = np.zeros(size, np.uint8)
        pixels[40:150, x : x + 30], matte[40:150, x : x + 30] = (200, 20, 20), 255
        yield pixels, matte, np.linalg.inv(matrix)


def psnr(image, truth, where):
    return 10 * np.log10(255**2 / np.square(image.astype(float) - truth)[where].mean())


def test_frames_of_a_moving_camera_make_one_larger_sharp_plate():
    big = cv2.GaussianBlur(texture(np.random.default_rng(11), margin=60), (0, 0), 1)
    matrices = [moved(-50 + 4 * t, 10 * np.sin(t), np.sin(2 * t), 1 + 0.05 * np.cos(t)) for t in range(26)]
    builder = PlateBuilder(reach=(-60, -15.5, 380, 195))
    for pixels, matte, matrix in filmed(matrices, big, 60):
        builder.add(pixels, matte, matrix)
    plate = builder.build()
    assert plate.image.shape == (211, 440, 3) and plate.origin == (60, 16) and plate.size == (320, 180)
    assert plate.known.mean() > 0.85 and plate.seen > 0.99
    assert psnr(plate.image, big[44:-45], plate.known) > 38
    assert psnr(plate.steady, big[60:-60, 60:-60], plate.steady_known) > 38
    frame = next(filmed([matrices[3]], big, 60))
    image, known = plate.view(frame[2])
    assert psnr(image, frame[0], known & (frame[1] == 0)) > 36
    half, _ = plate.view(frame[2] @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]]), (160, 90))
    assert np.abs(half - cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA).astype(float)).mean() < 1
    away, nowhere = plate.view(moved(1000, 0))
    assert not nowhere.any() and away.shape == (180, 320, 3)


def test_a_canvas_is_never_larger_than_four_frames():
    builder = PlateBuilder(reach=(-5000, 0, 800, 180))
    builder.add(*next(walk(texture(np.random.default_rng(12)), 1, lambda t: 50)))
    plate = builder.build()
    assert plate.known.size <= 4 * SIZE[0] * SIZE[1] and plate.origin[0] > 700 and plate.origin[1] == 0
    assert plate.known.mean() == pytest.approx(plate.seen / plate.known.size * SIZE[0] * SIZE[1])


def test_the_identity_is_no_movement():
    background = texture(np.random.default_rng(13))
    as_it_is, laid = PlateBuilder(), PlateBuilder()
    for pixels, matte in walk(background, 20, lambda t: 30 + 10 * t):
        as_it_is.add(pixels, matte)
        laid.add(pixels, matte, np.eye(3))
    assert np.array_equal(as_it_is.build().image, laid.build().image)
    assert np.array_equal(laid.build().view(np.eye(3))[0], laid.build().steady)


def test_a_view_takes_on_the_exposure_of_a_frame():
    view = texture(np.random.default_rng(14))
    frame = (view * (0.9, 0.8, 0.85)).astype(np.uint8)
    frame[:, :150] = 20  # a person
    background = np.ones(SIZE, bool)
    background[:, :150] = False
    alike = in_exposure_of(view, frame, background)
    assert np.abs(alike[:, 150:].astype(int) - frame[:, 150:]).mean() < 1.5
    assert np.array_equal(in_exposure_of(view, frame, np.zeros(SIZE, bool)), view)
