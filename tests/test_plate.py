import pickle

import cv2
import numpy as np
import pytest

from perfclone.background.exposure import in_exposure_of
from perfclone.background.inpaint import paint_in
from perfclone.background.plate import PlateBuilder

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
    return 10 * np.log10(255**2 / max(np.square(image.astype(float) - truth)[where].mean(), 1e-3))


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


def test_frames_without_anything_of_the_first_get_its_exposure_too():
    big = texture(np.random.default_rng(15), margin=200)
    builder = PlateBuilder(reach=(0, 0, 500, 180))
    for t, (pixels, matte, matrix) in enumerate(filmed([moved(-15 * t, 0) for t in range(25)], big, 200)):
        builder.add((pixels * (1 - 0.008 * t)).astype(np.uint8), matte, matrix)
    plate = builder.build()
    off = plate.image[:, 330:490].astype(float) - big[200:380, 530:690]
    assert abs(np.median(off[plate.known[:, 330:490]])) < 4  # it is 20 without


def test_a_lamp_that_flickers_changes_no_gain():
    background = texture(np.random.default_rng(16)) // 2 + 40
    builder = PlateBuilder()
    for t, (pixels, matte) in enumerate(walk(background, 30, lambda t: 30 + 7 * t)):
        pixels[:90, 200:] = (pixels[:90, 200:] * (1 + 0.3 * (t % 2))).astype(np.uint8)
        builder.add(pixels, matte)
    assert error(builder.build(), background, (slice(90, None), slice(None))).max() <= 1


def test_sharp_views_count_more_than_blurred_ones():
    background = texture(np.random.default_rng(17))
    builder = PlateBuilder()
    for t, (pixels, matte) in enumerate(walk(background, 36, lambda t: 30 + 6 * t)):
        shift = moved(0.5 * (t % 3), 0)
        pixels = cv2.warpPerspective(pixels, shift, SIZE[::-1], flags=cv2.INTER_CUBIC)
        builder.add(cv2.blur(pixels, (7, 7)) if t % 2 else pixels, matte, np.linalg.inv(shift))
    assert psnr(builder.build().image, background, (slice(10, -10), slice(10, -10))) > 45  # 32 with the blurred ones


def test_what_lies_beside_somebody_most_of_the_time_is_no_background():
    background = texture(np.random.default_rng(18))
    frames = list(walk(background, 60, lambda t: 100 if t < 40 else 120 + 6 * (t - 40)))
    for pixels, matte in frames:
        x = np.flatnonzero(matte.any(0))[0]
        pixels[60:75, x - 9 : x - 4] = (250, 220, 200)  # a hand that its matte misses
    assert error(build(frames), background).max() <= 1


def test_somebody_who_was_overlooked_now_and_then_is_no_background():
    background = np.full((*SIZE, 3), 120, np.uint8)
    frames = [
        (pixels, matte if t % 4 else np.zeros_like(matte))
        for t, (pixels, matte) in enumerate(walk(background, 40, lambda t: 100 + 2 * np.sin(t)))
    ]
    plate = build(frames)
    assert not plate.known[60:130, 105:125].any()
    assert error(plate, background).max() <= 4


def test_what_is_painted_in_has_the_texture_of_what_is_around():
    floor = np.random.default_rng(19).normal(120, 20, (*SIZE, 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    floor[:90] = np.linspace(150, 210, 320)[:, None].astype(np.uint8)  # a wall in the light of a window
    hole = np.zeros(SIZE, bool)
    hole[50:140, 140:180] = True
    painted = paint_in(np.where(hole[..., None], 0, floor).astype(np.uint8), hole)
    assert np.abs(painted[50:86, 140:180].astype(int) - floor[50:86, 140:180]).max() < 12
    assert painted[95:140, 140:180].std() > 0.7 * floor[95:140, 140:180].std()
    assert np.array_equal(painted[~hole], floor[~hole])


def test_no_shape_of_somebody_is_left_on_a_lit_wall():
    y, x = np.mgrid[:240, :200]
    lit = np.where(y < 160, 200 - 40 * np.hypot(x - 20, y - 10) / 200, 150)  # a lamp in the corner, and a floor
    wall = lit[..., None].repeat(3, 2) + np.random.default_rng(22).normal(0, 1.5, (240, 200, 1))
    wall[:150, 150:158] = wall[60:66, 150:] = wall[145:152, 140:] = 30  # a scaffold beside the head
    wall, person = wall.round().astype(np.uint8), np.zeros((240, 200), np.uint8)
    cv2.circle(person, (115, 70), 18, 1, -1)
    cv2.ellipse(person, (100, 125), (24, 42), 0, 0, 360, 1, -1)
    hole = cv2.rectangle(person, (84, 150), (116, 190), 1, -1) > 0
    painted = paint_in(np.where(hole[..., None], 0, wall).astype(np.uint8), hole)
    assert np.abs(cv2.blur(painted, (5, 5)).astype(int) - cv2.blur(wall, (5, 5)))[hole].max() < 8


def test_what_was_seen_only_once_is_shown_but_not_known():
    big = texture(np.random.default_rng(20), margin=60)
    builder = PlateBuilder(reach=(0, 0, 350, 180))
    for pixels, matte, matrix in filmed([moved(0, 0), moved(0, 0), moved(-20, 0)], big, 60):
        builder.add(pixels, 0 * matte, matrix)
    plate = builder.build()
    assert plate.known[:, 25:318].all() and not plate.known[:, 322:].any()
    assert psnr(plate.image[100:, 322:338], big[160:240, 382:398], slice(None)) > 30


def test_memory_does_not_grow_with_the_video():
    def held(frames):
        builder = PlateBuilder(keep=5, reach=(-100, 0, 420, 180))
        for t, (pixels, matte) in enumerate(walk(texture(np.random.default_rng(21)), frames, lambda t: 30 + t)):
            builder.add(pixels, matte, moved(-3.5 * (t % 9), 0))
        return len(pickle.dumps(builder))

    assert held(60) == pytest.approx(held(20), rel=0.01)
