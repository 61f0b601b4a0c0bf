import contextlib
import errno
import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import edit_json, untrained_actor

from perfclone.actor.layout import CONFIG, WEIGHTS
from perfclone.actor.model import Actor, pose_bank
from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT


@pytest.fixture
def folder(tmp_path):
    return untrained_actor().save_pretrained(tmp_path / "actor")


def test_what_is_saved_is_what_is_loaded(folder):
    before, after = untrained_actor(), Actor.from_pretrained(folder)
    assert after.config == before.config
    for name, value in before.state_dict().items():
        want = value.half().float() if value.is_floating_point() else value
        assert torch.equal(after.state_dict()[name], want), name
    assert not any(p.requires_grad for p in after.parameters())


def test_weights_are_16_bit_and_readable_by_others(folder):
    assert {t.dtype for t in load_file(folder / WEIGHTS).values()} == {torch.float16, torch.uint8}
    assert (folder / WEIGHTS).stat().st_mode & stat.S_IRGRP
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, CONSENT, WEIGHTS]


def test_saving_over_an_actor_replaces_it(folder):
    untrained_actor(seed=5).save_pretrained(folder)
    want = untrained_actor(seed=5).generator.unet.enter.weight.half().float()
    assert torch.equal(Actor.from_pretrained(folder).generator.unet.enter.weight, want)


def rewrite(folder, change):
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def drop_one(tensors):
    del tensors["generator.unet.enter.bias"]


def add_one(tensors):
    tensors["extra"] = torch.zeros(1)


def reshape_one(tensors):
    tensors["generator.unet.enter.bias"] = torch.zeros(9)


def poison_one(tensors):
    tensors["generator.unet.enter.bias"][0] = float("nan")


def retype_plate(tensors):
    tensors["plate"] = tensors["plate"].float()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (drop_one, "does not fit its config"), (add_one, "does not fit its config"), (reshape_one, "has shape"),
        (poison_one, "not finite"), (retype_plate, "has type"),
    ],
)  # fmt: skip
def test_wrong_tensors_are_refused(folder, change, match):
    rewrite(folder, change)
    with pytest.raises(UserError, match=match):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 7, 900])
def test_a_truncated_file_is_refused(folder, keep):
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged or no safetensors"):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"colour": "red"}, "unknown keys .colour"), ({"width": None}, "width"),
        ({"width": "wide"}, "width must be int"),
        ({"widths": [8]}, "widths"), ({"format_version": 99}, "update perfclone"), ({"resolution": 63}, "multiple"),
        ({"body_lengths": [1.0]}, "lengths"), ({"window": 1}, "window must be bool"), ({"poses": -1}, "poses"),
        ({"width": 10**9}, "width must lie"), ({"resolution": 8192}, "resolution must lie in 1-2048, got 8192"),
        ({"widths": [8, 16.0]}, "widths must be 2-8 whole numbers"), ({"fps": 0}, "fps must lie"),
        ({"body_floor_y": 1e300}, "body_floor_y must lie"), ({"body_lengths": [1e300] * 10}, "body_lengths must lie"),
        ({"steps": -1}, "steps must lie"), ({"holdout": 7.0}, "holdout must lie"), ({"format_version": 0}, "must lie"),
        ({"backend": "magic"}, "no backend .magic"),
        ({"memory": True}, "unknown keys .memory"), ({"format_version": 1, "memory": False}, "memory must be true"),
        ({"preset": "`\n\n# Free"}, "preset must be a name"), ({"extractor": "\x1b[31m"}, "extractor must be a name"),
    ],
)  # fmt: skip
def test_wrong_configs_are_refused(folder, changes, match):
    edit_json(folder / CONFIG, **changes)
    with pytest.raises(UserError, match=match):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize("name", ["fps", "minutes", "body_centre_x"])
def test_a_number_that_json_can_write_and_no_float_can_hold_is_refused(folder, name):
    text = re.sub(rf'("{name}": )[0-9.]+', r"\g<1>1e999", (folder / CONFIG).read_text())
    (folder / CONFIG).write_text(text)
    with pytest.raises(UserError, match=f"{name} must lie .*got inf"):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\xff\xfe"])
def test_a_config_that_is_no_object_is_refused(folder, text):
    (folder / CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="config"):
        Actor.from_pretrained(folder)


def test_a_folder_without_an_actor_and_a_path_without_a_folder(tmp_path):
    with pytest.raises(UserError, match="has no config.json"):
        Actor.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="no actor folder"):
        Actor.from_pretrained(tmp_path / "nothing" / "here")


def test_the_config_is_plain_json(folder):
    values = json.loads((folder / CONFIG).read_text())
    assert all(isinstance(v, int | float | str | bool | list) for v in values.values())


def test_the_bank_is_spread_over_the_reference():
    poses = np.arange(1000, dtype=np.float32)[:, None, None] * np.ones((1, 28, 2), np.float32)
    bank, scores = pose_bank(poses, np.ones((1000, 28)))
    assert bank.shape == (256, 28, 2) and bank[0, 0, 0] == 0 and bank[-1, 0, 0] == 999 and scores.all()


def test_a_disk_that_fills_leaves_the_actor_that_was_there_and_no_remains(folder, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    actor = Actor.from_pretrained(folder)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        actor.save_pretrained(folder)
    with pytest.raises(OSError, match="No space"):
        actor.save_pretrained(folder.with_name("other"))
    assert not folder.with_name("other").exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_saving_over_an_actor_gives_the_old_one_or_the_new_one_wherever_it_stops(folder, monkeypatch, moves):
    (folder / "README.md").write_text("mine")
    new, move, done = untrained_actor(seed=5, fps=12.5), Path.replace, []

    def stop(path, target):
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(path)
        return move(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with contextlib.suppress(KeyboardInterrupt):
            new.save_pretrained(folder)
    found = Actor.from_pretrained(folder)
    for part in (found, Actor.from_pretrained(new.save_pretrained(folder))):
        assert part.config.fps == 12.5 and torch.equal(part.plate, new.plate) and part.consent == new.consent
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", CONFIG, CONSENT, WEIGHTS]


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", [(), (Path, "replace"), (Path, "unlink")])
def test_an_actor_without_a_record_does_not_inherit_that_of_the_one_it_replaces(folder, monkeypatch, where):
    new = untrained_actor(fps=12.5)
    new.consent = None
    with monkeypatch.context() as patch:
        if where:
            patch.setattr(*where, interrupt)
        with contextlib.suppress(KeyboardInterrupt):
            new.save_pretrained(folder)
    found = Actor.from_pretrained(folder)
    assert found.config.fps == 12.5 and found.consent is None
    new.save_pretrained(folder)
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, WEIGHTS]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"subject": "somebody else"}, "changed after it was signed"),
        ({"purposes": ["marketing"]}, "changed after it was signed"),
        ({"colour": "red"}, "unknown"), ({"expires": "never"}, "expires"), ({"signature": None}, "not signed"),
    ],
)  # fmt: skip
def test_an_actor_whose_record_was_tampered_with_does_not_load(folder, change, match):
    values = json.loads((folder / CONSENT).read_text())
    (folder / CONSENT).write_text(json.dumps({**values, **change}))
    with pytest.raises(UserError, match=match):
        Actor.from_pretrained(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"{}" * 40000])
def test_an_actor_with_a_damaged_record_does_not_load(folder, content):
    (folder / CONSENT).write_bytes(content)
    with pytest.raises(UserError, match="consent"):
        Actor.from_pretrained(folder)


def test_a_record_that_is_not_signed_is_not_saved(folder):
    actor = untrained_actor(fps=12.5)
    actor.consent = replace(actor.consent, signature=None)
    with pytest.raises(UserError, match="not signed"):
        actor.save_pretrained(folder)
    assert Actor.from_pretrained(folder).config.fps != 12.5
