from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import exemplars, poses

from perfclone.backends.layered.conditioning import Conditioning
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.copying import STEP
from perfclone.backends.layered.fingers import Fit, doubts, hand_points, near_bones, shapes, turned
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.laying import FINE
from perfclone.backends.layered.laying_hands import lay
from perfclone.backends.layered.painting import View
from perfclone.backends.layered.parts import ARMS
from perfclone.backends.layered.training.choosing import choose_exemplars
from perfclone.backends.layered.warping import warp
from perfclone.pose.details import Details
from perfclone.pose.skeleton import joints

SIDE = 64
RIGHT, LEFT = 0, 1
WRISTS = joints("right_wrist", "left_wrist")
FLAT = torch.zeros(1, 4)


def hand(length=0.2, spread=0.05, thumb=0.12):
    """(21, 2) a hand that points down, its thumb to the right, torso lengths from its wrist."""
    points = [(0.0, 0.0)] + [(thumb * n / 4, 0.03 * n) for n in range(1, 5)]
    for finger in range(4):
        across = spread * (1.5 - finger)
        points += [(across, 0.18 + length * n / 3) for n in range(4)]
    return torch.tensor(points)


OPEN, FIST = hand(), hand(length=0.03, spread=0.04, thumb=0.05)


@pytest.fixture
def held():
    """Exemplars whose hands are open, but for the last, whose right one is a fist."""
    held = deepcopy(exemplars(SIDE))
    shape = torch.stack([OPEN, OPEN * torch.tensor([-1.0, 1.0])]).repeat(held.count, 1, 1, 1)
    shape[-1, RIGHT] = FIST
    held.hands = held.keypoints[:, WRISTS, None] + shape * held.scale[:, None, None, None]
    held.open(held.decoded())
    held.doubts = torch.zeros(held.count, 2)
    return held


def wanted(held, right, left=None, k=0, sure=1.0):
    """A pose, and hands at its wrists as G is told them: (1, 2, 21, 3)."""
    now, scale = (held.keypoints[k : k + 1] + 1) * SIDE / 2, held.scale[k : k + 1] * SIDE / 2
    left = right * torch.tensor([-1.0, 1.0]) if left is None else left
    points = now[:, WRISTS, None] + torch.stack([right, left])[None] * scale[:, None, None, None]
    return now, held.seen[k : k + 1] > 0, scale, torch.cat([points, torch.full((1, 2, 21, 1), sure)], -1)


def chosen(held, right, **how):
    now, seen, scale, hands = wanted(held, right, **how)
    face, arms = torch.zeros(1, held.faces.shape[1]), torch.zeros(1, 2)
    choice = held.chooser(held, now, seen, scale, face, None, None, hands)
    maps = Conditioning(SIDE)(now[:, None].expand(-1, 3, -1, -1), seen[:, None].expand(-1, 3, -1), scale)
    return choice, warp(held, choice, View(maps, now, seen, scale, face, arms, None, hands)), hands, scale


def test_a_hand_is_taken_from_where_it_has_the_same_shape(held):
    fist, last = held.count - 1, held.count - 1
    assert chosen(held, FIST)[0].index[0, RIGHT - 2, 0] == fist
    assert last not in chosen(held, OPEN)[0].index[0, RIGHT - 2]


def test_a_hand_of_the_other_side_serves_mirrored(held):
    choice, found, hands, _ = chosen(held, FIST)
    assert choice.index[0, LEFT - 2, 0] == held.count + held.count - 1
    piece = [piece for piece in found.pieces if piece.region == ARMS[LEFT]][-1]
    assert piece.index[0, 0] == held.count - 1, "the right hand of the last"


def test_a_similarity_lays_hands_on_one_another():
    c, s = np.cos(0.7), np.sin(0.7)
    there = 1.1 * OPEN @ torch.tensor([[c, s], [-s, c]], dtype=torch.float32) + torch.tensor([3.0, 1.0])
    fit = Fit(OPEN, there)
    assert torch.allclose(fit.laid(), there, atol=1e-5) and fit.residual() < 1e-5
    assert fit.angle() == pytest.approx(0.7, abs=1e-4)
    assert Fit(3 * OPEN, OPEN).residual() > 0.05, "no hand is shown much smaller than it was filmed"
    assert torch.equal(turned(torch.tensor([1.0, 2.0])), torch.tensor([2.0, -1.0]))


@pytest.mark.parametrize("side", [RIGHT, LEFT])
def test_the_pixels_of_a_hand_come_from_where_its_points_are(held, side):
    choice, _, hands, scale = chosen(held, FIST)
    laid = lay(held, choice, hands, scale, side, STEP)
    lender, mirrored = held.count - 1, side == LEFT
    points = hands[0, side, :, :2] - torch.tensor([laid.columns.start, laid.rows.start]) * STEP
    size = torch.tensor([laid.fields.shape[-1], laid.fields.shape[-2]]) * FINE
    at = (points / size * 2 - 1)[None, None]
    fields = torch.nn.functional.grid_sample(laid.fields[:1], at, align_corners=False, padding_mode="border")[0, :, 0]
    there = held.hands[lender, RIGHT]
    inside = near_bones(points[:, None] / scale, (points / scale)[None])[:, 0] > 0.9
    assert (fields[:2].T - there)[5:].abs().max() < 0.05, f"mirrored: {mirrored}"
    assert fields[2, 5:][inside[5:]].min() > 0.5


def test_a_hand_that_is_not_known_or_that_nobody_has_shown_leaves_the_arm_alone(held):
    arms = lambda found: [p.region for p in found.pieces if p.region in ARMS]  # noqa: E731
    assert len(arms(chosen(held, OPEN)[1])) == 2 * len(arms(chosen(held, OPEN, sure=0.0)[1])) > 0
    strange = torch.rand(21, 2, generator=torch.Generator().manual_seed(0)) * 0.8
    unlike = chosen(held, strange, left=OPEN * torch.tensor([-1.0, 1.0]))[1]
    assert arms(unlike).count(ARMS[RIGHT]) == 1 and arms(unlike).count(ARMS[LEFT]) == 2


def test_the_arm_gives_way_where_it_shows_its_own_hand(held):
    mask = lambda found: next(p for p in found.pieces if p.region == ARMS[RIGHT]).fields[:, 2].sum()  # noqa: E731
    assert mask(chosen(held, OPEN)[1]) < 0.97 * mask(chosen(held, OPEN, sure=0.0)[1])


def test_hands_are_exchanged_only_once_they_weigh_nothing(held):
    held.hands += 0.02 * torch.randn(held.hands.shape, generator=torch.Generator().manual_seed(1)) * held.scale[0]
    weights = []
    for share in torch.linspace(0, 1, 401):
        now, seen, scale, hands = wanted(held, OPEN + share * (FIST - OPEN))
        choice = held.chooser(held, now, seen, scale, torch.zeros(1, held.faces.shape[1]), None, None, hands)
        weights.append(torch.zeros(2, 2 * held.count).scatter_(1, choice.index[0, -2:], choice.weight[0, -2:]))
    steps = torch.stack(weights).diff(dim=0).abs().amax((1, 2))
    assert weights[0].argmax(1).tolist() != weights[-1].argmax(1).tolist() and steps.max() < 0.25


def test_what_belongs_to_a_hand_is_near_its_bones_and_not_before_its_wrist():
    assert (near_bones(OPEN[1:], OPEN) > 0.99).all()
    between = (OPEN[[8, 12]].mean(0) + torch.tensor([0.0, 0.1]))[None]
    before = torch.tensor([[0.0, -0.1]])
    assert near_bones(torch.cat([between, before, OPEN[4:5] + 0.2]), OPEN).max() == 0


def test_a_hand_beyond_the_person_or_of_another_colour_is_doubted():
    picture = torch.zeros(7, 4, 32, 32)
    picture[:, :, 8:24, 8:24] = torch.tensor([0.8, 0.6, 0.5, 1.0])[:, None, None]
    picture[1, :3] *= 0.4
    hands = (OPEN - OPEN.mean(0)).expand(7, 2, 21, 2).clone()
    hands[2] += 0.8
    hands[0, LEFT] = 0
    found = doubts(picture, hands)
    assert found[0, RIGHT] < 0.05 < found[1, RIGHT] < found[2, RIGHT] and found[0, LEFT] > 5


def details(points, score=1.0):
    """Details of hands (T, 2, 21, 2), pixels."""
    unknown = Details.unknown(len(points))
    return replace(unknown, hands=points, hand_scores=np.full((len(points), 2), score, np.float32))


def test_small_and_doubtful_hands_are_not_gone_by():
    points = np.broadcast_to(OPEN.numpy(), (1, 2, 21, 2))
    assert hand_points(details(points * 300))[..., 2].min() == 1
    assert hand_points(details(points * 50))[..., 2].max() == 0
    assert hand_points(details(points * 300, 0.7))[..., 2].max() == 0


def test_a_shape_is_the_same_wherever_the_hand_points():
    one, turned_one = (np.stack([p, p])[None] * 300 for p in (OPEN.numpy(), turned(OPEN).numpy()))
    other = np.stack([FIST.numpy()] * 2)[None] * 600
    same, apart = (np.abs(shapes(details(one)) - shapes(details(x))).sum() for x in (turned_one, other))
    assert same < 1e-4 < 0.1 < apart


def test_a_fist_is_kept_though_the_body_stands_still():
    moments = poses()
    points = np.broadcast_to(OPEN.numpy() * 300, (len(moments), 2, 21, 2)).copy()
    points[7] = FIST.numpy() * 400
    still = replace(moments, keypoints=np.repeat(moments.keypoints[:1], len(moments), 0), details=details(points))
    assert 7 in choose_exemplars(still, np.ones(len(moments), bool), 2)


def test_actors_from_before_there_were_hands_have_none():
    old, new = (
        set(Generator(GeneratorConfig(SIDE, (8, 16), exemplars=2, hand_points=n)).state_dict()) for n in (0, 21)
    )
    assert new - old == {"exemplars.hands"} and not old - new
