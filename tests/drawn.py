"""Pictures and damage for the tests of the metrics."""

import cv2
import numpy as np


def scene(height, width, seed=0):
    """A textured picture, (H, W, 3) uint8, with detail at several scales."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((height // s, width // s, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
        for s in (4, 12, 40)
    ]
    return (np.clip(sum(layers) / 3, 0, 1) * 255).astype(np.uint8)


def noisy(frames, sigma, seed=1):
    """Frames with Gaussian noise of some 8-bit levels."""
    noise = np.random.default_rng(seed).normal(0, 1, frames.shape)
    return np.clip(np.rint(frames + sigma * noise), 0, 255).astype(np.uint8)


def blurred(frames, sigma):
    """A frame, or frames, out of focus by some pixels."""
    if frames.ndim == 4:
        return np.stack([blurred(frame, sigma) for frame in frames])
    return cv2.GaussianBlur(frames, (0, 0), sigma)


def shifted(frames, pixels):
    """Every frame moved to the right by the same number of pixels."""
    return np.roll(frames, int(pixels), axis=-2)


def shaken(frames, pixels):
    """Every other frame moved to the right, the rest to the left."""
    return np.stack([shifted(frame, pixels * (-1) ** t) for t, frame in enumerate(frames)])


def flickering(frames, levels):
    """Every other frame brighter by some 8-bit levels, the rest darker."""
    return np.stack([np.clip(frame + levels * (-1.0) ** t, 0, 255).astype(np.uint8) for t, frame in enumerate(frames)])


def place(seed):
    """A scene of boxes, (360, 640, 3) uint8, larger than a camera sees at once."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 640, 3), rng.integers(60, 180, 3), np.uint8)
    for _ in range(60):
        corner, size = rng.integers((640, 360)), rng.integers(20, 160, 2)
        cv2.rectangle(picture, corner.tolist(), (corner + size).tolist(), rng.integers(20, 235, 3).tolist(), -1)
    return cv2.GaussianBlur(picture, None, 2)


def view(scene, x=0, y=0, zoom=1.0):
    """What a camera sees of a place, (180, 320, 3) uint8; x and y in pixels off its middle."""
    return cv2.getRectSubPix(cv2.resize(scene, None, fx=zoom, fy=zoom), (320, 180), (zoom * 320 + x, zoom * 180 + y))
