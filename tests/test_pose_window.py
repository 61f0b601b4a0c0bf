import numpy as np
import pytest

from perfclone.pose.window import MAX_SIDE, MIN_SIDE, Window, tiles

FRAME = (1920, 1080)


def person(x: float, y: float, height: float) -> np.ndarray:
    """(2, 2): feet and head of somebody."""
    return np.array([[x - height / 5, y], [x + height / 5, y + height]], np.float32)


@pytest.mark.parametrize(
    "window",
    [Window.whole(FRAME), Window.around(person(20, 950, 200), FRAME), Window.around(person(900, -300, 1500), FRAME)],
)
def test_a_window_lies_in_the_frame(window):
    left, top, right, bottom = window.box
    assert 0 <= left < right <= 1920 and 0 <= top < bottom <= 1080
    picture = window.picture(np.zeros((1080, 1920, 3), np.uint8))
    assert MIN_SIDE <= max(picture.shape[:2]) <= MAX_SIDE
    assert window.to_frame(np.float32([(0, 0), (1, 1)])).tolist() == [[left, top], [right, bottom]]


def test_the_whole_frame_is_one_window_however_large_the_person():
    assert Window.around(person(900, 0, 1080), FRAME).box == Window.whole(FRAME).box == (0, 0, 1920, 1080)


def test_a_matte_comes_back_where_it_was_seen():
    window = Window.around(person(1700, 800, 200), FRAME)
    matte = np.zeros((1080, 1920), np.uint8)
    matte[820:980, 1680:1720] = 255
    again = window.spread(window.picture(matte))
    assert again.shape == matte.shape and ((again > 127) != (matte > 127)).mean() < 1e-4


def test_a_window_rests_while_the_person_stays_and_goes_no_faster_than_the_person():
    window = Window.around(person(600, 300, 200), FRAME)
    assert window.following(person(610, 300, 190)) == window
    for step in range(100):
        after = window.following(person(600 + 9 * step, 300, 200 + 2 * step))
        moved = np.subtract(after.middle, window.middle)
        assert 0 <= moved[0] <= 10 and 0.98 <= after.side / window.side <= 1.04
        window = after
    left, top, right, bottom = window.box
    assert left < 1450 and right > 1550 and top < 300 and bottom > 690


@pytest.mark.parametrize("frame", [(1920, 1080), (1080, 1920), (640, 640), (1920, 300)])
def test_tiles_show_each_place_whole_in_one_of_them(frame):
    side = 0.25 * max(frame)
    boxes = np.array([tile.box for tile in tiles(frame, 0.25)])
    for x in range(0, int(frame[0] - side / 2), 20):
        for y in range(0, max(1, int(frame[1] - side / 2)), 20):
            low, high = (x, y), (x + side / 2 - 2, min(frame[1], y + side / 2 - 2))
            assert ((boxes[:, :2] <= low) & (boxes[:, 2:] >= high)).all(axis=1).any()
