"""What an import loads, seen in a fresh process, and who may import whom."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import perfclone

ROOT = Path(__file__).resolve().parents[1]
#: The one module of perfclone that reaches what stands beside it, and those that go through it.
DOOR, THROUGH = "companions", {"actor/model.py", "builtin.py", "commands/companions.py"}
HEAVY = ["diffusers", "peft", "gradio", "mediapipe", "controlnet_aux", "torchvision"]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_perfclone_loads_nothing_heavy():
    loaded = loaded_by("import perfclone")
    assert "perfclone" in loaded
    assert not loaded & {*HEAVY, "torch", "transformers", "hub", "eval", "studio", "cv2", "matplotlib"}


def test_a_backend_tells_of_itself_without_anything_heavy():
    statement = "from perfclone.backends import backend; it = backend('diffusion')"
    loaded = loaded_by(f"{statement}; it.foundations(it.config(exemplars=1))")
    assert not loaded & {*HEAVY, "torch", "transformers", "cv2"}


@pytest.mark.parametrize("words", ["", "clone", "hub", "hub push", "eval", "eval actor", "studio"])
def test_help_needs_nothing_heavy(words):
    run = f"""
from perfclone.cli import main
try: main({[*words.split(), "--help"]})
except SystemExit as stop: assert stop.code == 0
"""
    companions = {"hub", "eval", "studio"} - {*words.split()}
    assert not loaded_by(run) & {*HEAVY, *companions, "torch", "av", "numpy", "huggingface_hub"}


@pytest.mark.parametrize(
    "arguments",
    [
        "clone anna missing.mp4 -o out.mp4",
        "clone nobody clip.mp4 -o out.mp4",
        "clone anna clip.mp4 -o clip.mp4/out.mp4",
        "check missing.mp4",
        "check clip.mp4 --driving missing.mp4 --actor anna",
        "check clip.mp4 --driving clip.mp4 --actor nobody",
        "train missing.mp4 -o actor",
        "train clip.mp4 -o actor",
        "train clip.mp4 -o actor --driving clip.mp4 missing.mp4",
        "train clip.mp4 -o actor --poses missing.npz",
        "poses missing.mp4 -o poses.npz",
        "verify missing.mp4",
        "actors missing",
    ],
)
def test_what_is_missing_is_said_before_anything_heavy_is_loaded(arguments, tmp_path):
    (tmp_path / "clip.mp4").touch()
    words = [str(tmp_path / word) if word.startswith(("clip.", "missing")) else word for word in arguments.split()]
    loaded = loaded_by(f"from perfclone.cli import main; assert main({words}) == 2")
    assert not loaded & {*HEAVY, "torch", "cv2", "scipy"}


@pytest.mark.parametrize(
    "statement",
    ["import perfclone.training", "import perfclone.pipeline", "from perfclone import PerformanceCloner, train"],
)
def test_training_and_cloning_from_poses_need_just_torch(statement):
    assert not loaded_by(statement) & {*HEAVY, "hub", "eval", "studio"}


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("perfclone", {"gradio", "hub", "eval", "studio", "examples", "benchmarks"}),
        ("eval", {"gradio", "hub", "studio", "benchmarks"}),
        ("hub", {"gradio", "eval", "studio", "examples", "benchmarks"}),
    ],
)
def test_the_walls_stand(package, forbidden):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        where = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            crossed = {name.partition(".")[0] for name in names} & forbidden
            assert not crossed, f"{where}:{node.lineno} imports {crossed}"


def test_there_is_one_door_to_what_stands_beside():
    sources = {file.relative_to(ROOT / "perfclone").as_posix(): file for file in (ROOT / "perfclone").rglob("*.py")}
    through = {name for name, file in sources.items() if f"perfclone.{DOOR}" in file.read_text()}
    assert through == THROUGH


@pytest.mark.parametrize("name", perfclone.__all__)
def test_every_export_is_there(name):
    assert getattr(perfclone, name) is not None


def test_what_the_papers_import_is_exported():
    papers = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "hub" / "card.md.jinja"]
    lines = [line for paper in papers for line in re.findall("^from perfclone import (.+)$", paper.read_text(), re.M)]
    names = {name for line in lines for name in re.findall(r"\b[A-Za-z_]+\b", re.sub("{%.*?%}", "", line))}
    assert names and names <= set(perfclone.__all__)
