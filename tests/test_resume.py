"""Runs that were stopped, interrupted, killed or failed: what is left of them, and that they can be gone on with."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from tiny import same, shrink_presets, train_tiny, weights, write_clip

from perfclone.actor.model import Actor
from perfclone.backends.layered.training import cutting, duel
from perfclone.errors import UserError
from perfclone.governance.ledger.ledger import Ledger
from perfclone.training import Run, TrainConfig
from perfclone.training.accelerator import accelerator_of_a_run

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_presets(monkeypatch)


KILLED = """
import sys
sys.path.insert(0, {tests!r})
import pytest
from tiny import shrink_presets, train_tiny
shrink_presets(pytest.MonkeyPatch())
import torch
torch.set_num_threads(1)
slow = lambda *at: __import__("time").sleep(0.4 * (at[0] == "train"))
train_tiny({reference!r}, {output!r}, dict(steps=24, checkpoint_minutes=0), progress=slow)
"""


def test_a_killed_run_resumes_and_ends_where_an_unbroken_one_does(reference, tmp_path):
    torch.set_num_threads(1)
    output = tmp_path / "killed"
    script = KILLED.format(tests=str(ROOT / "tests"), reference=str(reference), output=str(output))
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 240
    while not list((tmp_path / "killed.run").glob("checkpoint-*[4-9]")) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    assert Run(tmp_path / "killed.run").state == "training"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run = Run(tmp_path / "killed.run")
    assert run.state == "stopped" and Actor.from_pretrained(output).config.steps in run.previews
    changes = {"steps": 24, "checkpoint_minutes": 0}
    seen = []
    train_tiny(reference, output, changes, resume=True, progress=lambda *at: seen.append(at))
    assert seen[0][0] == "train" and 4 <= seen[0][1] < 24, "the resumed run began again or did nothing"
    train_tiny(reference, tmp_path / "unbroken", changes)
    assert same(weights(output), weights(tmp_path / "unbroken"))
    steps = [json.loads(row)["step"] for row in open(tmp_path / "killed.run" / "log.jsonl") if "pixel" in row]
    assert steps == sorted(set(steps)), "the log tells some steps twice"


@pytest.mark.parametrize("processes", [1, 2])
def test_accelerate_launch(reference, tmp_path, processes, monkeypatch):
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "home"))
    script = tmp_path / "run.py"
    script.write_text(
        KILLED.format(tests=str(ROOT / "tests"), reference=str(reference), output=str(tmp_path / "anna"))
        .replace("steps=24", "steps=4")
        .replace("sleep(0.4", "sleep(0.0")
    )
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        str(processes),
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "29611",
        str(script),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [(entry.event, entry.data["steps"]) for entry in Ledger().entries()] == [("train", 0), ("train", 4)]
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 4


def interrupted(reference, output, **changes):
    def stop(what, done, total):
        if what == "train" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny(reference, output, {"checkpoint_minutes": 0, **changes}, progress=stop)


def test_ctrl_c_in_the_midst_of_a_step_loses_nothing(reference, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    losses, calls = duel.paired_losses, []

    def press(*arguments):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return losses(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(duel, "paired_losses", press)
        with pytest.raises(KeyboardInterrupt):
            train_tiny(reference, tmp_path / "anna")
    assert [path.name for path in (tmp_path / "anna.run").glob("checkpoint*")] == ["checkpoint-000000003"]
    assert Run(tmp_path / "anna.run").state == "stopped"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train_tiny(reference, tmp_path / "anna", resume=True)
    train_tiny(reference, tmp_path / "unbroken")
    assert same(weights(tmp_path / "anna"), weights(tmp_path / "unbroken"))


def test_an_interrupted_run_is_not_thrown_away_by_mistake(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    with pytest.raises(UserError, match="go on with resume, or discard it with force"):
        train_tiny(reference, tmp_path / "anna")
    assert list((tmp_path / "anna.run").glob("checkpoint-*"))
    train_tiny(reference, tmp_path / "anna", resume=True)
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 8


def test_a_checkpoint_from_another_config_is_refused(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    with pytest.raises(UserError, match="belongs to another run .*seed 0 -> 7"):
        train_tiny(reference, tmp_path / "anna", {"seed": 7}, resume=True)


def test_a_damaged_checkpoint_is_one_sentence(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    for file in (tmp_path / "anna.run").glob("checkpoint-*/model.safetensors"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read"):
        train_tiny(reference, tmp_path / "anna", resume=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["thesis.txt", "run.json"])
def test_a_strangers_folder_is_refused_and_left_alone(reference, tmp_path, name):
    (tmp_path / "anna.run" / "reference.old").mkdir(parents=True)
    (tmp_path / "anna.run" / name).write_text('{"mine": 1}')
    for options in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(UserError, match=r"anna\.run, .* holds something else .*; move it away"):
            train_tiny(reference, tmp_path / "anna", **options)
    assert sorted(path.name for path in (tmp_path / "anna.run").iterdir()) == sorted(["reference.old", name])


def test_what_a_finished_run_left_stays_until_the_next_has_its_footage(reference, tmp_path):
    folder = train_tiny(reference, tmp_path / "anna", {"steps": 4}).run_dir
    before = contents(folder)
    short = write_clip(tmp_path / "short.mp4", 5)
    with pytest.raises(UserError, match="only 5 frames"):
        train_tiny(short, tmp_path / "anna", force=True)
    with pytest.raises(FileNotFoundError):
        train_tiny(reference, tmp_path / "anna", force=True, asked={"driving": [tmp_path / "missing.npz"]})
    assert contents(folder) == before

    def stop(what, done, total):
        if what == "train" and done:
            assert Run(folder).request.config.seed == 3
            assert {json.loads(row)["step"] for row in open(folder / "log.jsonl")} == {0, 1}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, force=True, progress=stop)
    assert train_tiny(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, resume=True).steps == 4
    assert contents(folder).keys() == before.keys()


def test_a_place_that_will_not_do_is_refused_before_any_work(reference, tmp_path):
    (tmp_path / "file").write_text("mine")
    for name in ("file", "file/er/act"):
        with pytest.raises(UserError, match="file is a file, and an actor is a folder"):
            train_tiny(reference, tmp_path / name, force=True)
    assert contents(tmp_path) == {"file": b"mine"}


def test_folders_are_made_for_the_actor_and_removed_if_nothing_comes_of_it(reference, tmp_path):
    with pytest.raises(UserError, match="only 5 frames"):
        train_tiny(write_clip(tmp_path / "short.mp4", 5), tmp_path / "actors" / "of" / "anna")
    assert [path.name for path in tmp_path.iterdir()] == ["short.mp4"]
    result = train_tiny(reference, tmp_path / "actors" / "of" / "anna", {"steps": 1})
    assert Actor.from_pretrained(result.actor_dir).config.steps == 1


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_footage_is_prepared_leaves_nothing(reference, tmp_path, monkeypatch):
    def full(*_):
        raise FULL

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"disk is full: .*anna\.run cannot be written; free some space and run again"):
        train_tiny(reference, tmp_path / "anna")
    assert not list(tmp_path.iterdir())


def test_where_room_cannot_be_asked_for_it_is_taken_by_writing(reference, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(cutting, "_BLOCK", 1000)
    array = cutting.mapped(tmp_path / "room.npy", (300, 64, 64))
    assert array.shape == (300, 64, 64) and not array.any()
    assert (tmp_path / "room.npy").stat().st_blocks * 512 >= array.nbytes
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "r+b") as disk:
        cutting._take_room(disk, array.nbytes)
    assert train_tiny(reference, tmp_path / "anna", {"steps": 1}).steps == 1


@pytest.mark.parametrize("error", [FULL, RuntimeError("[enforce fail] . unexpected pos 481600 vs 481488")])
def test_a_disk_that_fills_in_training_keeps_the_last_checkpoint(reference, tmp_path, monkeypatch, error):
    save_state = Accelerator.save_state

    def full(accelerator, path):
        save_state(accelerator, path)
        if path.endswith("3.part"):
            (tmp_path / "anna.run" / "log.jsonl").open("a").write('{"step": 4, "minu')
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(Accelerator, "save_state", full)
        with pytest.raises(UserError, match=r"disk is full: .*anna\.run cannot .* go on with resume"):
            train_tiny(reference, tmp_path / "anna", {"checkpoint_minutes": 0})
    assert [path.name for path in (tmp_path / "anna.run").glob("checkpoint*")] == ["checkpoint-000000002"]
    assert train_tiny(reference, tmp_path / "anna", {"checkpoint_minutes": 0}, resume=True).steps == 8


def test_a_run_names_its_device_and_leaves_the_others_theirs(reference, tmp_path, monkeypatch):
    monkeypatch.delenv("ACCELERATE_TORCH_DEVICE", raising=False)
    with pytest.raises(UserError, match="device cuda:7 cannot be used here"):
        train_tiny(reference, tmp_path / "anna", {"device": "cuda:7"})
    with accelerator_of_a_run(TrainConfig(steps=1, device="cpu", mixed_precision="bf16")) as accelerator:
        assert accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16"
    assert "ACCELERATE_TORCH_DEVICE" not in os.environ
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="gives each process its device"):
        with accelerator_of_a_run(TrainConfig(steps=1, device="cpu")):
            pass
    monkeypatch.delenv("WORLD_SIZE")
    train_tiny(reference, tmp_path / "anna", {"steps": 4, "device": "cpu"}, stop=lambda: True)
    assert not train_tiny(reference, tmp_path / "anna", {"steps": 4}, resume=True).stopped


# Lengths that change, and scores that are none.


def stopped_after(step, reference, output, steps):
    done = [0]
    tell = lambda stage, at, total: stage == "train" and done.append(at)  # noqa: E731
    return train_tiny(reference, output, {"steps": steps}, progress=tell, stop=lambda: done[-1] == step)


def test_a_run_cut_short_is_judged_where_it_ends(reference, tmp_path):
    assert len(stopped_after(3, reference, tmp_path / "anna", 100).scores) == 1, "before the first step"
    done = train_tiny(reference, tmp_path / "anna", {"steps": 2}, resume=True)
    assert done.steps == 3 and len(done.scores) == 2 and min(done.scores) == pytest.approx(done.best, abs=1e-6)


def test_a_longer_run_is_judged_from_the_start(reference, tmp_path):
    before = stopped_after(3, reference, tmp_path / "anna", 4).scores
    after = train_tiny(reference, tmp_path / "anna", {"steps": 12}, resume=True).scores
    assert len(after) - len(before) == 9, "after each of the twelfths that were left"


def test_a_training_that_diverges_leaves_the_actor_as_it_was_and_says_so(reference, tmp_path, monkeypatch, caplog):
    real = duel.paired_losses
    worse = lambda *args: {name: value * float("nan") for name, value in real(*args).items()}  # noqa: E731
    monkeypatch.setattr(duel, "paired_losses", worse)
    train_tiny(reference, tmp_path / "anna", {"steps": 3, "critic": False})
    assert "as it is untrained" in caplog.text or "as it was untrained" in caplog.text
    assert all(torch.isfinite(value.float()).all() for value in weights(tmp_path / "anna").values())


def test_what_a_killed_run_was_told_does_not_stop_the_next(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    (tmp_path / "anna.run" / "stop").touch()
    assert not train_tiny(reference, tmp_path / "anna", resume=True).stopped


def test_a_run_of_perfclone_0_1_can_only_be_discarded(reference, tmp_path):
    folder = tmp_path / "anna.run"
    (folder / "checkpoint-000000003").mkdir(parents=True)
    (folder / "run.json").write_text('{"reference": "me.mp4, sha256 0", "seed": 0}')
    for options in ({}, {"resume": True}):
        with pytest.raises(UserError, match=r"run of perfclone 0\.1, which cannot be gone on with; .* with force"):
            train_tiny(reference, tmp_path / "anna", **options)
    with pytest.raises(UserError, match=r"run of perfclone 0\.1"):
        Run.open(folder)
    assert train_tiny(reference, tmp_path / "anna", {"steps": 1}, resume=True, force=True).steps == 1


def test_a_folder_that_is_removed_while_its_run_goes_on_stays_removed(reference, tmp_path):
    def remove(stage, done, total):
        if (stage, done) == ("train", 2):
            time.sleep(0.6)  # the next note is due
            shutil.rmtree(tmp_path / "anna.run")

    with pytest.raises(UserError, match=r"anna\.run was removed while its run went on"):
        train_tiny(reference, tmp_path / "anna", {"checkpoint_minutes": 0}, progress=remove)
    assert [path.name for path in tmp_path.iterdir()] == ["anna"], "whose actor was there before the first step"
