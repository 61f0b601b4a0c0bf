"""High dynamic range to an ordinary picture: PQ and HLG, BT.2020 colours, to 8-bit BT.709."""

from __future__ import annotations

import numpy as np

PQ, HLG = 16, 18  # transfer characteristics as ITU-T H.273 numbers them
PEAK = 1000.0  # cd/m2: the brightest light kept, and the display HLG is rendered for
WHITE = 203.0  # cd/m2: HDR reference white (ITU-R BT.2408), here the whitest an ordinary picture can be
_TO_BT709 = np.array(  # linear BT.2020 to linear BT.709, ITU-R BT.2087
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020 primaries
_STEPS = 4095  # of the table from linear light to 8 bits, spaced evenly in the square root of the light
_ROWS = 16  # worked on at a time, so that everything stays in the cache


def pq_to_light(signal: np.ndarray) -> np.ndarray:
    """Return the light, in cd/m2, of a PQ signal in [0, 1] (SMPTE ST 2084)."""
    root = np.power(signal, 32 / 2523)
    return 10000 * np.power(np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root), 16384 / 2610)


def light_to_pq(light: np.ndarray) -> np.ndarray:
    """Return the PQ signal, in [0, 1], of light in cd/m2 (SMPTE ST 2084)."""
    root = np.power(np.asarray(light) / 10000, 2610 / 16384)
    return np.power((3424 / 4096 + 2413 / 128 * root) / (1 + 2392 / 128 * root), 2523 / 32)


def hlg_to_scene(signal: np.ndarray) -> np.ndarray:
    """Return the scene light, in [0, 1], of an HLG signal in [0, 1] (ITU-R BT.2100, the inverse OETF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def tone_curve(light: np.ndarray) -> np.ndarray:
    """Press light of 0 to `PEAK` into 0 to `WHITE`, both cd/m2, with the knee of ITU-R BT.2390 (section 5.4.1).

    Up to about 90 cd/m2 nothing changes; above, a Hermite spline in the PQ domain rolls the highlights off.
    """
    top = light_to_pq(PEAK)
    signal, limit = light_to_pq(light) / top, light_to_pq(WHITE) / top
    knee = 1.5 * limit - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * limit
    return pq_to_light(np.where(signal < knee, signal, spline) * top)


class ToneMapper:
    """Turn 16-bit PQ or HLG pictures into ordinary 8-bit ones, with two table look-ups and a matrix.

    Signal to linear light (for HLG with the 1.2 system gamma of BT.2100 for `PEAK`), BT.2020 to BT.709, `tone_curve`
    on each channel, and the 2.4 gamma of an ordinary display (BT.1886).

    Args:
        transfer: `PQ` or `HLG`.
    """

    def __init__(self, transfer: int):
        signal = np.arange(65536) / 65535
        self._hlg = transfer == HLG
        light = hlg_to_scene(signal) if self._hlg else np.minimum(pq_to_light(signal) / PEAK, 1)
        self._light = light.astype(np.float32)
        shown = tone_curve((np.arange(_STEPS + 1) / _STEPS) ** 2 * PEAK) / WHITE
        self._shown = np.round(255 * np.clip(shown, 0, 1) ** (1 / 2.4)).astype(np.uint8)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB from (H, W, 3) uint16 RGB whose 65535 is the full signal."""
        result = np.empty(pixels.shape, np.uint8)
        for top in range(0, len(pixels), _ROWS):
            light = self._light[pixels[top : top + _ROWS]]
            if self._hlg:
                light *= np.power(light @ _LUMINANCE, np.float32(0.2))[..., None]
            light = light.reshape(-1, 3) @ _TO_BT709.T
            np.clip(light, 0, 1, out=light)
            np.sqrt(light, out=light)
            steps = (light * _STEPS + 0.5).astype(np.uint16)
            result[top : top + _ROWS] = self._shown[steps].reshape(-1, *pixels.shape[1:])
        return result
