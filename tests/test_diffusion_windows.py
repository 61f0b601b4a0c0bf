"""Streams in overlapping windows."""

from copy import copy

import pytest
import torch

from perfclone.backends.diffusion.windows import windowed


def run(stream, length=8, overlap=2, begins=lambda frame: False):
    """Windows that say of each frame which window it was in, and the frames that they were asked about."""
    asked = []

    def refine(window):
        asked.append(window)
        return [torch.tensor(float(len(asked)))] * len(window)

    made = [(frame, float(said)) for frame, said in windowed(stream, begins, refine, length, overlap)]
    return made, asked


def test_each_frame_comes_out_once_and_in_order():
    for count in range(40):
        for length, overlap in ((2, 1), (8, 1), (8, 4), (16, 4)):
            made, asked = run(range(count), length, overlap)
            assert [frame for frame, _ in made] == list(range(count))
            assert all(window == list(range(window[0], window[-1] + 1)) for window in asked)
            assert all(len(window) == min(length, count) for window in asked)


def test_the_shared_frames_are_cross_faded():
    made, asked = run(range(14))
    assert [window[0] for window in asked] == [0, 6]
    said = torch.tensor([said for _, said in made])
    torch.testing.assert_close(said, torch.tensor([1.0] * 6 + [4 / 3, 5 / 3] + [2.0] * 6))


def test_the_last_window_is_full_and_fades_over_what_still_waits():
    made, asked = run(range(16))
    assert [window[0] for window in asked] == [0, 6, 8]
    said = torch.tensor([said for _, said in made])
    torch.testing.assert_close(said[12:], torch.tensor([2 + 1 / 3, 2 + 2 / 3, 3.0, 3.0]))


def test_no_window_reaches_over_a_cut():
    made, asked = run(range(30), begins=lambda frame: frame in (0, 3, 20))
    assert [frame for frame, _ in made] == list(range(30))
    assert not any(window[0] < cut <= window[-1] for window in asked for cut in (3, 20))
    assert [len(window) for window in asked] == [3, 8, 8, 8, 8, 8]


def test_no_more_of_a_stream_is_taken_than_a_window():
    stream = iter(range(1000))
    for given, _ in windowed(stream, lambda frame: False, lambda window: window, 8, 2):
        if given < 900:
            assert next(copy(stream)) <= given + 8


@pytest.mark.parametrize("overlap", [0, 5])
def test_windows_that_share_nothing_or_too_much_are_refused(overlap):
    with pytest.raises(ValueError, match="overlap must lie in 1-4"):
        list(windowed(range(3), lambda _: False, lambda window: window, 8, overlap))
