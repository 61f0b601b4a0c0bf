from copy import deepcopy

import cv2
import numpy as np
import pytest
import torch
from tiny import exemplars, poses

from perfclone.backends.layered.choice import FACE_TRAITS, SHOWN, covered
from perfclone.backends.layered.conditioning import Conditioning
from perfclone.backends.layered.copying import STEP, compose
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.painting import View
from perfclone.backends.layered.parts import FACE, LEGS, LIMBS, PARTS, REGIONS, SKULL, carrying_frames, part_frames
from perfclone.backends.layered.pictures import code
from perfclone.backends.layered.training.choosing import choose_exemplars, cut_out
from perfclone.backends.layered.warping import _fields, _limbs, warp
from perfclone.errors import UserError
from perfclone.pose.details import EXPRESSIONS
from perfclone.pose.skeleton import HEAD, HIPS, INDEX, NECK, TRUNK

SIDE = 64
FACELESS = torch.zeros(1, FACE_TRAITS)


@pytest.fixture(scope="module")
def held():
    return exemplars(SIDE)


def pose_of(held, k):
    """The pose that an exemplar shows, as G is given it: (1, J, 2) crop pixels, (1, J) bool, (1,) pixels."""
    now, scale = (held.keypoints[k : k + 1] + 1) * SIDE / 2, held.scale[k : k + 1] * SIDE / 2
    return now, held.seen[k : k + 1] > 0, scale


def copied(held, now, seen, scale, size=SIDE, flow=None, bar=None, arms=(0.0, 0.0)):
    maps = Conditioning(SIDE)(now[:, None].expand(-1, 3, -1, -1), seen[:, None].expand(-1, 3, -1), scale)
    choice = held.chooser(held, now, seen, scale, FACELESS, None, bar)
    fetch = held.usual if size == SIDE else held.small
    view = View(maps, now, seen, scale, FACELESS, torch.tensor([arms]), None)
    return compose(warp(held, choice, view), fetch, size, flow), choice


def test_a_filmed_pose_is_copied_from_its_own_frame(held):
    now, seen, scale = pose_of(held, 2)
    picture, choice = copied(held, now, seen, scale)
    assert (choice.index[0, :, 0] == 2).all() and (choice.weight[0, :, 0] > 0.7).all()
    assert (picture[0, 0, :4] - held.pictures[2]).abs().mean() < 0.01
    empty = torch.nn.functional.max_pool2d(held.pictures[2:3, 3:], 9, 1, 4)[0, 0] == 0
    assert empty.any() and picture[0, 0, 3][empty].max() < 0.02


def test_half_the_size_is_the_same_picture(held):
    now, seen, scale = pose_of(held, 2)
    small, large = copied(held, now, seen, scale, SIDE // 2)[0], copied(held, now, seen, scale)[0]
    assert (torch.nn.functional.avg_pool2d(large[0, 0], 2) - small[0, 0]).abs().mean() < 0.01


def test_the_copy_goes_where_the_body_goes(held):
    now, seen, scale = pose_of(held, 2)
    there, moved = copied(held, now, seen, scale)[0], copied(held, now + torch.tensor([8.0, 0]), seen, scale)[0]
    assert (moved[0, 0, :4, :, 16:] - there[0, 0, :4, :, 8:-8]).abs().mean() < 0.01


def test_flow_says_where_a_pixel_is_fetched_and_can_be_learnt(held):
    now, seen, scale = pose_of(held, 2)
    flow = torch.zeros(1, SHOWN, 2, SIDE, SIDE)
    flow[:, :, 0] = 4 * 2 / SIDE  # each pixel from four to the right
    shifted, still = copied(held, now, seen, scale, flow=flow)[0], copied(held, now, seen, scale)[0]
    assert (shifted[0, 0, :4, :, 4:-12] - still[0, 0, :4, :, 8:-8]).abs().mean() < 0.02
    flow = torch.zeros_like(flow).requires_grad_()
    copied(held, now, seen, scale, flow=flow)[0].square().sum().backward()
    assert torch.isfinite(flow.grad).all() and flow.grad.abs().sum() > 0


def test_what_is_barred_is_not_chosen(held):
    now, seen, scale = pose_of(held, 2)
    bar = torch.zeros(1, held.count, dtype=torch.bool)
    bar[0, 2] = True
    assert not (copied(held, now, seen, scale, bar=bar)[1].index == 2).any()


def test_a_head_is_taken_from_where_it_looked_and_felt_like_that():
    held = exemplars(SIDE)
    now, seen, scale = pose_of(held, 2)
    held.faces = torch.zeros(held.count, FACE_TRAITS)
    held.faces[:, 0] = 1
    held.faces[:, 4 + EXPRESSIONS.index("jawOpen")] = torch.tensor([0, 0, 0, 0, 0, 1.0])
    held.faces[:, 1] = torch.tensor([0, 1.0, 0, 0, 0, 0])
    talking, turned = held.faces[5:], held.faces[1:2]
    for face, k in ((talking, 5), (turned, 1), (FACELESS, 2)):
        nearest = held.chooser(held, now, seen, scale, face, None, None).index[0, :, 0]
        assert nearest[FACE] == k and nearest[0] == 2, "and the rest of the body as before"
    held.faces[2] = 0  # P did not find the face there, as of one that looks away
    assert held.chooser(held, now, seen, scale, held.faces[3:4], None, None).index[0, FACE, 0] != 2


def test_exemplars_are_exchanged_only_once_they_weigh_nothing(held):
    a, seen, scale = pose_of(held, 0)
    b, last, weights = pose_of(held, 5)[0], None, []
    for share in np.linspace(0, 1, 401):
        choice = held.chooser(held, a + float(share) * (b - a), seen, scale, FACELESS, last, None)
        dense = torch.zeros(len(REGIONS), held.count).scatter_(1, choice.index[0], choice.weight[0])
        weights.append(dense)
        if last is not None:
            stays = (choice.index[..., None] == last[:, :, None]).any(-1)
            moved = stays & (choice.index != last)
            assert not moved.any(), "one that stays keeps its place"
        last = choice.index
    steps = torch.stack(weights).diff(dim=0).abs().amax((1, 2))
    assert steps.max() < 0.25, "no exemplar comes or goes at once"


def test_pictures_survive_the_file():
    held = exemplars(SIDE)
    read = Exemplars(held.count, SIDE, len(held.coded))
    read.load_state_dict(held.state_dict())
    read.open(read.decoded())
    assert torch.equal(read.pictures, held.pictures) and torch.equal(read.labels, held.labels)


@pytest.mark.parametrize("damage", [slice(0, 4), slice(16, 200)])
def test_damaged_pictures_are_refused(damage):
    held = exemplars(SIDE)
    read = Exemplars(held.count, SIDE, len(held.coded))
    read.load_state_dict(held.state_dict())
    read.coded[damage] = 255
    with pytest.raises(UserError, match="exemplars are damaged"):
        read.open(read.decoded())


def test_too_few_pictures_are_refused():
    held = exemplars(SIDE)
    one = len(code(held.decoded()[0]))
    read = Exemplars(held.count, SIDE, len(held.coded) - one)
    read.load_state_dict({**held.state_dict(), "coded": held.coded[: len(held.coded) - one]})
    with pytest.raises(UserError, match="exemplars are damaged"):
        read.open(read.decoded())


def test_a_cut_out_person_over_the_plate_is_the_frame():
    rng = np.random.default_rng(0)
    person, plate = rng.integers(0, 255, (2, 16, 16, 3)).astype(np.float64)
    matte = rng.integers(0, 256, (16, 16)).astype(np.uint8)
    alpha = matte[..., None] / 255
    frame = np.rint(alpha * person + (1 - alpha) * plate).astype(np.uint8)
    cut = cut_out(frame, matte, plate.astype(np.uint8)).astype(np.float64)
    again = alpha * cut[..., :3] + (1 - alpha) * plate
    assert np.abs(again - frame).max() <= 1.5 and (cut[matte == 0, :3] == 0).all()


def test_exemplars_lie_far_apart_and_rather_where_nothing_moves():
    moments = poses()
    chosen = choose_exemplars(moments, np.arange(len(moments)) < 20, 8)
    assert len(chosen) <= 8 and chosen.max() < 20 and (np.diff(chosen) > 0).all()
    keypoints = np.repeat(moments.keypoints[:1], 30, 0)
    keypoints[10:13] += np.linspace(0, 30, 3)[:, None, None] * np.eye(28)[4][None, :, None].astype(np.float32)
    keypoints[13:] = keypoints[12]
    waves = type(moments)(keypoints, np.ones((30, 28), np.float32), moments.times, moments.size)
    assert not set(choose_exemplars(waves, np.ones(30, bool), 4)) & {11, 12}, "not in the middle of a quick wave"


def test_an_arm_that_is_further_away_than_the_trunk_goes_behind_it():
    held = exemplars(SIDE)
    now, seen, scale = pose_of(held, 2)
    elbow, *hand = (INDEX[f"right_{end}"] for end in ("elbow", "wrist", "thumb", "index", "pinky"))
    beyond = int(now[0, INDEX["right_shoulder"], 0]) - 1
    held.pictures[2, :3, :, :beyond] = held.pictures[2, 3:, :, :beyond] * torch.tensor([0, 1.0, 0])[:, None, None]
    others = torch.arange(held.count)[None] != 2
    crossed = now.clone()  # the upper arm hangs down, and the hand is at the belly
    crossed[:, elbow] = now[:, INDEX["right_shoulder"]] + torch.tensor([0, 0.45]) * scale
    crossed[:, hand] = now[:, TRUNK].mean(1, keepdim=True) + torch.tensor([0.1, 0]) * scale
    before, behind = (
        copied(held, crossed, seen, scale, bar=others, arms=(depth, 0.0))[0][0, 0, :3] for depth in (-0.3, 1.2)
    )
    green = lambda picture: ((picture[1] - picture[0])[:, beyond + 3 :] > 0.2).sum()  # noqa: E731
    assert green(before) > 20 and green(behind) < 0.25 * green(before)


def test_a_head_is_carried_level_with_its_face(held):
    """A head that is pushed to the side keeps its eyes level, whatever the axis from the neck says."""
    now, seen, scale = pose_of(held, 2)
    pushed = now.clone()
    pushed[:, HEAD] += torch.tensor([0.3, 0.0]) * scale
    straight, level = (carrying_frames(each, seen, scale)[0, SKULL] for each in (now, pushed))
    leaning = part_frames(pushed, seen, scale)[0, SKULL]
    turn = lambda a, b: torch.arccos(torch.cosine_similarity(a[1, :2], b[1, :2], dim=0))  # noqa: E731
    assert turn(level, straight) < 0.5 * turn(leaning, straight)


def test_joints_on_one_another_are_no_limb_that_is_everywhere():
    now, seen, scale = pose_of(exemplars(SIDE), 2)
    now[:, INDEX["right_index"]] = now[:, INDEX["right_wrist"]]
    reach = Conditioning(SIDE)(now[:, None].expand(-1, 3, -1, -1), seen[:, None].expand(-1, 3, -1), scale).reach
    assert (reach.amax(1) > 1).all()


def test_a_hand_reaches_to_the_tips_of_its_fingers():
    """P's index is a knuckle: what lies as far again beyond it is still hand, and no skirt behind it."""
    now, seen, scale = pose_of(exemplars(SIDE), 2)
    wrist, knuckle = (now[0, INDEX[f"right_{joint}"]] for joint in ("wrist", "index"))
    reach = Conditioning(SIDE)(now[:, None].expand(-1, 3, -1, -1), seen[:, None].expand(-1, 3, -1), scale).reach
    hand = reach[0, :, LIMBS.index(("right_wrist", "right_index"))].view(SIDE // 2, SIDE // 2)
    at = [(wrist + far * (knuckle - wrist)).div(2).long() for far in (1.0, 1.9, 4.0)]
    on, tips, beyond = (hand[y, x].sqrt() for x, y in at)
    assert tips < on + 0.06 and beyond > tips + 0.1


def test_legs_show_a_skirt_and_no_shirt(held):
    """Behind the hip of a leg that is lifted lies the shirt, if the leg is taken from one that hangs."""
    now, _, scale = pose_of(held, 2)
    hips, neck = now[0, HIPS].mean(0), now[0, NECK]
    shown = lambda r, at: float(held.labels[2, r][tuple((at / 4).long().flip(0))])  # noqa: E731
    chest, skirt = neck + 0.4 * (hips - neck), hips + 0.35 * scale * torch.tensor([0, 1.0])
    for leg in LEGS:
        assert shown(leg, chest) < 0.05 < 0.9 < shown(0, chest)
    assert sum(shown(leg, skirt) for leg in LEGS) > 0.9 and shown(0, skirt) > 0.9


def test_beyond_its_ends_a_limb_is_not_stretched(held):
    """Whatever its length looks like, what lies half a torso below a shin is copied from half a torso below it."""
    now, seen, scale = pose_of(held, 2)
    knee, ankle, toe = (INDEX[f"right_{joint}"] for joint in ("knee", "ankle", "toe"))
    shin, others = LIMBS.index(("right_knee", "right_ankle")), torch.arange(held.count)[None] != 2
    shorter = now.clone()
    shorter[:, [ankle, toe]] -= 0.5 * (now[:, ankle] - now[:, knee])[:, None]
    down = (now[0, ankle] - now[0, knee]) / (now[0, ankle] - now[0, knee]).norm()
    places = []
    for each in (now, shorter):
        choice = held.chooser(held, each, seen, scale, FACELESS, None, others)
        only = torch.nn.functional.one_hot(torch.tensor(shin), PARTS).float().expand(1, SIDE // STEP, SIDE // STEP, -1)
        whole, mask = slice(0, SIDE // STEP), torch.ones(1, SIDE // STEP, SIDE // STEP)
        limbs = _limbs(each, seen, scale, SIDE // STEP)
        fields = _fields(held, choice, LEGS[0], limbs, only, whole, whole, mask)[0, :2]
        along = ((fields.permute(1, 2, 0) + 1) * SIDE / 2 - now[0, ankle]) @ down
        cells = STEP * (torch.stack(torch.meshgrid(*[torch.arange(SIDE // STEP)] * 2, indexing="xy"), -1) + 0.5)
        places.append(along - (cells - each[0, ankle]) @ down)
        below = (cells - each[0, ankle]) @ down > 0
    assert torch.allclose(places[0], torch.zeros(()), atol=1e-3), "its own pose"
    assert torch.allclose(places[1][below], torch.zeros(()), atol=1e-3)


def chosen(held, now, seen, scale):
    return held.chooser(held, now, seen, scale, FACELESS, None, None).index[0, :, 0]


def test_of_two_frames_alike_the_sharper_one_is_copied():
    held = deepcopy(exemplars(SIDE))
    decoded = held.decoded()
    decoded[2] = cv2.GaussianBlur(decoded[4], (0, 0), 3)
    for known in (held.keypoints, held.seen, held.scale):
        known[2] = known[4]
    held.open(decoded)
    assert held.blurred[2, 0] > held.blurred[4, 0] + 0.2
    assert chosen(held, *pose_of(held, 2))[0] == 4


def test_no_trunk_is_copied_from_beneath_a_hand_that_is_elsewhere_now():
    held = deepcopy(exemplars(SIDE))
    now, seen, scale = pose_of(held, 2)
    arm = [INDEX[f"right_{joint}"] for joint in ("wrist", "thumb", "index", "pinky")]
    held.blurred.zero_()
    for known in (held.poses, held.covered, held.seen, held.parts, held.firm):
        known[4] = known[2]
    crossed = now.clone()
    crossed[:, arm] = now[:, TRUNK].mean(1, keepdim=True)
    held.covered[2] = covered(crossed, seen, scale)[0]
    assert held.covered[2, 0].sum() > held.covered[4, 0].sum() + 1
    assert chosen(held, now, seen, scale)[0] == 4
