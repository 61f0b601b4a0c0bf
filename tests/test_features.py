from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import exemplars, poses

from perfclone.backends.layered.choice import FACE_TRAITS
from perfclone.backends.layered.conditioning import Conditioning
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.backends.layered.copying import compose
from perfclone.backends.layered.features import FEATURES, MARKS, tones
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.laying import FINE, head_marks, patch
from perfclone.backends.layered.painting import View
from perfclone.backends.layered.parts import FACE, REGIONS
from perfclone.backends.layered.training.choosing import choose_exemplars
from perfclone.backends.layered.warping import warp
from perfclone.pose.details import EXPRESSIONS

SIDE = 64
#: Halves of the distance of the eyes and lengths of the nose: where the marks of a plain face lie.
_PLAIN = {33: (-1, 0), 133: (-0.3, 0), 362: (0.3, 0), 263: (1, 0), 168: (0, 0), 6: (0, 0.2), 1: (0, 0.8), 2: (0, 1),
          98: (-0.3, 0.9), 327: (0.3, 0.9), 127: (-1.4, 0.1), 356: (1.4, 0.1), 234: (-1.4, 0.6), 454: (1.4, 0.6),
          132: (-1.2, 1.5), 361: (1.2, 1.5), 50: (-0.8, 0.9), 280: (0.8, 0.9), 61: (-0.5, 1.5), 291: (0.5, 1.5),
          152: (0, 2.4)}  # fmt: skip
PLAIN = torch.tensor([_PLAIN[mark] for mark in MARKS], dtype=torch.float32)
MOUTH, EYES = 0, 1


@pytest.fixture
def held():
    """Exemplars whose faces have marks where their heads are, all with one expression but the last, which talks."""
    held = exemplars(SIDE)
    nose, ears = held.keypoints[:, 0], held.keypoints[:, 16:18]
    size = (ears[:, 0] - ears[:, 1]).norm(dim=-1)[:, None, None] / 2.6
    held.marks = nose[:, None] + (PLAIN - torch.tensor([0, 0.8])) * size
    held.open(held.decoded())
    held.faces = torch.zeros(held.count, FACE_TRAITS)
    held.faces[:, 0] = 1
    held.faces[-1, 4 + EXPRESSIONS.index("jawOpen")] = 0.6
    yield held
    held.marks, held.faces = None, torch.zeros(held.count, FACE_TRAITS)


def chosen(held, face, k=0):
    now, scale = (held.keypoints[k : k + 1] + 1) * SIDE / 2, held.scale[k : k + 1] * SIDE / 2
    seen = held.seen[k : k + 1] > 0
    maps = Conditioning(SIDE)(now[:, None].expand(-1, 3, -1, -1), seen[:, None].expand(-1, 3, -1), scale)
    choice = held.chooser(held, now, seen, scale, face, None, None)
    return choice, warp(held, choice, View(maps, now, seen, scale, face, torch.zeros(1, 2), None))


def test_a_mouth_is_taken_from_where_it_does_the_same_and_the_eyes_are_not(held):
    choice, _ = chosen(held, held.faces[-1:])
    assert choice.index.shape[1] == len(REGIONS) + len(FEATURES)
    assert choice.index[0, len(REGIONS) + MOUTH, 0] == held.count - 1
    assert choice.weight[0, len(REGIONS) + MOUTH, 0] > 0.9
    quiet, _ = chosen(held, held.faces[:1])
    assert (quiet.index[0, len(REGIONS) + MOUTH] != held.count - 1).all()


def test_the_mouth_lies_over_the_head_and_changes_nothing_else(held):
    _, found = chosen(held, held.faces[-1:])
    regions = [piece.region for piece in found.pieces]
    mouth = regions.index(len(REGIONS) + MOUTH)
    assert regions.index(FACE) < mouth, "over the head"
    bare = found._replace(pieces=[piece for piece in found.pieces if piece.region < len(REGIONS)])
    only = found._replace(pieces=[piece for piece in found.pieces if piece.region != len(REGIONS) + EYES])
    with_mouth, without = (compose(each, held.usual, SIDE)[0, 0] for each in (only, bare))
    changed = (with_mouth - without).abs().amax(0) > 0.02
    rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
    assert changed.any()
    piece = found.pieces[mouth]
    assert 4 * piece.rows.start <= rows.min() and rows.max() < 4 * piece.rows.stop
    assert 4 * piece.columns.start <= columns.min() and columns.max() < 4 * piece.columns.stop


def test_a_face_that_is_not_found_leaves_the_head_alone(held):
    _, found = chosen(held, torch.zeros(1, FACE_TRAITS))
    assert all(piece.region < len(REGIONS) for piece in found.pieces)


def test_a_head_whose_face_was_not_found_is_left_alone(held):
    held.marks[0] = 0
    _, found = chosen(held, held.faces[-1:])
    masks = [piece.fields[:, 2].sum() for piece in found.pieces if piece.region >= len(REGIONS)]
    assert sum(masks) == 0, "though the other head has a face"


def test_a_feature_that_was_filmed_in_other_light_is_brought_to_that_of_the_face(held):
    held.pictures[-1, :3] *= 0.7
    held.tones = tones(held.pictures, held.marks)
    _, found = chosen(held, held.faces[-1:])
    mouth = next(piece for piece in found.pieces if piece.region == len(REGIONS) + MOUTH)
    assert mouth.index[0, 0] == held.count - 1
    assert torch.allclose(mouth.gain[0, 0] * held.tones[-1, MOUTH], held.tones[0, MOUTH], rtol=0.15)


def test_a_feature_of_a_head_that_looks_elsewhere_is_left_alone(held):
    held.faces[-1, 1] = 1.0
    face = held.faces[-1:].clone()
    face[:, 1] = 0
    held.faces[:-1, 0] = 1
    held.marks[:-1, 0, 0] += 1e-4  # their marks stay known
    choice, found = chosen(held, face)
    lender = choice.index[0, len(REGIONS) + MOUTH]
    for piece in found.pieces:
        if piece.region == len(REGIONS) + MOUTH:
            turned = lender == held.count - 1
            assert piece.fields[turned, 2].abs().sum() == 0


@pytest.mark.parametrize("feature", [MOUTH, EYES])
def test_the_pixels_of_a_feature_come_from_where_its_marks_are(feature):
    turn = torch.tensor([[0.9, 0.2], [-0.2, 0.9]])
    now = PLAIN[None] * 8 + torch.tensor([30.0, 24.0])
    marks = ((now - 32) @ turn / 32)[:, None]
    found = patch(feature, now, marks, torch.ones(1, 1), torch.ones(1, 1, 3), SIDE, 4)
    y, x = torch.meshgrid(*(torch.arange(4 * s.start, 4 * s.stop, FINE) + FINE / 2
                            for s in (found.rows, found.columns)),
                          indexing="ij")  # fmt: skip
    wanted = (torch.stack([x, y], -1) - 32) @ turn / 32
    assert torch.allclose(found.fields[0, :2].permute(1, 2, 0), wanted, atol=2e-3)
    mask = found.fields[0, 2]
    assert mask.max() > 0.99 and mask[[0, -1]].max() < 0.3 and mask[:, [0, -1]].max() < 0.3
    assert patch(feature, now - 200, marks, torch.ones(1, 1), torch.ones(1, 1, 3), SIDE, 4) is None
    assert patch(feature, now, marks, torch.zeros(1, 1), torch.ones(1, 1, 3), SIDE, 4) is None


def test_marks_go_where_the_head_goes():
    y, x = torch.meshgrid(torch.arange(16) * 4 + 2.0, torch.arange(16) * 4 + 2.0, indexing="ij")
    pixels = torch.stack([x, y], -1).flatten(0, 1)
    marks = PLAIN[None, None] * 0.2
    places = (pixels / 32 - 1 - torch.tensor([0.1, 0.0]))[None, None]
    put = head_marks(places, torch.ones(1, 1, len(pixels)), pixels, marks)
    assert torch.allclose(put, (marks + torch.tensor([0.1, 0.0]) + 1) * 32, atol=0.05)


def test_a_blink_is_kept_though_the_body_stands_still():
    moments = poses()
    details = moments.details
    expression = details.expression.copy()
    expression[7, EXPRESSIONS.index("eyeBlinkLeft")] = expression[7, EXPRESSIONS.index("eyeBlinkRight")] = 0.6
    score = np.ones(len(moments), np.float32)
    blinking = replace(moments, keypoints=np.repeat(moments.keypoints[:1], len(moments), 0),
                       details=replace(details, expression=expression, face_score=score))  # fmt: skip
    assert 7 in choose_exemplars(blinking, np.ones(len(moments), bool), 3)


def test_actors_from_before_there_were_marks_have_none():
    old, new = (set(Generator(GeneratorConfig(SIDE, (8, 16), exemplars=2, face_marks=n)).state_dict()) for n in (0, 5))
    assert new - old == {"exemplars.marks"} and not old - new
