"""The command line: arguments, exit codes, and sentences instead of tracebacks."""

import errno
import json
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny import record_of

from perfclone import builtin, cli, companions
from perfclone.commands import demo
from perfclone.errors import UserError
from perfclone.governance.consent.rules import PURPOSES
from perfclone.terminal.arguments import refuse_existing

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "perfclone"]


def perfclone(*arguments):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory) -> Path:
    """The first 40 frames of a built-in driving clip."""
    from perfclone.video import VideoReader, VideoWriter

    path = tmp_path_factory.mktemp("clips") / "short.mp4"
    with VideoReader(builtin.driving_clips()[demo.CLIP]) as reader, VideoWriter(path, rate=reader.info.fps) as writer:
        for frame, _ in zip(reader, range(40)):
            writer.write(frame.pixels)
    return path


def test_help_lists_the_commands_and_each_explains_itself(capsys):
    def help_of(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stop:
            cli.main([*arguments, "--help"])
        assert stop.value.code == 0
        return capsys.readouterr().out

    overview = help_of()
    own = ("demo", "actors", "poses", "consent", "check", "train", "clone", "verify", "review", "ledger")
    for name in (*own, "hub", "eval", "studio"):
        assert f"    {name} " in overview
        assert f"usage: python -m perfclone {name} " in help_of(name)
    assert "usage: python -m perfclone eval actor " in help_of("eval", "actor")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("train a.mp4 -o x --minutes 0", "must be a number over 0, got '0'"),
        ("train a.mp4 -o x --minutes 1 --steps 2", "not allowed with argument"),
        ("train a.mp4 -o x --holdout 0.9", "must be between 0 and 0.5, got '0.9'"),
        ("train a.mp4 -o x --preset huge", "invalid choice: 'huge'"),
        ("train a.mp4 -o x --backend oils", "invalid choice: 'oils'"),
        ("train a.mp4 -o x --poses p.npz --extractor blazepose", "--extractor: not allowed with argument --poses"),
        ("clone actor a.mp4 -o x.mp4 --person -1", "must be a whole number of at least 0, got '-1'"),
        ("clone actor a.mp4", "required: -o"),
        ("check a.mp4 --driving b.mp4", "--driving and --actor go together"),
        ("check a.mp4 --price 2", "--price says what a run costs: give --driving and --actor too"),
        ("check a.mp4 --driving b.mp4 --actor c --price 0", "must be a number over 0, got '0'"),
        ("", "required: COMMAND"),
    ],
)
def test_wrong_arguments_are_named(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments.split())
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("The film is too short."), 2, "perfclone: The film is too short.\n"),
        (FileNotFoundError("There is no a.mp4."), 2, "perfclone: There is no a.mp4.\n"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a"), 2, "No such file or directory: a.\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), 2, "perfclone: Permission denied: /a.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "perfclone: No space left on device.\n"),
        (KeyboardInterrupt("The rest is in a.partial.mp4."), 130, "perfclone: Stopped. The rest is in a.partial"),
        (ZeroDivisionError("oh"), 1, "perfclone: This is a fault of perfclone (ZeroDivisionError: oh)"),
    ],
)
def test_errors_become_one_sentence_and_a_code(error, code, sentence, capsys, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(demo, "run", fail)
    assert cli.main(["demo", "-o", "x.mp4"]) == code
    printed = capsys.readouterr()
    assert sentence in printed.err and printed.err.count("\n") == 1 and not printed.out
    with pytest.raises(type(error)):
        cli.main(["demo", "-o", "x.mp4", "--debug"])


def test_what_exists_is_replaced_only_by_force(tmp_path):
    existing = tmp_path / "out.mp4"
    existing.write_text("mine")
    with pytest.raises(UserError, match=r"out\.mp4 exists; .*--force"):
        refuse_existing([None, existing], force=False)
    refuse_existing([existing], force=True)
    refuse_existing([tmp_path / "new" / "folder" / "out.mp4"], force=True)
    assert (tmp_path / "new" / "folder").is_dir()
    with pytest.raises(UserError, match="The folder .*out.mp4 for again.mp4 cannot be made"):
        refuse_existing([existing / "again.mp4"], force=True)
    assert cli.main(["clone", "actor", "driving.mp4", "-o", str(existing)]) == 2
    assert existing.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("poses a.mp4 -o poses.txt", "must end in .npz"),
        ("poses a.mp4 -o p.npz --overlay o.avi", "o.avi must end in .mp4"),
        ("clone actor a.mp4 -o out", "out must end in .mp4"),
        ("clone actor a.mp4 -o out.mp4 --size 9999", "These settings do not go: size must lie in"),
        ("clone actor a.mp4 -o out.mp4 --person 99", "person must lie in 0-20, got 99"),
        ("train a.mp4 -o out --minutes 1e9", "minutes must lie in"),
    ],
)
def test_outputs_and_settings_are_checked_before_any_work(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.mp4").write_text("this is not a video")
    Path("actor").mkdir()
    record_of("a.mp4").save("consent.json")
    assert cli.main(arguments.split()) == 2
    assert sentence in capsys.readouterr().err


def test_built_in_things_are_found_by_name(tmp_path):
    (tmp_path / "actors" / "anna").mkdir(parents=True)
    (tmp_path / "actors" / "unfinished").mkdir()
    (tmp_path / "actors" / "anna" / "config.json").touch()
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "driving_ben.mp4").touch()
    (tmp_path / "clips" / "ben_reference.mp4").touch()
    assert builtin.actors(tmp_path) == {"anna": tmp_path / "actors" / "anna"}
    assert builtin.driving_clips(tmp_path) == {"ben": tmp_path / "clips" / "driving_ben.mp4"}
    assert builtin.reference_clip("ben", tmp_path) == tmp_path / "clips" / "ben_reference.mp4"
    assert builtin.reference_clip("anna", tmp_path) is None
    with pytest.raises(UserError, match=r"built-in actor 'eve' is missing \(there: anna\)"):
        builtin.pick("actor", builtin.actors(tmp_path), "eve")


def test_there_is_one_way_to_name_an_actor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    built_in = builtin.actors()["anna"]
    assert builtin.find_actor("anna") == builtin.find_actor(built_in) == built_in
    assert builtin.find_actor("studio/anna") == "studio/anna"
    for folder in ("anna", "studio/anna"):
        Path(folder).mkdir(parents=True)
        assert builtin.find_actor(folder) == Path(folder)
    for nothing in ("eve", "no/such/folder", "/eve"):
        with pytest.raises(FileNotFoundError, match=rf"no actor folder {nothing}; .*\(anna, ben\).*perfclone actors"):
            builtin.find_actor(nothing)


def test_the_actors_that_are_here_are_listed_with_what_they_allow(tmp_path, monkeypatch, capsys):
    from tiny import untrained_actor

    from perfclone.governance.keys import SigningKey

    monkeypatch.chdir(tmp_path)
    assert cli.main(["actors"]) == 0
    printed = capsys.readouterr().out
    assert "There is none in the folder actors yet" in printed
    assert re.search(r"^anna +512x512 +[\d,]+ +[\d.]+ MB +for ever, synthetic +/", printed, re.M)
    actor = untrained_actor()
    for name, consent in (("free", None), ("over", actor.consent.revoke("asked by mail", SigningKey.new()))):
        actor.consent = consent
        actor.save_pretrained(tmp_path / "actors" / name)
    (tmp_path / "actors" / "bad").mkdir()
    (tmp_path / "actors" / "bad" / "config.json").write_text("{}")
    assert cli.main(["actors"]) == 0
    lines = dict(line.strip().split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {"anna", "ben", "actors/free", "actors/over", "actors/bad"} <= set(lines)
    assert lines["actors/free"].startswith("160x160") and " none " in lines["actors/free"]
    assert "was revoked on" in lines["actors/over"] and "has no model.safetensors" in lines["actors/bad"]
    assert lines["actors/free"].endswith(str(tmp_path / "actors" / "free"))
    assert cli.main(["actors", "elsewhere"]) == 2


@pytest.mark.parametrize(
    ("started", "words"), [("/env/bin/perfclone", "perfclone"), ("/perfclone/__main__.py", "python -m perfclone")]
)
def test_usage_and_advice_say_what_is_typed(started, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [started])
    (tmp_path / "a.mp4").touch()
    assert cli.build_parser().prog == words
    assert cli.main(["train", str(tmp_path / "a.mp4"), "-o", str(tmp_path / "actor")]) == 2
    assert f"`{words} consent new" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["hub", "push", "--help"])
    assert capsys.readouterr().out.startswith(f"usage: {words} hub push ")


def test_a_companion_that_is_not_there_is_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(companions, "BESIDE", Path("/nowhere"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["eval", "--help"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "perfclone: This perfclone came without its eval; install all of it: pip install perfclone\n"
    )


def test_an_extra_that_is_not_installed_is_a_sentence(monkeypatch):
    monkeypatch.setitem(companions.NEEDS, "studio", ("gradio", "gradio_of_another_world"))
    with pytest.raises(UserError, match=r"studio needs gradio_of_another_world, .*pip install 'perfclone\[studio\]'"):
        companions.companion("studio", "cli")


def test_somebody_elses_package_of_the_same_name_is_not_taken(tmp_path, monkeypatch):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "__init__.py").touch()
    (tmp_path / "perfclone_hub").mkdir()
    (tmp_path / "perfclone_hub" / "__init__.py").touch()
    (tmp_path / "perfclone_hub" / "publish.py").write_text("push = 'ours'")
    monkeypatch.syspath_prepend(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "hub"]:
        monkeypatch.delitem(sys.modules, module)
    assert companions.companion("hub", "publish").push == "ours"


def test_a_purpose_is_one_of_those_of_a_consent(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["clone", "anna", "a.mp4", "-o", "out.mp4", "--purpose", "fun"])
    assert stop.value.code == 2 and "invalid choice: 'fun'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["clone", "--help"])
    printed = capsys.readouterr().out
    assert all(purpose in printed for purpose in PURPOSES)


@pytest.mark.parametrize("start", ["returns", "never comes"])
def test_a_second_ctrl_c_does_not_end_in_a_traceback(start, monkeypatch):
    def main():
        if start == "never comes":
            raise KeyboardInterrupt
        return 130

    monkeypatch.setattr(cli, "main", main)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as stop:
            runpy.run_module("perfclone", run_name="__main__")
        assert stop.value.code == 130 and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "arguments",
    [
        "poses {bad} -o {out}.npz",
        "poses {missing} -o {out}.npz",
        "check {bad}",
        "check {missing} --json",
        "train {bad} -o {out}",
        "train {bad} --consent {consent} -o {out}",
        "train {bad} --consent {missing} -o {out}",
        "train {missing} -o {out}",
        "clone {missing} {bad} -o {out}.mp4",
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_nothing(arguments, tmp_path, tmp_path_factory, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_text("this is not a video")
    consent = tmp_path_factory.mktemp("consent") / "consent.json"
    record_of(bad).save(consent)
    names = {"bad": bad, "missing": tmp_path / "missing.mp4", "out": tmp_path / "out", "consent": consent}
    assert cli.main(arguments.format(**names).split()) == 2
    printed = capsys.readouterr()
    sentence = printed.err.splitlines()[-1]
    assert sentence.startswith("perfclone: ") and str(tmp_path) in sentence and sentence.endswith((".", "`"))
    assert not printed.out and list(tmp_path.iterdir()) == [bad]


def test_a_process_of_its_own_ends_with_the_code_and_no_traceback(tmp_path):
    run = perfclone("poses", tmp_path / "missing.mp4", "-o", tmp_path / "poses.npz")
    assert run.returncode == 2 and not run.stdout
    assert run.stderr.startswith("perfclone: ") and run.stderr.count("\n") == 1


@pytest.mark.slow
def test_poses_of_a_clip(short_clip, tmp_path):
    from perfclone.pose import PoseSequence
    from perfclone.video import probe

    run = perfclone("poses", short_clip, "-o", tmp_path / "poses.npz", "--overlay", tmp_path / "overlay.mp4")
    assert run.returncode == 0, run.stderr
    sequence = PoseSequence.load(tmp_path / "poses.npz")
    assert len(sequence) == 40 and (sequence.scores > 0).any(axis=1).mean() > 0.9
    clip, overlay = probe(short_clip), probe(tmp_path / "overlay.mp4")
    assert (overlay.width, overlay.height, overlay.frames) == (clip.width, clip.height, 40)


@pytest.mark.slow
def test_check_prints_pure_json(short_clip):
    run = perfclone(
        "check", short_clip, "--driving", short_clip, "--actor", builtin.actors()[demo.ACTOR], "--price", 2, "--json"
    )  # a clip this short is trained on all the same
    report = json.loads(run.stdout)
    assert run.returncode == 0 and report["reference"]["status"] == "warn", run.stderr
    assert {"time", "cost"} <= {finding["name"] for finding in report["driving"]["findings"]}


@pytest.mark.slow
def test_train_then_clone(short_clip, tmp_path):
    from perfclone.video import probe

    actor, output, consent = tmp_path / "actor", tmp_path / "out.mp4", tmp_path / "consent.json"
    training = "train", short_clip, "-o", actor, "--preset", "tiny", "--steps", 2
    refused = perfclone(*training)
    assert refused.returncode == 2 and f'consent new --myself "Your Name" --reference {short_clip}' in refused.stderr
    assert not actor.exists()
    record = perfclone("consent", "new", "--myself", "Ben", "--reference", short_clip, "-o", consent)
    assert record.returncode == 0, record.stderr
    train = perfclone(*training, "--driving", short_clip, "--consent", consent)
    assert train.returncode == 0, train.stderr
    assert "2 steps" in train.stdout and (actor / "consent.json").read_bytes() == consent.read_bytes()
    assert (actor / "poster.jpg").is_file()
    again = perfclone(*training, "--consent", consent)
    assert again.returncode == 2 and "replace it with --force" in again.stderr
    run = perfclone("clone", actor, short_clip, "-o", output, "--keep-proportions")
    assert run.returncode == 0, run.stderr
    assert probe(output).frames == 40


@pytest.mark.slow
def test_a_built_in_actor_is_cloned_by_name(short_clip, tmp_path):
    from perfclone.governance.ledger.ledger import Ledger

    run = perfclone("clone", "anna", short_clip, "-o", tmp_path / "out.mp4")
    assert run.returncode == 0, run.stderr
    assert list(Ledger().entries())[-1].data["actor"] == "anna"


def test_a_command_that_lacks_its_input_makes_no_folder_for_its_output(tmp_path):
    out = tmp_path / "new" / "out"
    assert cli.main(["clone", "anna", str(tmp_path / "missing.mp4"), "-o", f"{out}.mp4"]) == 2
    assert cli.main(["clone", "eve", __file__, "-o", f"{out}.mp4"]) == 2
    assert cli.main(["poses", str(tmp_path / "missing.mp4"), "-o", f"{out}.npz"]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_demo_stopped_by_ctrl_c_keeps_what_was_done(tmp_path):
    from perfclone.video import probe

    output = tmp_path / "out.mp4"
    process = subprocess.Popen(
        [*COMMAND, "demo", "-o", str(output)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / ".out.part.mp4"
    give_up = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size > 10_000) and process.poll() is None:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert "Traceback" not in complaint and "what was done is in" in complaint
    assert not output.exists() and probe(tmp_path / "out.partial.mp4").frames > 0


@pytest.mark.slow
def test_the_demo_clones_the_whole_clip(tmp_path):
    from perfclone.video import probe

    run = perfclone("demo", "-o", tmp_path / "out.mp4")
    assert run.returncode == 0, run.stderr
    clip, result = probe(builtin.driving_clips()[demo.CLIP]), probe(tmp_path / "out.mp4")
    assert result.frames == clip.frames and result.duration == pytest.approx(clip.duration, abs=0.1)
