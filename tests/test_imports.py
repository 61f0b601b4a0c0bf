"""What an import loads, seen in a fresh process, and who may import whom."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Who may look over a wall all the same: ``Actor.push_to_hub`` is where people of the Hub look for a push.
DOORS = {"perfclone/actor/model.py": {"hub"}}
HEAVY = ["diffusers", "gradio", "mediapipe", "controlnet_aux", "torchvision"]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_perfclone_loads_nothing_heavy():
    loaded = loaded_by("import perfclone")
    assert "perfclone" in loaded
    assert not loaded & {*HEAVY, "torch", "transformers", "hub", "eval", "studio", "cv2", "matplotlib"}


def test_help_needs_nothing_heavy():
    assert not loaded_by("from perfclone.cli import build_parser; build_parser()") & {*HEAVY, "torch", "av", "numpy"}


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
    """Everywhere but in the files of DOORS."""
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        where = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            crossed = {name.partition(".")[0] for name in names} & forbidden - DOORS.get(where, set())
            assert not crossed, f"{where}:{node.lineno} imports {crossed}"
