"""Is the picture good: sharpness, light, what the camera does, a background that is seen?"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from perfclone.background.margin import size_within, widen
from perfclone.background.plate import PlateBuilder
from perfclone.pose.skeleton import INDEX
from perfclone.preflight.report import Finding, graded
from perfclone.survey.sample import Sample
from perfclone.survey.verdict import Verdict

_PERSON_HEIGHT = 400  # pixels: sharpness is measured with the person no taller than this
_PLATE_SIDE = 480
_LESS_LIGHT = "Lower the exposure until no skin or cloth burns out."


def sharpness_of(sample: Sample) -> Iterator[Finding]:
    """Sharpness of the person and of the hands: variance of the Laplacian over the variance of the brightness.

    The Laplacian is that of the picture smoothed by 1 px, so that noise does not count as detail. In thousandths,
    crisp footage of people has 13-26, the same blurred by 1.5 px 4-6, by 3 px 1-2.
    """
    body, hands = [], []
    for pixels, matte, keypoints, scores in zip(
        sample.frames, sample.mattes, sample.poses.keypoints, sample.poses.scores
    ):
        if not scores.any():
            continue
        grey, person, scale = _person(pixels, matte)
        edges = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F)
        body.append(_detail(grey, edges, person))
        hands += [
            _detail(grey, edges, _disc(grey.shape, keypoints[wrist] * scale, 0.05 * _PERSON_HEIGHT))
            for wrist in (INDEX["right_wrist"], INDEX["left_wrist"])
            if scores[wrist] > 0
        ]
    sharp = 1000 * float(np.median(body))
    yield graded(
        "sharpness",
        sharp,
        f"fine detail {sharp:.1f} in the person (10 and more is crisp, below 6 soft)",
        "Focus on the actor, clean the lens, give more light and record at a higher bit rate.",
        warn=6,
    )
    if hands:
        blurred = float(np.mean(np.array(hands) < 0.25 * np.median(body)))
        yield graded(
            "motion blur",
            blurred,
            f"the hands are smeared in {blurred:.0%} of the frames",
            "Set a shutter of 1/200 s or shorter, which needs more light, or let the actor move more slowly.",
            warn=0.3,
            low=True,
        )


def _person(pixels: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Grey float picture shrunken so that the person is at most 400 px tall, the person's place in it, the scale."""
    rows = np.flatnonzero((matte > 127).any(1))
    tall = rows[-1] - rows[0] + 1 if len(rows) else pixels.shape[0]
    scale = min(1.0, _PERSON_HEIGHT / tall)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    person = cv2.resize(matte, grey.shape[::-1], interpolation=cv2.INTER_AREA) > 64
    return grey, cv2.dilate(person.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool), scale


def _disc(size: tuple[int, int], centre: np.ndarray, radius: float) -> np.ndarray:
    disc = np.zeros(size, np.uint8)
    return cv2.circle(disc, (int(centre[0]), int(centre[1])), int(radius), 1, -1).astype(bool)


def _detail(grey: np.ndarray, edges: np.ndarray, where: np.ndarray) -> float:
    return float(edges[where].var() / max(grey[where].var(), 1.0)) if where.any() else 0.0


def light(sample: Sample) -> Iterator[Finding]:
    """Brightness and clipping of the person, and how the exposure wanders."""
    thumbnails, mattes = zip(*(_thumbnail(*pair) for pair in zip(sample.frames, sample.mattes)))
    inside = np.concatenate(
        [pixels[::3, ::3][matte[::3, ::3] > 127] for pixels, matte in zip(sample.frames, sample.mattes)]
    )  # (n, 3)
    if len(inside):
        bright, clipped = float(inside.mean()), float((inside.min(1) > 250).mean())
        status = "pass" if 60 <= bright <= 200 else "warn"
        advice = "Put more light on the actor's front." if bright < 128 else _LESS_LIGHT
        message = f"the person has a mean brightness of {bright:.0f} of 255"
        yield Finding("brightness", status, round(bright, 1), message, "" if status == "pass" else advice)
        yield graded(
            "highlights",
            clipped,
            f"{clipped:.1%} of the person is burnt out to white",
            _LESS_LIGHT,
            warn=0.05,
            low=True,
        )
    shown = np.flatnonzero(sample.found)
    gains = _gains([thumbnails[n] for n in shown], [widen(mattes[n]) for n in shown])
    drift = float(np.ptp(gains) / max(np.median(gains), 0.01))
    yield graded(
        "steady exposure",
        drift,
        f"the background's brightness varies by {drift:.1%}",
        "Lock exposure and white balance on the camera, and keep daylight and flickering lamps out.",
        warn=0.08,
        low=True,
    )


def _thumbnail(pixels: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = size_within(160, matte)
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return grey.astype(np.float32), cv2.resize(matte, size, interpolation=cv2.INTER_AREA)


def _gains(thumbnails: list[np.ndarray], people: list[np.ndarray]) -> np.ndarray:
    """(T,) brightness of each background against the first, median over the pixels."""
    gains = [1.0]
    for grey, person in zip(thumbnails[1:], people[1:]):
        clear = ~(person | people[0]) & (thumbnails[0] > 16) & (thumbnails[0] < 240) & (grey < 240)
        gains.append(float(np.median(grey[clear] / thumbnails[0][clear])) if clear.sum() > 50 else 1.0)
    return np.array(gains)


def camera(sample: Sample, verdict: Verdict) -> Iterator[Finding]:
    """What the camera does, and whether the background behind the person is ever seen."""
    shift = round(verdict.camera.max_shift_px, 2)
    if verdict.steady:
        yield Finding("camera still", "pass", shift, verdict.camera_told)
    else:
        advice = "Put the camera on a tripod, or lean it on something firm, and film in one shot."
        yield Finding("camera still", "warn", shift, verdict.camera_told, advice)
    if verdict.plate:
        yield _behind(sample, verdict)


def _behind(sample: Sample, verdict: Verdict) -> Finding:
    """How much of the background that the person ever hides is seen at another time."""
    size = size_within(_PLATE_SIDE, sample.mattes[0])
    shrink = np.diag([*np.divide(size, sample.mattes[0].shape[::-1]), 1.0])
    builder, hidden = PlateBuilder(keep=max(3, min(255, len(sample.frames)))), np.zeros(size[::-1], bool)
    for pixels, everybody, view, found in zip(sample.frames, sample.everybody, verdict.camera.views, sample.found):
        if not found or view is None:
            continue
        matrix = shrink @ view.matrix @ np.linalg.inv(shrink)
        small = cv2.resize(everybody, size, interpolation=cv2.INTER_AREA)
        builder.add(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), small, matrix)
        hidden |= cv2.warpPerspective(widen(small).astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    share = float(builder.build().steady_known[hidden].mean()) if hidden.any() else 1.0
    return graded(
        "background",
        share,
        f"{share:.0%} of what the person hides is seen at another time, the rest is painted in",
        "Let the actor step aside for a few seconds, or walk about, so that the wall and floor behind are seen.",
        warn=0.6,
    )
