"""High dynamic range becomes an ordinary picture."""

import av
import numpy as np
import pytest
from clips import read

from perfclone.video import hdr as tone
from perfclone.video import probe


def test_transfer_curves_pass_through_published_points():
    assert tone.light_to_pq(np.array([0, 100, 203, 1000, 10_000])) == pytest.approx(
        [0, 0.5081, 0.5807, 0.7518, 1], abs=1e-4
    )
    light = np.array([0.01, 1, 50, 203, 4000])
    assert tone.pq_to_light(tone.light_to_pq(light)) == pytest.approx(light)
    assert tone.hlg_to_scene(np.array([0, 0.5, 0.75, 1])) == pytest.approx([0, 1 / 12, 0.265, 1], abs=1e-3)


def test_the_tone_curve_keeps_what_is_dark_and_rolls_off_what_is_bright():
    assert tone.tone_curve(np.array([0.1, 1, 10, 80])) == pytest.approx([0.1, 1, 10, 80], rel=1e-6)
    light = np.linspace(0, tone.PEAK, 2001)
    curve = tone.tone_curve(light)
    assert (np.diff(curve) > 0).all()
    assert curve[-1] == pytest.approx(tone.WHITE)
    assert (np.diff(curve) <= np.diff(light) * 1.0001).all()


def hdr_clip(path, transfer, signals):
    """A lossless BT.2020 clip of one column for each (R, G, B) signal in [0, 1]."""
    red, green, blue = (np.array(signals) @ np.eye(3)).T
    y = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    frame = av.VideoFrame(16 * len(signals), 16, "yuv420p10le")
    values = (64 + 876 * y, 512 + 896 * (blue - y) / 1.8814, 512 + 896 * (red - y) / 1.4746)
    for plane, value, step in zip(frame.planes, values, (16, 8, 8), strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : plane.width] = np.repeat(np.round(value).astype(np.uint16), step)
        plane.update(rows.tobytes())
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, 9, 9, 1
    frame.pts = 0

    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_hdr_becomes_an_ordinary_picture(tmp_path, transfer):
    greys = [(s, s, s) for s in (0.0, 0.2, 0.4, 0.5, 0.6, 0.7)]
    colours = [(0.5, 0.4, 0.35), (0.35, 0.45, 0.4), (0.4, 0.4, 0.55)]
    path = hdr_clip(tmp_path / "clip.mkv", transfer, greys + colours)
    assert probe(path).hdr
    shown = read(path)[0].pixels[8, 8::16].astype(float)
    assert np.abs(shown - expected_sdr(np.array(greys + colours), transfer)).max() < 3
    assert np.ptp(shown[:6], axis=1).max() <= 2
    assert (np.diff(shown[:6, 0]) > 0).all()
    assert shown[6, 0] - shown[6, 2] > 1.2 * 255 * 0.15, "BT.2020 signals look paler than they are until converted"


def expected_sdr(signal, transfer):
    """The published formulas, one after another, in double precision."""
    if transfer == tone.PQ:
        light = tone.pq_to_light(signal)
    else:
        scene = tone.hlg_to_scene(signal)
        light = tone.PEAK * scene * (scene @ [0.2627, 0.6780, 0.0593])[:, None] ** 0.2
    to_709 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    light = np.clip(light @ np.transpose(to_709), 0, tone.PEAK)
    return 255 * (tone.tone_curve(light) / tone.WHITE) ** (1 / 2.4)
