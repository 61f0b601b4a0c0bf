"""Runs as objects: requests put aside, runs looked at and stopped from outside, and whether they were long enough."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from accelerate import Accelerator
from filelock import FileLock
from tiny import PRESET, driving_file, request_for, shrink_presets, train_tiny, untrained_actor, write_clip

from perfclone import cli
from perfclone.actor.model import Actor
from perfclone.backends import BACKENDS, backend
from perfclone.commands.train import told
from perfclone.errors import UserError
from perfclone.governance.marks.marker import UNMARKED
from perfclone.pipeline import CloneOptions, PerformanceCloner
from perfclone.pose import PoseSequence
from perfclone.training import Run, TrainConfig, TrainRequest, TrainResult, train
from perfclone.training.held import HeldRun
from perfclone.training.pictures import BAR

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_presets(monkeypatch)


# Requests.


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"consent": Path("consent.json"), "poses": Path("poses.npz"), "person": 2, "driving": ["a.mp4", "b.npz"]},
        {"consent": None, "extractor": "openpose", "weights": "owner/pose", "config": TrainConfig("tiny", minutes=3)},
    ],
)
def test_a_request_comes_back_as_it_was_saved(changes, reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = request_for(reference, "anna", **changes)
    back = TrainRequest.load(request.save(tmp_path / "request.json"))
    assert back.config == request.config and (back.extractor, back.person) == (request.extractor, request.person)
    assert back.output == tmp_path / "anna" and back.driving == tuple(path.absolute() for path in request.driving)
    assert back.consent == (tmp_path / "consent.json" if isinstance(request.consent, Path) else request.consent)
    assert TrainRequest.load(back.save(tmp_path / "again.json")) == back


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda values: values.update(weight="x"), "unexpected keyword argument 'weight'"),
        (lambda values: values.pop("output"), "missing 1 required positional argument: 'output'"),
        (lambda values: values.update(person="0"), "person must be int, got '0'"),
        (lambda values: values.update(person=True), "person must be int, got True"),
        (lambda values: values.update(driving="a.mp4"), "driving must be a list of files"),
        (lambda values: values.update(extractor=3), "extractor must be str, got 3"),
        (lambda values: values["config"].update(steps=1.5), "steps must be int | None, got 1.5"),
        (lambda values: values["config"].update(mixed_precision="int4"), "mixed_precision must be"),
        (lambda values: values["config"].update(backend="drawing"), "There is no backend 'drawing'"),
        (lambda values: values["consent"].pop("id"), "The consent record in the request .* has no 'id'"),
        (lambda values: values.update(config=[]), "is none for a training"),
    ],
)
def test_a_request_is_read_strictly(change, sentence, reference, tmp_path):
    values = request_for(reference, tmp_path / "anna").to_json()
    change(values)
    (tmp_path / "request.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=sentence):
        TrainRequest.load(tmp_path / "request.json")


@pytest.mark.parametrize("output", [".", "..", "/", "actors/.."])
def test_an_output_without_a_name_is_refused(output, reference, monkeypatch, capsys):
    with pytest.raises(ValueError, match="output must be a folder with a name of its own"):
        request_for(reference, Path(output))
    assert cli.main(["train", str(reference), "-o", output]) == 2
    assert "output must be a folder with a name of its own" in capsys.readouterr().err


def test_a_folder_of_weights_is_saved_as_a_whole_path(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pose").mkdir()
    for weights, kept in (("pose", str(tmp_path / "pose")), ("owner/pose", "owner/pose")):
        assert request_for(reference, "anna", weights=weights).to_json()["weights"] == kept


def test_a_config_that_was_told_no_length_can_be_told_one():
    usual = TrainConfig()
    assert usual.length == 3 and replace(usual, steps=5).length is None and replace(usual, minutes=7).length == 7


def test_every_backend_can_be_trained_and_names_its_presets():
    for name in BACKENDS:
        found = backend(name)
        assert found.name == name and found.presets and callable(found.material) and callable(found.train)


# Looking at a run.

LOOKS = """
import json, sys
from perfclone.training.run import Run
run = Run.open(sys.argv[1])
print(json.dumps([run.state, run.progress, len(run.rows), bool({"torch", "cv2", "numpy"} & sys.modules.keys())]))
"""


def seen_from_outside(folder):
    found = subprocess.run(
        [sys.executable, "-c", LOOKS, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout)


def test_a_run_is_seen_from_another_process_without_torch(reference, tmp_path):
    seen = {}

    def look(stage, done, total):
        if (stage, done) in (("crops", 30), ("train", 2)):
            seen[stage] = seen_from_outside(tmp_path / "anna.run")

    train_tiny(reference, tmp_path / "anna", progress=look)
    assert seen["crops"][0] == "preparing" and seen["crops"][1][0] == "crops" and seen["crops"][2:] == [0, False]
    assert seen["train"][0] == "training" and seen["train"][1][::2] == ["train", 8] and seen["train"][2] >= 2
    run = Run.open(tmp_path / "anna.run")
    assert (run.state, run.progress, run.why) == ("done", None, None)
    assert run.request == request_for(reference, tmp_path / "anna", consent=run.request.consent)
    assert run.curves.is_file() and run.samples.is_file() and len(run.scores) >= 2
    with pytest.raises(UserError, match=r"anna\.run is done; train anew with force"):
        train_tiny(reference, tmp_path / "anna", resume=True)


def test_an_actor_can_be_cloned_with_while_it_gets_better(reference, tmp_path):
    run, ready, versions = Run(tmp_path / "anna.run"), [], []

    def first(folder):
        ready.append(folder)
        assert run.actor == folder and not run.rows and run.previews == []
        cloner = PerformanceCloner.from_pretrained(folder)
        frames = cloner.frames(PoseSequence.load(driving_file())[:2], CloneOptions(purpose="evaluation"))
        assert cloner.actor.consent and len(list(frames)) == 2

    def look(stage, done, total):
        if stage == "train":
            versions.append((Actor.from_pretrained(run.actor).config.steps, list(run.previews)))

    train_tiny(reference, tmp_path / "anna", {"steps": 24, "learning_rate": 1e-2}, ready=first, progress=look)
    assert ready == [tmp_path / "anna"] and versions[0] == (0, [0])
    assert all(steps == previews[-1] for steps, previews in versions[:-1])
    assert len(run.previews) > 2 and run.actor == tmp_path / "anna"
    rows, row = 1 + len(run.previews), BAR + PRESET.generator.resolution
    assert cv2.imread(str(run.samples)).shape[0] == rows * row, "one for each better actor, below the filmed one"


def test_an_actor_that_is_to_be_replaced_stays_until_the_end(reference, tmp_path):
    run, before, ready = Run(tmp_path / "anna.run"), tmp_path / "anna" / "model.safetensors", []
    train_tiny(reference, tmp_path / "anna", {"steps": 1})
    earlier = before.read_bytes()

    def look(stage, done, total):
        assert stage == "actor" or before.read_bytes() == earlier
        if (stage, done) == ("train", 2):
            assert run.actor == run.path / "actor" and Actor.from_pretrained(run.actor).config.seed == 1
            run.stop()

    changes = {"seed": 1, "steps": 4}
    told = train_tiny(reference, tmp_path / "anna", changes, force=True, progress=look, ready=ready.append)
    assert told.stopped and ready == [run.path / "actor"]
    train_tiny(reference, tmp_path / "anna", changes, resume=True, ready=ready.append)
    assert len(ready) == 1 and run.actor == tmp_path / "anna" and not (run.path / "actor").exists()
    assert Actor.from_pretrained(tmp_path / "anna").config.seed == 1


def test_the_actor_of_a_run_that_failed_early_belongs_to_that_run(reference, tmp_path):
    def fail(stage, done, total):
        if (stage, done) == ("train", 1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train_tiny(reference, tmp_path / "anna", progress=fail)
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 0
    with pytest.raises(UserError, match="go on with resume, or discard it with force"):
        train_tiny(reference, tmp_path / "anna")
    train_tiny(reference, tmp_path / "anna", {"steps": 2}, resume=True)
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 2 and Run(tmp_path / "anna.run").previews[0] == 0


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run at"):
        Run.open(tmp_path / "missing.run")
    with pytest.raises(FileNotFoundError, match="no run at"):
        Run.open(tmp_path)
    for text, sentence in (("[]", "are those of no run"), ("{", "is not JSON"), ("{}", "is none for a training")):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(UserError, match=sentence):
            Run.open(tmp_path)


def test_a_run_that_failed_says_why(reference, tmp_path):
    short = write_clip(tmp_path / "short.mp4", 5)
    run = Run.create(request_for(short, tmp_path / "anna"))
    assert run.state == "stopped"
    with pytest.raises(UserError, match="is the folder of a run already"):
        Run.create(run.request)
    with pytest.raises(UserError, match="only 5 frames"):
        train_tiny(short, tmp_path / "anna", resume=True)
    assert run.state == "failed" and "only 5 frames" in run.why

    def bug(stage, done, total):
        if (stage, done) == ("train", 2):
            raise ZeroDivisionError("of our own")

    with pytest.raises(ZeroDivisionError):
        train_tiny(reference, tmp_path / "ben", progress=bug)
    assert (Run(tmp_path / "ben.run").state, Run(tmp_path / "ben.run").why) == (
        "failed",
        "ZeroDivisionError: of our own",
    )


def test_onlookers_do_not_disturb_each_other(tmp_path):
    run = Run(tmp_path)
    (tmp_path / "lock").touch()
    with ThreadPoolExecutor(4) as onlookers:
        assert not any(onlookers.map(lambda _: run.alive, range(4000)))
    with FileLock(tmp_path / "lock"):
        assert run.alive
    assert not run.alive and not (tmp_path / "lock").read_bytes()


def test_a_run_that_was_moved_is_refused(reference, tmp_path):
    run = Run.create(request_for(reference, tmp_path / "anna"))
    (tmp_path / "linked").symlink_to(run.path)
    assert Run.open(tmp_path / "linked").request == run.request
    run.path.rename(tmp_path / "ben.run")
    with pytest.raises(UserError, match=r"ben\.run was moved: its run belongs at .*anna\.run; move it back"):
        Run.open(tmp_path / "ben.run")


# Stopping.


def test_a_run_that_is_told_to_stop_loses_nothing(reference, tmp_path):
    steps = []
    told = train_tiny(
        reference,
        tmp_path / "anna",
        stop=lambda: (steps or [0])[-1] == 3,
        progress=lambda stage, done, total: stage == "train" and steps.append(done),
    )
    run = Run.open(told.run_dir)
    assert told.stopped and told.steps == 3
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == run.previews[-1]
    assert run.state == "stopped" and run.rows[-1]["step"] == 3
    steps.clear()
    done = train(run.request, resume=True, progress=lambda stage, done, total: steps.append(done))
    assert steps[0] == 3 and not done.stopped and done.steps == 8, "not without an extractor: the footage is there"


def test_a_run_is_stopped_from_outside_and_gone_on_with_by_its_folder(reference, tmp_path, monkeypatch, capsys):
    def ask(stage, done, total):
        if (stage, done) == ("train", 2):
            Run.open(tmp_path / "anna.run").stop()
            with pytest.raises(UserError, match="is being trained by another process"):
                HeldRun(request_for(reference, tmp_path / "anna"), "0" * 64).last_checkpoint(resume=False, force=True)

    assert train_tiny(reference, tmp_path / "anna", progress=ask).steps == 2
    run = Run.open(tmp_path / "anna.run")
    assert run.state == "stopped" and not (run.path / "stop").exists()
    run.stop()
    assert cli.main(["train", "--run", str(run.path), "--steps", "4"]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'anna'}: trained for 4 steps in" in said
    assert f"longer training would help: python -m perfclone train --run {run.path} --steps 40 --force" in said
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 4 and run.state == "done"


def test_preparing_stops_at_once_and_leaves_the_request(reference, tmp_path):
    stopped = train_tiny(reference, tmp_path / "anna", stop=lambda: True)
    assert stopped.stopped and stopped.steps == 0
    assert {path.name for path in stopped.run_dir.iterdir()} == {"run.json", "lock"}
    assert train_tiny(reference, tmp_path / "anna", resume=True).steps == 8


def test_options_that_a_run_has_already_are_not_taken_with_it(tmp_path, capsys):
    for arguments in (["--preset", "tiny"], ["-o", "x"], ["me.mp4"], ["--person", "1"], ["--poses", "p.npz"]):
        with pytest.raises(SystemExit):
            cli.main(["train", "--run", str(tmp_path), *arguments])
        assert "only --minutes, --steps, --device and --force" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["train", "me.mp4"])
    assert "give REFERENCE and -o ACTOR_DIR, or --run" in capsys.readouterr().err


# Whether the steps suffice.


@pytest.mark.parametrize(
    ("scores", "gain", "enough"),
    [
        ((9.0, 6.0, 4.0, 3.0, 2.0, 1.0), 2 / 3, False),
        ((9.0, 3.0, 2.0, 2.0, 1.99, 2.1), 0.005, True),
        ((9.0, 3.0, 2.0, 2.0, 2.5, 2.1), 0.0, True),
        ((3.0, 2.0), None, False),
        ((), None, False),
    ],
)
def test_the_validation_curve_says_whether_the_steps_suffice(scores, gain, enough):
    result = TrainResult(Path("anna"), Path("anna.run"), 300, 1.0, min(scores, default=9.0), scores)
    assert result.late_gain == (gain and pytest.approx(gain)) and result.enough == enough
    assert not replace(result, steps=30).enough, "at first a curve is level because nothing was learnt yet"


def test_the_command_says_what_came_of_it_and_what_to_do_next():
    request = TrainRequest("me.mp4", "actors/my self", consent=None, config=TrainConfig(minutes=1.5))

    def said(*scores, steps=420):
        result = TrainResult(request.output, request.run_dir, steps, 1.5, min(scores, default=9.0), scores)
        return told(request, result)

    assert said(2.0, 1.0, 0.9) == [
        "actors/my self: trained for 420 steps in 1.5 minutes",
        "Validation score (lower is better): 2.000 -> 0.900",
        "In its last third the run still brought 10.0%; longer training would help: "
        "python -m perfclone train --run 'actors/my self.run' --minutes 3 --force",
        "actors/my self.run/samples.png: frames it was not trained on, filmed above, painted below",
        "Next: python -m perfclone clone 'actors/my self' DRIVING.mp4 -o clone.mp4",
    ]
    assert said(2.0, 1.0, 0.99)[2] == "That is enough: in its last third the run brought only 1.0%."
    few = said(2.0, 2.0, 1.99, steps=30)[2]
    assert few.startswith("30 steps are a beginning; longer training would help: ") and "--minutes 3 --force" in few


# One process.


def test_runs_leave_alone_what_else_a_process_does_with_accelerate_and_with_clones(reference, tmp_path):
    host = Accelerator(mixed_precision="no", gradient_accumulation_steps=3)
    state, gradients = dict(vars(host.state)), dict(vars(host.gradient_state))
    cloner = PerformanceCloner(untrained_actor())
    options = CloneOptions(purpose="evaluation", marks=UNMARKED)
    expected = [frame.tobytes() for frame in cloner.frames(PoseSequence.load(driving_file()), options)]
    begun, finish, results = threading.Event(), threading.Event(), []

    def wait(stage, done, total):
        if (stage, done) == ("train", 3):
            begun.set()
            assert finish.wait(120)

    def run():
        changes = {"mixed_precision": "bf16", "accumulate": 2}
        results.append(train_tiny(reference, tmp_path / "anna", changes, progress=wait))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(240)
        beside = [frame.tobytes() for frame in cloner.frames(PoseSequence.load(driving_file()), options)]
        with pytest.raises(UserError, match="Another run goes on in this process"):
            train_tiny(reference, tmp_path / "eve")
    finally:
        finish.set()
        thread.join()
    assert beside == expected and results[0].steps == 8
    assert (vars(host.state), vars(host.gradient_state)) == (state, gradients)
    assert (host.mixed_precision, host.gradient_accumulation_steps) == ("no", 3)
    assert train_tiny(reference, tmp_path / "ben", {"mixed_precision": "no"}).steps == 8
    assert (vars(host.state), vars(host.gradient_state)) == (state, gradients)
