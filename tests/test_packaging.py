"""Set-up: the pins, the Makefile, CI's script, and that the papers agree with each other."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import perfclone

ROOT = Path(__file__).resolve().parents[1]
OURS = {"perfclone", "eval", "studio", "hub", "examples", "benchmarks", "app", "tests"}


def pins(name: str) -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    found = dict(line.split("==") for line in lines if line and not line.startswith("-r"))
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found.items()}


RUNTIME = pins("requirements.txt")
DEV = pins("requirements-dev.txt")
FACES = pins("requirements-eval-faces.txt")


def test_the_dev_requirements_include_the_runtime_and_repeat_nothing():
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text().splitlines()
    assert not RUNTIME.keys() & DEV.keys()


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="only the environment that make builds keeps the pins")
def test_make_installed_what_is_pinned():
    assert {package: metadata.version(package) for package in RUNTIME | DEV} == RUNTIME | DEV
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout


def test_the_two_builds_of_cv2_are_one_version():
    assert RUNTIME["opencv-contrib-python"] == RUNTIME["opencv-python-headless"]


def imported_packages(*places: str) -> set[str]:
    """Distributions that the Python files import, `OURS` and the standard library left out."""
    owners = {"dlib": ["dlib-bin"], **metadata.packages_distributions()}  # the optional one need not be installed
    files = [
        f for place in places for f in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    modules = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.partition(".")[0])
    helpers = {path.stem for path in (ROOT / "tests").iterdir()}
    foreign = modules - OURS - helpers - set(sys.stdlib_module_names) - {"spaces"}
    return {re.sub(r"[-_.]+", "-", owners[module][0]).lower() for module in foreign}


def test_what_the_product_imports_is_pinned():
    assert imported_packages("perfclone", "hub", "studio", "app.py") <= RUNTIME.keys()


def test_what_an_evaluation_imports_is_pinned_with_the_product():
    assert imported_packages("eval") <= (RUNTIME | FACES).keys()


def test_what_the_tests_and_benchmarks_import_is_pinned():
    transitive = {"gradio-client", "starlette", "uvicorn"}
    assert imported_packages("tests", "eval", "benchmarks", "examples") - transitive <= (RUNTIME | DEV | FACES).keys()


def make(*arguments: str) -> str:
    run = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def venv(tmp_path):
    """A virtual environment, as far as make can tell, in which everything is installed."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    for stamp in (".runtime-installed", ".dev-installed"):
        (tmp_path / stamp).touch()
    return f"VENV={tmp_path}"


def test_make_installs_from_nothing(tmp_path):
    steps = make("test", f"VENV={tmp_path / 'fresh'}")
    order = [
        steps.index(words) for words in ("-m venv", "-r requirements.txt", "-r requirements-dev.txt", "-m pytest")
    ]
    assert order == sorted(order)


def test_make_installs_only_when_requirements_changed(venv):
    assert "pip" not in make("test", venv)
    assert "pip" not in make("demo", venv)
    changed = make("demo", venv, "-W", "requirements.txt")
    assert "install -r requirements.txt" in changed and "requirements-dev.txt" not in changed
    changed = make("test", venv, "-W", "requirements-dev.txt")
    assert "install -r requirements-dev.txt" in changed and "install -r requirements.txt" not in changed


def test_ci_runs_make_test_last():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash" and "set -euo pipefail" in lines and lines[-1] == "make test"
    subprocess.run(["bash", "-n", script], check=True)


def test_the_papers_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert project["version"] == citation["version"] == perfclone.__version__
    assert project["license"] == citation["license"]
    assert citation["preferred-citation"]["authors"][0]["family-names"] == "Aberman"
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]])
def test_the_style_is_kept(arguments):
    run = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
