"""Mattes refined against the plate: of a drawn figure whose truth is known, and of a synthetic person seen by P."""

import cv2
import numpy as np
import pytest

from eval.synthetic import Scene, motion, random_actor
from perfclone.background.matting import refine
from perfclone.pose.extractor import build_extractor
from perfclone.pose.skeleton import INDEX, KEYPOINTS

H, W, FINE = 240, 200, 4
LIMBS = {"arm": ((100, 70), (150, 30)), "other arm": ((100, 70), (55, 110)), "leg": ((95, 120), (80, 215))}
LIMBS["other leg"] = ((105, 120), (122, 215))


def figure():
    """The true share (H, W) in [0, 1] of a person with head, trunk and four limbs in each pixel."""
    fine = np.zeros((H * FINE, W * FINE), np.uint8)
    scaled = lambda *values: tuple(round(v * FINE) for v in values)  # noqa: E731
    cv2.ellipse(fine, scaled(100, 95), scaled(18, 40), 0, 0, 360, 255, -1)
    cv2.circle(fine, scaled(100, 42), 13 * FINE, 255, -1)
    for a, b in LIMBS.values():
        cv2.line(fine, scaled(*a), scaled(*b), 255, 9 * FINE)
    return cv2.resize(fine, (W, H), interpolation=cv2.INTER_AREA) / 255


def wall(seed=0):
    """A wall with a little texture above a floor of planks, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    room = np.full((H, W, 3), (176, 190, 196), np.float32)
    room[180:] = (150, 116, 88)
    room[180::9] -= 20
    coarse = rng.normal(0, 5, (H // 8, W // 8, 1)).astype(np.float32)
    return (room + cv2.resize(coarse, (W, H))[..., None]).clip(0, 255).astype(np.uint8)


def clothes():
    """Colours (H, W, 3) of the person: hair, a striped shirt, dark trousers."""
    colours = np.full((H, W, 3), (190, 60, 50), np.float32)
    colours[::8] = colours[1::8] = (230, 200, 60)
    colours[:45], colours[125:] = (40, 30, 25), (40, 44, 70)
    return colours


def film(share, plate, colours=None, noise=3.0):
    """A noisy picture (H, W, 3) uint8 of the person before the plate."""
    colours = clothes() if colours is None else colours
    picture = share[..., None] * colours + (1 - share[..., None]) * plate
    return (picture + np.random.default_rng(5).normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)


def network(share):
    """What a network makes of the person: soft, fingers lost, most of the gap between the legs filled."""
    small = cv2.resize(share, (W // 4, H // 4), interpolation=cv2.INTER_AREA)
    matte = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.6), (W, H))
    matte[:36, 146:] = 0
    matte[136:150, 92:108] = 0.85
    return (255 * matte).round().astype(np.uint8)


def refined(pixels, plate, matte=None, known=None, **more):
    matte = network(figure()) if matte is None else matte
    return refine(matte, pixels, plate, np.ones((H, W), bool) if known is None else known, **more)


def error(matte, share=None):
    return float(np.abs(matte / 255 - (figure() if share is None else share)).mean())


def far(margin=7):
    """Where no part of the person is near, (H, W) bool."""
    return cv2.dilate((figure() > 0).astype(np.uint8), np.ones((2 * margin + 1,) * 2)) == 0


def test_what_differs_from_the_plate_near_the_person_is_the_person():
    matte = refined(film(figure(), wall()), wall())
    assert error(matte) < 0.25 * error(network(figure()))
    assert matte[29:33, 147:150].min() > 200  # the fingers
    assert matte[143:149, 99:102].max() < 60  # between the legs
    assert matte[far()].max() == 0


@pytest.mark.parametrize("shift, gain, noise", [(0.5, 1.0, 3), (1.0, 0.85, 3), (0.5, 1.2, 9)])
def test_a_plate_a_little_off_in_place_and_exposure_does_no_harm(shift, gain, noise):
    off = cv2.warpAffine(wall(), np.float32([[1, 0, shift], [0, 1, -shift]]), (W, H), borderMode=cv2.BORDER_REPLICATE)
    matte = refined(film(figure(), wall(), noise=noise), (off * gain).clip(0, 255).astype(np.uint8))
    assert error(matte) < 0.5 * error(network(figure()))
    assert matte[far()].max() == 0


def test_a_shadow_is_not_the_person():
    shadow = cv2.ellipse(np.zeros((H, W), np.float32), (135, 212), (45, 9), 0, 0, 360, 1, -1)
    shadow[60:180, 20:60] = 1
    lit = wall() * (1 - 0.4 * cv2.GaussianBlur(shadow, (0, 0), 3)[..., None])
    matte = refined(film(figure(), lit), wall())
    assert error(matte) < 0.5 * error(network(figure()))
    assert (matte[far(5)] > 127).sum() == 0


def test_clothes_of_the_colour_of_the_wall_stay_as_the_network_saw_them():
    colours = clothes()
    colours[45:125] = wall()[45:125]
    matte = refined(film(figure(), wall(), colours), wall())
    trunk = cv2.erode((figure() == 1).astype(np.uint8), np.ones((9, 9))) > 0
    assert matte[trunk].min() > 250
    assert error(matte) < error(network(figure()))


def test_neither_a_ball_in_the_air_nor_somebody_else_is_the_person():
    pixels, others = film(figure(), wall()), np.zeros((H, W), np.uint8)
    cv2.circle(pixels, (30, 30), 10, (250, 250, 250), -1)
    others[50:200, 130:150] = 255
    pixels[others > 0] = (60, 120, 60)
    share = np.where(others > 0, 0, figure())
    matte = refined(pixels, wall(), np.where(others > 0, 0, network(figure())).astype(np.uint8), others=others)
    assert matte[20:41, 20:41].max() == 0
    assert matte[others > 0].max() == 0
    assert error(matte, share) < 0.5 * error(network(figure()), share)


def test_a_limb_that_the_network_lost_is_found_by_its_bone():
    (x, y), (end_x, end_y) = LIMBS["other leg"]
    keypoints, scores = np.zeros((len(KEYPOINTS), 2), np.float32), np.zeros(len(KEYPOINTS), np.float32)
    for joint, place in {
        "neck": (100, 58), "left_hip": (x, y), "right_hip": (95, 120),
        "left_knee": ((x + end_x) / 2, (y + end_y) / 2), "left_ankle": (end_x, end_y),
    }.items():  # fmt: skip
        keypoints[INDEX[joint]], scores[INDEX[joint]] = place, 1
    lost = network(figure())
    lost[145:, 101:] = 0
    pixels = film(figure(), wall())
    blind, led = refined(pixels, wall(), lost), refined(pixels, wall(), lost, keypoints=keypoints, scores=scores)
    assert led[200:210, 118:121].min() > 200
    assert blind[200:210, 118:121].max() < 50


def test_where_the_plate_cannot_help_the_network_keeps_its_word():
    matte, known = network(figure()), np.zeros((H, W), bool)
    assert np.array_equal(refined(film(figure(), wall()), wall(), matte, known), matte)
    nobody = np.zeros((H, W), np.uint8)
    assert np.array_equal(refined(wall(), wall(), nobody), nobody)
    elsewhere = np.random.default_rng(3).integers(0, 255, (H, W, 3), dtype=np.uint8)
    assert error(refined(film(figure(), wall()), elsewhere)) < 1.1 * error(matte)


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="must be of one size"):
        refined(film(figure(), wall())[:-1], wall())


def test_the_error_of_ps_mattes_halves_on_a_synthetic_person():
    scene, extractor, before, after = (
        Scene(random_actor(31), noise=2.5),
        build_extractor("blazepose", matte=True),
        [],
        [],
    )
    for n in (20, 50, 80):
        shot = scene.render(motion("arms", 25)[n], n)
        pose = extractor.people([shot.rgb])[0][0]
        known = np.ones(shot.matte.shape, bool)
        matte = refine(pose.matte, shot.rgb, scene.plate, known, pose.keypoints, pose.scores)
        before.append(error(pose.matte, shot.matte / 255))
        after.append(error(matte, shot.matte / 255))
    assert np.mean(after) < 0.5 * np.mean(before)
