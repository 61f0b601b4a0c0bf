"""The backend that refines with a pretrained image model: from training over the Hub to a clone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from published import REPOSITORY, asked
from safetensors.torch import load, save
from tiny import poses, same, shrink_presets, untrained_actor, weights, write_clip
from tinybase import COMMITS, cloner, publish_base, published, shrink_bases, train_diffusion, untrained

from hub.publish import push
from hub.pull import pull
from perfclone.actor import Actor
from perfclone.backends.diffusion import backend
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.locating import locate
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.errors import UserError
from perfclone.governance.marks.marker import UNMARKED
from perfclone.pipeline import CloneOptions
from perfclone.pose.stage import neighbours

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.usefixtures("owner")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    torch.set_num_threads(1)
    shrink_presets(monkeypatch)
    shrink_bases(monkeypatch)


def frames(actor, count=3, **options):
    """What an actor makes of the clip's poses."""
    made = cloner(actor).frames(poses(count), CloneOptions(marks=UNMARKED, purpose="evaluation", **options))
    return np.stack(list(made)).astype(int)


def test_an_interrupted_training_ends_as_an_unbroken_one_and_its_actor_is_the_same_everywhere(
    loopback, reference, tmp_path
):
    commits, actor = publish_base(loopback), tmp_path / "anna"

    def press(what, done, total):
        if (what, done) == ("train", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_diffusion(reference, actor, progress=press)
    train_diffusion(reference, tmp_path / "unbroken")
    loopback.put(BASES["sd15"].repo, {"unet/config.json": b"{}"})  # a newer base is not what it began with
    train_diffusion(reference, actor, resume=True)
    assert same(weights(actor), weights(tmp_path / "unbroken"))
    learnt = [value for name, value in weights(actor).items() if "lora_B" in name]
    assert learnt and any(value.any() for value in learnt)
    config = Actor.from_pretrained(actor).config
    assert (config.backend, config.preset, config.steps) == ("diffusion", "sd15", 4)
    assert vars(config.generator).items() >= {"base": "sd15", **commits}.items()

    push(actor, REPOSITORY, preview=False)
    card = loopback.repository(REPOSITORY).files["README.md"].decode()
    assert all(f"at commit `{commit}`" in card for commit in commits.values()) and BASES["sd15"].licence in card
    pull(REPOSITORY, None, tmp_path / "pulled")
    want = frames(actor)
    assert want.shape == (3, 160, 160, 3) and want.std() > 10
    for place in (actor, tmp_path / "pulled", REPOSITORY):
        np.testing.assert_array_equal(frames(place), want)


def touched(actor, count):
    """(T, H, W) bool, where layered's matte has anything of the actor at all."""
    painter, state, found = LayeredPainter(actor, device="cpu"), None, []
    painter.plate = np.zeros_like(painter.plate)
    for window in neighbours(poses(count).moments()):
        step, state = painter.paint_cut(*window, state)
        bright = step.layers._replace(colour=torch.full_like(step.layers.colour, 1e6))
        found.append(painter.composite(bright, state.box).any(-1))
    return np.stack(found)


@pytest.mark.parametrize("name", ["sd15", "sdxl-turbo"])
def test_both_families_paint_within_the_matte_and_leave_the_background(loopback, name):
    actor, layered = untrained(publish_base(loopback, name), name), untrained_actor()
    layered.plate.copy_(actor.plate)
    made, plain = (np.stack(list(cloner(each).render(poses(3)))) for each in (actor, layered))
    there = touched(layered, 3)
    assert 0.02 < there.mean() < 0.6
    np.testing.assert_array_equal(made[~there], plain[~there])
    assert (made != plain)[there].mean() > 0.1


def test_the_lora_matters(loopback):
    actor = untrained(publish_base(loopback))
    before = frames(actor)
    for tensor in actor.generator.lora.parameters():
        tensor.data.zero_()
    assert np.abs(frames(actor) - before).mean() > 0.05


def test_the_lora_for_few_steps_becomes_a_part_of_the_base(loopback):
    repo, name = BASES["sd15"].fast, "pytorch_lora_weights.safetensors"
    before = frames(untrained(publish_base(loopback)))
    tensors = load(published("sd15")[repo][name])
    still = save({called: value * ("lora_up" not in called) for called, value in tensors.items()})
    without = frames(untrained(publish_base(loopback, change={repo: {name: still}})))
    assert np.abs(without - before).mean() > 0.05


def test_what_is_cached_is_not_fetched_again_and_loads_without_a_network(loopback):
    actor = untrained(publish_base(loopback))
    before, fetched = frames(actor), {path.rpartition("/")[2] for path in asked(loopback) if "/resolve/" in path}
    assert not fetched & {"v1-5-pruned-emaonly.ckpt", "v1-5-pruned-emaonly.safetensors", "control_net_open_pose.py"}
    loopback.unplug()
    np.testing.assert_array_equal(frames(actor), before)
    assert asked(loopback) == []


def test_without_a_network_a_base_that_never_came_is_told_of(loopback, monkeypatch, reference, tmp_path):
    actor = untrained(publish_base(loopback))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    sentence = f"Cannot fetch the base model {BASES['sd15'].repo}: HF_HUB_OFFLINE is set"
    with pytest.raises(UserError, match=sentence):
        frames(actor)
    with pytest.raises(UserError, match=sentence):
        train_diffusion(reference, tmp_path / "anna")
    assert not (tmp_path / "anna").exists()


@pytest.mark.parametrize("how", ["offline", "unplugged"])
def test_training_takes_the_base_that_was_the_newest_when_there_was_a_network(loopback, monkeypatch, how):
    publish_base(loopback)
    locate("sd15")
    newest = publish_base(loopback, change={BASES["sd15"].repo: {"notes.md": b"newer"}})
    assert locate("sd15").commits["base"] == newest["base_commit"]
    if how == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    else:
        loopback.unplug()
    assert locate("sd15").commits["base"] == newest["base_commit"]


@pytest.mark.parametrize("missing", [["diffusers"], ["diffusers", "peft"]])
def test_where_its_packages_are_missing_it_says_what_to_install_and_layered_goes_on(missing, monkeypatch, tmp_path):
    folder = untrained(COMMITS).save_pretrained(tmp_path / "anna")
    layered = untrained_actor().save_pretrained(tmp_path / "layered")
    there = backend.find_spec
    monkeypatch.setattr(backend, "find_spec", lambda name: None if name in missing else there(name))
    sentence = f"needs {' and '.join(missing)}, not installed here: pip install 'perfclone.diffusion.'"
    with pytest.raises(UserError, match=sentence):
        Actor.from_pretrained(folder)
    with pytest.raises(UserError, match=sentence):
        train_diffusion(write_clip(tmp_path / "clip.mp4", 2), tmp_path / "other")
    assert frames(layered, 1).std()


def test_layered_paints_where_they_cannot_be_imported(tmp_path):
    untrained_actor().save_pretrained(tmp_path / "anna")
    poses().save(tmp_path / "poses.npz")
    code = f"""
import sys
sys.modules.update(dict.fromkeys(["diffusers", "peft"]))
from perfclone import PerformanceCloner
from perfclone.pose.sequence import PoseSequence
cloner = PerformanceCloner.from_pretrained({str(tmp_path / "anna")!r})
print(next(cloner.render(PoseSequence.load({str(tmp_path / "poses.npz")!r}))).std())
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and float(run.stdout) > 0, run.stderr
