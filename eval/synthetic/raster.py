"""The rasteriser: which triangle each sample sees, and what colour it has. Compiled by numba, one thread."""

from __future__ import annotations

import numba as nb
import numpy as np

SKIN, TOP, BOTTOM, SHOE, HAIR, EYE, LASH = range(7)
#: Rows of the palette: the materials' colours, then the accents.
TOP_ACCENT, BOTTOM_ACCENT, LIPS, IRIS = 7, 8, 9, 10
PLAIN, STRIPES, CHECKS, DOTS, BLOCK = range(5)
KEY = np.array([-0.42, 0.72, 0.55]) / np.linalg.norm([-0.42, 0.72, 0.55])  # towards the main light


@nb.njit(cache=True, fastmath=True)
def visibility(xy, z, faces, depth, triangle, bary):
    """Find the nearest triangle of every sample.

    Args:
        xy: (V, 2) float64, sample coordinates.
        z: (V,) distance from the eye, smaller is nearer.
        faces: (F, 3) int32.
        depth: (H, W) float32, infinity where nothing is yet; written.
        triangle: (H, W) int32, -1 where nothing is yet; written.
        bary: (H, W, 2) float32, shares of the second and third corner; written.
    """
    height, width = depth.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x0, y0 = xy[a, 0], xy[a, 1]
        ux, uy, vx, vy = xy[b, 0] - x0, xy[b, 1] - y0, xy[c, 0] - x0, xy[c, 1] - y0
        area = ux * vy - vx * uy
        if abs(area) < 1e-9:
            continue
        low_x, high_x = max(0, int(np.ceil(x0 + min(0.0, ux, vx)))), min(width - 1, int(x0 + max(0.0, ux, vx)))
        low_y, high_y = max(0, int(np.ceil(y0 + min(0.0, uy, vy)))), min(height - 1, int(y0 + max(0.0, uy, vy)))
        for y in range(low_y, high_y + 1):
            for x in range(low_x, high_x + 1):
                px, py = x - x0, y - y0
                w1 = (px * vy - vx * py) / area
                w2 = (ux * py - px * uy) / area
                if w1 < -1e-6 or w2 < -1e-6 or w1 + w2 > 1 + 1e-6:
                    continue
                d = z[a] + w1 * (z[b] - z[a]) + w2 * (z[c] - z[a])
                if d < depth[y, x]:
                    depth[y, x], triangle[y, x] = d, t
                    bary[y, x, 0], bary[y, x, 1] = w1, w2


@nb.njit(cache=True, fastmath=True)
def smooth(low, high, x):
    """0 below `low`, 1 above `high`, a soft step between."""
    u = min(1.0, max(0.0, (x - low) / (high - low)))
    return u * u * (3 - 2 * u)


@nb.njit(cache=True, fastmath=True)
def pattern(kind, u, v, scale):
    """How much of the accent colour a place on the cloth has; u around it, v down it, metres."""
    s = 0.05 * scale
    edge = 0.0025
    if kind == STRIPES:
        r = abs((v / s) % 1.0 - 0.5) * s
        return smooth(-edge, edge, s * 0.16 - r)
    if kind == CHECKS:
        r, q = abs((v / s) % 1.0 - 0.5) * s, abs((u / s) % 1.0 - 0.5) * s
        return 0.5 * smooth(-edge, edge, s * 0.24 - r) + 0.5 * smooth(-edge, edge, s * 0.24 - q)
    if kind == DOTS:
        row = np.floor(v / s)
        r, q = ((v / s) % 1.0 - 0.5) * s, ((u / s + 0.5 * (row % 2)) % 1.0 - 0.5) * s
        return smooth(-edge, edge, s * 0.27 - np.sqrt(r * r + q * q))
    if kind == BLOCK:
        return smooth(-edge, edge, 0.035 * scale - abs(v - 0.16)) + smooth(
            -edge, edge, 0.006 - abs(v - 0.16 - 0.05 * scale)
        )
    return 0.0


@nb.njit(cache=True, fastmath=True)
def folds(x, y, z, out):
    """A soft, irregular bump of cloth: the gradient of a few warped waves, written to `out` (3,)."""
    a = 23 * y + 9 * x + 2.2 * np.sin(11 * x + 7 * z) + 1.5 * np.sin(17 * y - 5 * z)
    b = 41 * y - 31 * x + 18 * z + 2.0 * np.sin(13 * y + 9 * x)
    c = 67 * x + 29 * z + 37 * y + 1.7 * np.sin(19 * y)
    ca, cb, cc = np.cos(a) * 0.55, np.cos(b) * 0.3, np.cos(c) * 0.2
    out[0] = 0.4 * ca - 0.6 * cb + 0.7 * cc
    out[1] = 0.9 * ca + 0.7 * cb + 0.4 * cc
    out[2] = 0.4 * cb + 0.4 * cc


@nb.njit(cache=True, fastmath=True)
def paint_skin(p, mask, eye, eyes, crown, palette, beard, colour):
    """Skin with brows, lids, lips, cheeks and beard; `p` (3,) at rest, `eyes` (2, 3), into `colour` (3,)."""
    u, back = (p[1] - eye[1]) / crown, (eye[2] - p[2]) / crown
    blush = mask[3] * 0.10 * np.exp(-((u + 0.38) ** 2) / 0.03 - (abs(p[0]) / crown - 0.38) ** 2 / 0.03)
    lips, lid, brow = 0.85 * mask[0], 0.0, 0.0
    side = 0 if p[0] > 0 else 1
    dx, dy = abs(p[0]) - abs(eyes[side, 0]), p[1] - eyes[side, 1]
    if back < 0.35:
        arch = 0.017 + 0.005 * np.cos((dx - 0.002) * 60) - 0.0012
        brow = smooth(0.0042, 0.0018, abs(dy - arch * crown / 0.11)) * smooth(0.029, 0.021, abs(dx - 0.003))
        lid = 0.35 * mask[1] + 0.25 * smooth(0.024, 0.008, np.sqrt(dx * dx + 2.2 * dy * dy))
    stubble = 0.0
    if beard > 0:
        jaw = smooth(-0.34, -0.52, u) * smooth(1.0, 0.8, back) * smooth(-1.5, -1.25, u)
        jaw = max(
            jaw, smooth(0.95, 0.85, back) * smooth(0.55, 0.7, back) * smooth(0.1, -0.1, u) * smooth(-1.5, -1.25, u)
        )
        stubble = beard * jaw * (1 - mask[0]) * smooth(0.015, 0.045, abs(u + 0.62) * 0.2 + abs(p[0]) * 0.6 + 0.02)
    hair = min(1.0, 0.85 * brow + stubble * 0.85)
    for k in range(3):
        base = palette[SKIN, k] * (1 - (0.25, 0.36, 0.36)[k] * lid) * (1 + (0.3, -0.6, -0.5)[k] * blush)
        base = base + (palette[LIPS, k] - base) * lips
        colour[k] = base + (palette[HAIR, k] * 0.9 - base) * hair


@nb.njit(cache=True, fastmath=True)
def albedo(kind, p, cloth, mask, eye, eyes, crown, palette, patterns, scales, beard, colour):
    """The unlit colour of one sample into `colour` (3,); arguments as in `shade`."""
    for k in range(3):
        colour[k] = palette[kind, k]
    if kind == SKIN:
        paint_skin(p, mask, eye, eyes, crown, palette, beard, colour)
    elif kind == TOP or kind == BOTTOM:
        accent = TOP_ACCENT if kind == TOP else BOTTOM_ACCENT
        share = pattern(patterns[kind - TOP], cloth[0], cloth[1], scales[kind - TOP])
        if kind == BOTTOM:  # side seams and pockets
            share = max(share, 0.7 * smooth(0.004, 0.002, abs(p[2] - 0.018)))
        weave = 1 + 0.035 * np.sin(cloth[0] * 900) * np.sin(cloth[1] * 900)
        for k in range(3):
            colour[k] = (colour[k] + (palette[accent, k] - colour[k]) * min(1.0, share)) * weave
    elif kind == SHOE:
        sole = smooth(0.026, 0.022, p[1])
        lace = (
            0.35
            * smooth(0.3, 0.6, np.sin(p[2] * 240))
            * smooth(0.02, 0.016, abs(abs(p[0]) - 0.14 - 0.3 * (p[2] - 0.06)))
        )
        lace *= smooth(0.05, 0.07, p[1])
        for k in range(3):
            light = 232.0 if palette[SHOE, k] < 170 else 96.0
            colour[k] += (light - colour[k]) * max(sole, lace)
    elif kind == HAIR:
        around = np.arctan2(p[0], eye[2] - 0.1 - p[2])
        strand = np.sin(around * 61 + 9 * np.sin(p[1] * 23)) + 0.7 * np.sin(
            around * 143 + 31 * p[1] + 3 * np.sin(p[1] * 57)
        )
        for k in range(3):
            colour[k] *= 1 + 0.13 * strand
    elif kind == EYE:
        side = 0 if p[0] > 0 else 1
        r = np.sqrt((p[0] - eyes[side, 0]) ** 2 + (p[1] - eyes[side, 1]) ** 2)
        iris, pupil = smooth(0.0068, 0.0056, r), smooth(0.0032, 0.0024, r)
        glint = smooth(0.0022, 0.001, np.hypot(p[0] - eyes[side, 0] + 0.002, p[1] - eyes[side, 1] - 0.0025))
        for k in range(3):
            colour[k] = (colour[k] + (palette[IRIS, k] - colour[k]) * iris) * (1 - pupil) + 12 * pupil
            colour[k] += (255 - colour[k]) * glint


@nb.njit(cache=True, fastmath=True)
def lit(shadows, at, bias):
    """Share of the main light that reaches `at` (column, row, distance) of the light's depth map: 3x3 samples."""
    height, width = shadows.shape
    total = 0.0
    for i in range(-1, 2):
        for j in range(-1, 2):
            y, x = int(at[1] + 0.5) + i, int(at[0] + 0.5) + j
            inside = 0 <= y < height and 0 <= x < width
            total += 1.0 if not inside or shadows[y, x] > at[2] - bias else 0.0
    return total / 9


@nb.njit(cache=True, fastmath=True)
def shade(
    triangle,
    bary,
    faces,
    material,
    world,
    normal,
    paint,
    cloth,
    masks,
    light_at,
    shadows,
    eye,
    eyes,
    crown,
    palette,
    patterns,
    scales,
    beard,
    view,
    out,
):
    """Colour every sample that sees the person.

    Args:
        triangle: (H, W) int32 as :func:`visibility` wrote it.
        bary: (H, W, 2) float32, likewise.
        faces: (F, 3) int32.
        material: (F,) int32, SKIN to LASH.
        world: (V, 3) posed vertices, m.
        normal: (V, 3) their unit normals.
        paint: (V, 3) places at rest, m.
        cloth: (V, 2) places on the cloth, m.
        masks: (V, 4) lips, lids, ears, face in [0, 1].
        light_at: (V, 3) column, row and distance in the main light's depth map.
        shadows: (h, w) float32, that depth map.
        eye: (3,) middle between the eyes at rest.
        eyes: (2, 3) left and right eye at rest.
        crown: height of the skull above the eyes, m.
        palette: (11, 3) sRGB 0-255.
        patterns: (2,) kinds of pattern of top and bottom.
        scales: (2,) their sizes.
        beard: 0 to 1.
        view: (3,) the camera, m.
        out: (H, W, 3) float32, sRGB 0-255, written where a triangle is seen.
    """
    p, n, m, q, at = np.zeros(3), np.zeros(3), np.zeros(4), np.zeros(2), np.zeros(3)
    bump, colour, eyeward = np.zeros(3), np.zeros(3), np.zeros(3)
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            w1, w2 = bary[y, x, 0], bary[y, x, 1]
            w0 = 1 - w1 - w2
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            for k in range(3):
                p[k] = w0 * paint[a, k] + w1 * paint[b, k] + w2 * paint[c, k]
                n[k] = w0 * normal[a, k] + w1 * normal[b, k] + w2 * normal[c, k]
                at[k] = w0 * light_at[a, k] + w1 * light_at[b, k] + w2 * light_at[c, k]
                eyeward[k] = view[k] - (w0 * world[a, k] + w1 * world[b, k] + w2 * world[c, k])
            for k in range(4):
                m[k] = w0 * masks[a, k] + w1 * masks[b, k] + w2 * masks[c, k]
            for k in range(2):
                q[k] = w0 * cloth[a, k] + w1 * cloth[b, k] + w2 * cloth[c, k]
            kind = material[t]
            albedo(kind, p, q, m, eye, eyes, crown, palette, patterns, scales, beard, colour)
            if kind == TOP or kind == BOTTOM:
                folds(p[0], p[1], p[2], bump)
                depth = 0.20 if kind == TOP else 0.15
                for k in range(3):
                    n[k] += depth * bump[k]
            length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-9
            distance = np.sqrt(eyeward[0] ** 2 + eyeward[1] ** 2 + eyeward[2] ** 2)
            facing = (n[0] * eyeward[0] + n[1] * eyeward[1] + n[2] * eyeward[2]) / (length * distance)
            outward = 0.0
            for k in range(3):  # the triangle's own normal: the smooth one turns away too early at the outline
                i, j = (k + 1) % 3, (k + 2) % 3
                outward += eyeward[k] * (
                    (world[b, i] - world[a, i]) * (world[c, j] - world[a, j])
                    - (world[b, j] - world[a, j]) * (world[c, i] - world[a, i])
                )
            inner = outward < 0  # the inside of a sleeve or of hair
            sign = -1.0 if inner else 1.0
            half, diffuse, around = 0.0, 0.0, 0.0
            for k in range(3):
                n[k] *= sign / length
                diffuse += n[k] * KEY[k]
                around += n[k] * (KEY[k] + eyeward[k] / distance)
            half = max(0.0, around / 1.75)
            wrap = 0.25 if kind == SKIN else 0.08
            key = max(0.0, (diffuse + wrap) / (1 + wrap)) * (
                0.25 + 0.75 * lit(shadows, at, 0.025 + 0.035 * (1 - max(0.0, diffuse)))
            )
            ambient = 0.50 + 0.14 * n[1] + 0.10 * n[0] + 0.06 * n[2]
            rim = (1 - max(0.0, abs(facing))) ** 3 * 0.10
            strength = (0.10, 0.02, 0.02, 0.08, 0.22, 0.5, 0.0)[kind]
            power = (14.0, 8.0, 8.0, 30.0, 18.0, 60.0, 8.0)[kind]
            shine = strength * half**power * 255
            dim = 0.7 if inner else 1.0
            for k in range(3):
                warm = (1.0, 0.97, 0.92)[k] * 0.62 * key + (0.96, 0.99, 1.04)[k] * ambient
                if kind == SKIN:
                    warm += (0.05, 0.0, -0.01)[k] * (1 - key)
                out[y, x, k] = min(255.0, colour[k] * (warm + rim) * dim + shine * (0.3 + 0.7 * key))
