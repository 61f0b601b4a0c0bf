"""`python -m hub`: what is typed, printed and returned; one walk through all of it in fresh processes."""

import re
import subprocess
import sys

import pytest
from published import REPOSITORY, asked, publish
from tiny import untrained_actor

from hub.cli import main
from hub.withdraw import WITHDRAWN
from perfclone.actor.layout import README, WEIGHTS

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def folder(tmp_path):
    return untrained_actor().save_pretrained(tmp_path / "anna")


def told(capsys, *arguments):
    """Exit code, what was printed, and the complaint."""
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.slow
def test_the_whole_life_of_an_actor_in_fresh_processes(folder, loopback, tmp_path):
    def hub(*arguments, token="hf_owner"):
        command = [sys.executable, "-m", "hub", *map(str, arguments)]
        run = subprocess.run(command, env=loopback.env(token), capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
        assert "hf_" not in run.stdout + run.stderr
        return run.stdout

    pushed = hub("push", folder, REPOSITORY, "--no-preview")
    commit = re.search("[0-9a-f]{40}", pushed)[0]
    assert f"{loopback.url}/{REPOSITORY}: commit {commit}, private, gated" in pushed
    assert re.search(rf"{REPOSITORY} .*0 downloads  private, gated", hub("list", "--owner", "owner"))
    assert "There is no such actor" in hub("list", token=None)
    pulled = hub("pull", REPOSITORY, "--revision", commit, "-o", tmp_path / "pulled")
    assert pulled == f"{tmp_path / 'pulled'}: {REPOSITORY} at commit {commit}\n"
    assert (tmp_path / "pulled" / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()
    loopback.ask(REPOSITORY, "reader", {"Purpose": "research"})
    assert re.fullmatch(r'reader  [\d-]+  Purpose: "research"\n', hub("requests", REPOSITORY))
    assert "reader: accepted" in hub("requests", REPOSITORY, "--accept", "reader")
    assert "withdrawn; the tombstone is commit" in hub("withdraw", REPOSITORY, "--reason", "asked by mail")
    assert WITHDRAWN.encode() in loopback.repository(REPOSITORY).files[README]


def test_a_refused_push_is_one_sentence_and_exit_code_2(folder, loopback, capsys):
    code, out, err = told(capsys, "push", folder, REPOSITORY)
    assert (code, out) == (2, "") and err.startswith("perfclone: You are not logged in to the Hub;")
    assert err.count("\n") == 1


def test_a_folder_that_is_not_there(loopback, capsys, tmp_path):
    code, _, err = told(capsys, "push", tmp_path / "nobody", REPOSITORY)
    assert code == 2 and "There is no actor folder" in err


def test_a_rejected_reader_is_told_why(loopback, capsys):
    publish(loopback, gated="manual")
    loopback.ask(REPOSITORY, "reader", {})
    loopback.login("hf_owner")
    code, out, _ = told(capsys, "requests", REPOSITORY, "--reject", "reader", "--reason", "no purpose given")
    assert code == 0 and "reader: rejected" in out and f"Nobody waits for access to {REPOSITORY}." in out
    assert loopback.repository(REPOSITORY).access["reader"].reason == "no purpose given"


def test_accepting_and_rejecting_at_once_is_refused(loopback, capsys):
    with pytest.raises(SystemExit) as stop:
        told(capsys, "requests", REPOSITORY, "--accept", "a", "--reject", "b")
    assert stop.value.code == 2 and asked(loopback) == []


def test_a_reason_for_nobody_and_requests_of_what_is_open(loopback, capsys):
    publish(loopback)
    loopback.login("hf_owner")
    code, _, err = told(capsys, "requests", REPOSITORY, "--reason", "why")
    assert code == 2 and "--reason is for --reject" in err
    code, _, err = told(capsys, "requests", REPOSITORY)
    assert code == 2 and "owner/anna is not gated" in err


def test_what_is_left_after_a_withdrawal_is_said_with_exit_code_2(loopback, capsys):
    publish(loopback)
    loopback.login("hf_owner")
    loopback.fail("/super-squash/", status=403)
    code, out, err = told(capsys, "withdraw", REPOSITORY, "--reason", "asked by mail")
    assert code == 2 and "withdrawn" in out and "the history of owner/anna could not be removed (403)" in err


def test_answers_of_strangers_are_shown_as_they_are(loopback, capsys):
    publish(loopback, gated="manual")
    loopback.ask(REPOSITORY, "reader", {"Purpose": "\x1b[2Jgone\nwith it"})
    loopback.login("hf_owner")
    _, out, _ = told(capsys, "requests", REPOSITORY)
    assert "\x1b" not in out and out.count("\n") == 1


def test_the_help_names_every_command_and_loads_nothing_heavy():
    code = "import sys; from hub.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print({'torch', 'huggingface_hub', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines()[-1] == "set()"
    for command in ("push", "pull", "list", "requests", "withdraw", "space"):
        assert f"\n    {command} " in run.stdout
