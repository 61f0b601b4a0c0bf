"""The ledger: nothing is lost, and nothing that was changed passes."""

import errno
import hashlib
import json
import os
import random
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from records import HASH

from perfclone import cli
from perfclone.errors import UserError
from perfclone.governance.keys import SigningKey, canonical, rotate, signing_key
from perfclone.governance.ledger.checkpoints import Checkpoint, folder_of, read_checkpoint
from perfclone.governance.ledger.ledger import Ledger, LedgerError
from perfclone.governance.ledger.lines import START, line_of, new_entry

pytestmark = pytest.mark.usefixtures("own_home")

ROOT = Path(__file__).resolve().parents[1]
CLONE = {
    "actor": "owner/anna",
    "commit": "a" * 40,
    "consent": f"sha256:{HASH}",
    "purpose": "personal",
    "driving_sha256": HASH,
    "output_sha256": HASH,
    "versions": {"perfclone": "0.1.0", "torch": "2.14.1"},
    "frames": 300,
    "fps": 29.97,
}
APPEND = (
    "import sys; from perfclone.governance.ledger.ledger import Ledger; ledger = Ledger();\n"
    "for i in range(int(sys.argv[2])): ledger.append('clone', who=sys.argv[1], frames=i)"
)


@pytest.fixture
def ledger() -> Ledger:
    """Twelve clones of one actor."""
    ledger = Ledger()
    for index in range(12):
        ledger.append("clone", **CLONE, watermark=index + 1)
    return ledger


def lines(ledger: Ledger) -> list[bytes]:
    return ledger.path.read_bytes().splitlines(keepends=True)


def chained(entries: list[dict]) -> list[bytes]:
    """Number and hash entries as the ledger would."""
    last, result = None, []
    for entry in entries:
        last = replace(new_entry(entry["event"], entry["data"], last), time=entry["time"], id=entry["id"])
        said = {name: value for name, value in vars(last).items() if name != "hash"}
        last = replace(last, hash=hashlib.sha256(canonical(said)).hexdigest())
        result.append(line_of(last))
    return result


def test_entries_come_back_and_are_found(ledger, own_home):
    assert ledger.path == own_home / "ledger.jsonl" and stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    entries = list(ledger.entries())
    assert [entry.n for entry in entries] == list(range(12)) and entries[0].prev == START
    assert entries[3].data == {**CLONE, "watermark": "00000004", "who": entries[3].data["who"]}
    assert ledger.by_watermark(4) == ledger.by_watermark("00000004") == entries[3]
    assert ledger.by_watermark(99) is None and ledger.watermark_ids() == list(range(1, 13))
    assert ledger.new_watermark_id() not in {0, *range(1, 13)}
    summary = ledger.verify()
    assert (summary.entries, summary.head, summary.torn, summary.sealed) == (12, entries[-1].hash, False, 12)
    assert (summary.first, summary.last) == (entries[0].time, entries[-1].time)
    assert Ledger(own_home / "none.jsonl").verify().entries == 0


def test_one_may_append_while_reading(ledger):
    assert len([ledger.append("review", watermark=1, decision="approved") for _ in ledger.entries()]) == 12
    assert ledger.verify().entries == 24


@pytest.mark.parametrize(
    ("event", "data", "sentence"),
    [
        ("party", {}, "events are consent, train, .*; got 'party'"),
        ("clone", {"face": "x"}, "may not say 'face'"),
        ("train", {"watermark": 1}, "may not say 'watermark'"),
        ("clone", {"frames": -1}, "frames of an entry must be a whole number"),
        ("clone", {"frames": True}, "frames of an entry must be a whole number"),
        ("clone", {"fps": float("nan")}, "fps of an entry must be a number, got nan"),
        ("clone", {"output_sha256": "x"}, "must be 64 lower-case hex digits, got 'x'"),
        ("clone", {"consent": HASH}, "must be 'sha256:'"),
        ("clone", {"watermark": 1 << 32}, "A watermark's id has 8 hex digits, got 4294967296"),
        ("clone", {"actor": ["a"]}, "actor of an entry must be a text"),
        ("clone", {"actor": "x" * 301}, "actor of an entry must be a text of 1 to 300"),
        ("clone", {"actor": "\ud800"}, "cannot be an entry"),
        ("clone", {"versions": {"a": 1}}, "must be at most 32 names"),
        ("clone", {"note": "字" * 2000, "versions": {str(n): "v" * 290 for n in range(20)}}, "bytes, over 8192"),
        ("review", {"decision": "maybe"}, "must be 'approved' or 'rejected'"),
    ],
)
def test_an_entry_says_only_what_its_event_may(ledger, event, data, sentence):
    with pytest.raises(LedgerError, match=sentence):
        ledger.append(event, **data)
    assert ledger.verify().entries == 12


def tampered(kind: str, content: list[bytes]) -> list[bytes]:
    """Do to a ledger what somebody might."""
    match kind:
        case "edit":
            content[4] = content[4].replace(b'"personal"', b'"research"')
        case "edit the last":
            content[-1] = content[-1].replace(b'"personal"', b'"research"')
        case "spaces":
            content[4] = content[4].replace(b'{"data"', b'{ "data"')
        case "delete":
            del content[4]
        case "delete the first":
            del content[0]
        case "swap":
            content[4], content[5] = content[5], content[4]
        case "repeat":
            content.insert(5, content[4])
        case "empty line":
            content.insert(5, b"\n")
        case "cut":
            del content[9:]
        case "cut all":
            content.clear()
        case "edit and hash anew":
            value = json.loads(content[4])
            value["data"]["purpose"] = "research"
            del value["hash"]
            content[4] = canonical(value | {"hash": hashlib.sha256(canonical(value)).hexdigest()}) + b"\n"
        case "chain anew":
            entries = [json.loads(line) for line in content]
            entries[4]["data"]["purpose"] = "research"
            return chained(entries)
        case "chain anew and go on":
            return tampered("chain anew", [*content, content[4]])
        case "delete and chain anew":
            return chained([json.loads(line) for line in content[:4] + content[5:]])
    return content


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("edit", "Entry 4 of the ledger was changed"),
        ("edit the last", "Entry 11 of the ledger was changed"),
        ("spaces", "Entry 4 of the ledger was changed"),
        ("delete", "Entry 4 of the ledger is missing: in its place stands number 5"),
        ("delete the first", "Entry 0 of the ledger is missing: in its place stands number 1"),
        ("swap", "Entry 4 of the ledger is missing: in its place stands number 5"),
        ("repeat", "Entry 5 of the ledger is missing: in its place stands number 4"),
        ("empty line", "Entry 5 of the ledger was changed"),
        ("edit and hash anew", "Entry 5 of the ledger does not follow the one before"),
        ("cut", r"has 9 entries, but the .*checkpoint.* counts 12: entries 9 to 11 are missing"),
        ("cut all", r"has 0 entries, but the .*checkpoint.* counts 12: entries 0 to 11 are missing"),
        ("chain anew", "The first 12 entries are not those of the .*checkpoint"),
        ("chain anew and go on", "The first 12 entries are not those of the .*checkpoint"),
        ("delete and chain anew", "has 11 entries, but the .* counts 12: entry 11 is missing"),
    ],
)
def test_whatever_was_done_shows(ledger, kind, sentence):
    elsewhere = ledger.checkpoint()
    untouched = ledger.path.read_bytes()
    ledger.path.write_bytes(b"".join(tampered(kind, lines(ledger))))
    with pytest.raises(LedgerError, match=sentence):
        ledger.verify()
    for checkpoint in folder_of(ledger.path).iterdir():  # the thief took those too
        checkpoint.unlink()
    with pytest.raises(LedgerError, match=sentence):
        ledger.verify(elsewhere)
    ledger.path.write_bytes(untouched)
    assert ledger.verify(elsewhere).checkpoints == 1


@pytest.mark.parametrize("kind", ["edit the last", "cut", "cut all", "chain anew", "delete and chain anew"])
def test_nothing_is_appended_to_what_lost_its_end(ledger, kind):
    content = b"".join(tampered(kind, lines(ledger)))
    ledger.path.write_bytes(content)
    with pytest.raises(LedgerError, match="was changed|put the whole ledger back, or keep it as evidence"):
        ledger.append("clone", **CLONE)
    assert ledger.path.read_bytes() == content


def test_checkpoints_that_were_changed_or_made_by_others_show(ledger):
    good = ledger.checkpoint()
    for change in ({"n": 11}, {"head": HASH}, {"time": "2026-01-01T00:00:00.000Z"}, {"schema": "x"}, {"extra": 1}):
        with pytest.raises(LedgerError, match="checkpoint"):
            ledger.verify(good | change)
    last = folder_of(ledger.path) / "last.json"
    forged = Checkpoint(good["n"], good["head"], good["time"]).sign(SigningKey.new()).to_json()
    assert ledger.verify(forged).checkpoints == 3  # an auditor does not have our keys: whose it is, is for them
    last.write_text(json.dumps(forged))
    with pytest.raises(LedgerError, match="which was never yours: somebody wrote it anew"):
        ledger.verify()
    last.write_bytes(b"{")
    with pytest.raises(LedgerError, match=r"last\.json is not JSON"):
        ledger.verify()
    ledger.append("clone", **CLONE)  # renews it
    assert ledger.verify().sealed == 13


def test_a_ledger_goes_on_after_the_key_was_rotated(ledger):
    old = ledger.checkpoint()
    new = rotate()
    fresh = Ledger()
    fresh.append("clone", **CLONE)
    assert fresh.verify(old).entries == 13
    assert fresh.checkpoint()["signature"]["public_key"] == new.public_key != old["signature"]["public_key"]


@pytest.mark.parametrize("remains", [b'{"data":{"act', b"\0" * 300, b'{"data":{"a\0\0\0"}\n', b"x"])
def test_a_power_cut_costs_the_entry_that_was_written(ledger, remains, own_home):
    ledger.path.write_bytes(ledger.path.read_bytes() + remains)
    assert ledger.verify().torn and len(list(ledger.entries())) == 12
    entry = ledger.append("clone", **CLONE)
    assert entry.n == 12 and not ledger.verify().torn and ledger.verify().entries == 13
    assert (own_home / "ledger.torn").read_bytes() == remains.rstrip(b"\n") + b"\n"


def test_every_place_of_a_power_cut(ledger):
    """Whatever of the last append reached the disk, the twelve before it are there and a new one follows."""
    before = ledger.path.read_bytes()
    seal = (folder_of(ledger.path) / "last.json").read_bytes()
    ledger.append("clone", **CLONE)
    after = ledger.path.read_bytes()
    for size in range(len(before), len(after), 37):
        ledger.path.write_bytes(after[:size])
        (folder_of(ledger.path) / "last.json").write_bytes(seal)
        assert ledger.append("clone", **CLONE).n == 12
        assert ledger.verify().entries == 13


def test_a_power_cut_in_the_first_entry(own_home):
    ledger = Ledger()
    own_home.mkdir(exist_ok=True)
    ledger.path.write_bytes(b'{"data":')
    assert ledger.append("clone", **CLONE).n == 0 and ledger.verify().entries == 1


def test_a_full_disk_leaves_the_ledger_as_it_was(ledger, monkeypatch):
    content, sync = ledger.path.read_bytes(), os.fsync

    def full(descriptor):
        if os.fstat(descriptor).st_size > len(content):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match="The disk is full"):
        ledger.append("clone", **CLONE)
    assert ledger.path.read_bytes() == content


def test_a_system_that_opens_no_folders_and_numbers_no_users_will_do(own_home, monkeypatch):
    """As Windows does."""
    for name in ("O_DIRECTORY", "getuid"):
        monkeypatch.delattr(os, name)
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setitem(sys.modules, "pwd", None)
    assert Ledger().append("clone", **CLONE).data["who"] == "somebody without a name"
    assert Ledger().verify().entries == 1


def append_at_once(processes: int, each: int) -> None:
    ledger = Ledger()
    signing_key()
    started = [
        subprocess.Popen([sys.executable, "-c", APPEND, f"process {index}", str(each)], cwd=ROOT)
        for index in range(processes)
    ]
    assert [process.wait(timeout=300) for process in started] == [0] * processes
    assert ledger.verify().entries == processes * each
    for index in range(processes):
        assert [e.data["frames"] for e in ledger.entries() if e.data["who"] == f"process {index}"] == list(range(each))


def test_eight_processes_lose_nothing():
    append_at_once(8, 100)


@pytest.mark.slow
def test_eight_processes_lose_none_of_8000():
    append_at_once(8, 1000)


def test_ten_thousand_entries_are_verified_within_two_seconds():
    ledger, last = Ledger(), None
    ledger.path.parent.mkdir(parents=True, exist_ok=True)
    with ledger.path.open("wb") as file:
        for index in range(10_000):
            last = new_entry("clone", {**CLONE, "watermark": f"{index:08x}", "who": "a"}, last)
            file.write(line_of(last))
    elsewhere = ledger.checkpoint()
    start = time.process_time()
    assert ledger.verify(elsewhere).entries == 10_000
    assert time.process_time() - start < 2.0


def test_an_export_can_be_verified_anywhere(ledger, tmp_path):
    summary = ledger.export(tmp_path / "out.jsonl")
    assert summary.entries == 12 and (tmp_path / "out.jsonl").read_bytes() == ledger.path.read_bytes()
    seal = read_checkpoint(tmp_path / "out.checkpoint.json")
    assert (seal.n, seal.head) == (12, summary.head)
    with pytest.raises(LedgerError, match="is the ledger itself"):
        ledger.export(ledger.path)
    assert ledger.verify().entries == 12


def test_no_mutation_crashes_the_reader_or_passes(ledger, tmp_path):
    rng, elsewhere = random.Random(0), ledger.checkpoint()
    content, copy = ledger.path.read_bytes(), Ledger(tmp_path / "copy.jsonl")
    pieces = [b"\0", b"\n", b'"', b"{}", b"[" * 2000, b"NaN", b"\\ud800", b"9" * 5000, b" ", b"1e999"]
    for _ in range(1500):
        data, place = bytearray(content), rng.randrange(len(content))
        match rng.randrange(5):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                del data[place : place + rng.randint(1, 2000)]
            case 2:
                data[place:place] = rng.choice(pieces)
            case 3:
                data[place:place] = content[rng.randrange(len(content)) :][: rng.randint(1, 2000)]
            case 4:
                data[place:] = b""
        with copy.path.open("r+b" if copy.path.exists() else "wb") as file:
            file.write(data)
            file.truncate()
        try:
            summary = copy.verify(elsewhere)
        except UserError as error:
            assert "\n" not in str(error)
        else:  # what follows the last entry without its end was never written
            assert bytes(data[: len(content)]) == content and (summary.torn or bytes(data) == content)


@pytest.mark.parametrize(
    "change",
    [
        {"n": "4"},
        {"n": True},
        {"id": {}},
        {"time": "now"},
        {"event": "party"},
        {"event": []},
        {"data": []},
        {"prev": 1},
    ],
)
def test_an_entry_of_another_kind_is_refused_though_its_hash_is_right(ledger, change):
    content = lines(ledger)
    value = json.loads(content[1]) | change
    del value["hash"]
    value["hash"] = hashlib.sha256(canonical(value)).hexdigest()
    ledger.path.write_bytes(content[0] + canonical(value) + b"\n")
    with pytest.raises(LedgerError, match="Entry 1 of the ledger"):
        list(ledger.entries())


def test_the_commands(ledger, tmp_path, capsys):
    def run(*arguments: object) -> tuple[int, str]:
        code, printed = cli.main(["ledger", *map(str, arguments)]), capsys.readouterr()
        return code, printed.out + printed.err

    ledger.append("review", watermark=1, decision="rejected", note="no\x1b[2J\nnever")
    code, shown = run("show", "--last", 2)
    assert code == 0 and shown.count("\n") == 2 and "watermark 0000000c" in shown and "decision rejected" in shown
    assert "\x1b" not in shown
    assert json.loads(run("show", "--json")[1]) == [vars(entry) for entry in ledger.entries()]
    assert run("checkpoint", "-o", tmp_path / "kept.json")[0] == 0
    code, words = run("checkpoint", "-o", tmp_path / "kept.json")
    assert code == 2 and "--force" in words
    assert run("export", "-o", tmp_path / "out.jsonl")[0] == 0
    code, words = run("verify", "--ledger", tmp_path / "out.jsonl", "--checkpoint", tmp_path / "out.checkpoint.json")
    assert code == 0 and "13 entries" in words and "A checkpoint agrees, up to entry 12" in words
    assert "keep a checkpoint elsewhere" in run("verify", "--ledger", tmp_path / "out.jsonl")[1]
    assert run("verify", "--ledger", tmp_path / "none.jsonl")[0] == 2
    ledger.path.write_bytes(b"".join(lines(ledger)[:-1]))
    code, words = run("verify", "--checkpoint", tmp_path / "kept.json")
    assert code == 2 and "entry 12 is missing" in words
