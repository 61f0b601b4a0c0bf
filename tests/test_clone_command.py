"""`perfclone clone` and what it asks of the cloner, which is a fake here, and `perfclone demo`, which is a clone."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from perfclone import cli
from perfclone.pipeline import CloneOptions, CloneResult, PerformanceCloner

VERIFY = "What others can tell of it: python -m perfclone verify"


@pytest.fixture
def dance(tmp_path):
    """A driving video that nobody reads."""
    path = tmp_path / "dance.mp4"
    path.touch()
    return str(path)


@pytest.fixture
def fake(monkeypatch):
    """A cloner that remembers what it was asked; `held` is where it puts clones that await approval."""
    fake = SimpleNamespace(actor=SimpleNamespace(commit=None), name="anna", held=None)

    def load(name, **where):
        fake.loaded = (name, where)
        return fake

    def clone(driving, output, options, progress, force):
        for done in range(3):
            progress("clone", done, 2)
        fake.asked = (driving, output, options, force)
        return CloneResult(fake.held or output, 2, 1.25, 0xBEE)

    fake.clone = clone
    monkeypatch.setattr(PerformanceCloner, "from_pretrained", load)
    return fake


def test_every_option_reaches_the_cloner(fake, dance, tmp_path):
    out = tmp_path / "out.mp4"
    arguments = (
        "--size 256 --keep-proportions --person 1 --purpose research --label Synthetic --without watermark "
        "--revision abc --extractor vitpose --weights w --device cuda:1 --mixed-precision fp16 --memory 900MB --force"
    )
    assert cli.main(["clone", "studio/anna", dance, "-o", str(out), *arguments.split()]) == 0
    assert fake.loaded == (
        "studio/anna",
        {"extractor": "vitpose", "weights": "w", "revision": "abc", "device": "cuda:1", "mixed_precision": "fp16"}
        | {"memory": 0.9},
    )
    driving, output, options, force = fake.asked
    assert (driving, output, force) == (Path(dance), out, True)
    assert (options.size, options.person, options.keep_proportions, options.purpose) == (256, 1, True, "research")
    assert options.marks.label.text == "Synthetic" and not options.marks.watermark and options.marks.credentials


def test_without_options_the_machine_decides(fake, dance, tmp_path):
    assert cli.main(["clone", "studio/anna", dance, "-o", str(tmp_path / "out.mp4")]) == 0
    assert fake.asked[2] == CloneOptions()
    assert (fake.loaded[1]["device"], fake.loaded[1]["mixed_precision"]) == (None, "auto")
    with pytest.raises(SystemExit):
        cli.main(["clone", "studio/anna", dance, "-o", "out.mp4", "--mixed-precision", "fp8"])


def test_the_demo_takes_a_device_too(fake, tmp_path):
    assert cli.main(["demo", "-o", str(tmp_path / "out.mp4"), "--device", "cpu"]) == 0
    assert fake.loaded[1]["device"] == "cpu" and Path(fake.loaded[0]).name == "anna"


def test_what_comes_next_is_said_where_there_is_something(fake, dance, tmp_path, capsys):
    out = str(tmp_path / "out.mp4")

    def said(*options):
        assert cli.main(["clone", "studio/anna", dance, "-o", out, *options]) == 0
        first, *rest = capsys.readouterr().out.splitlines()
        assert first.endswith("2 frames in 1.2 s, id 00000bee")
        return rest

    assert said() == said("--without", "label", "watermark", "tags") == [f"{VERIFY} {out}"]
    assert said("--without", "watermark", "tags", "credentials") == []
    fake.actor.commit = "c0ffee"
    assert said()[0] == "The actor is anna at commit c0ffee."
    fake.actor.commit, fake.held = None, tmp_path / "held.mp4"
    assert said() == ["It is held until somebody approves it: python -m perfclone review approve 00000bee"]
