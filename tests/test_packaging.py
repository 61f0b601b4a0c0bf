"""Set-up: the pins, the Makefile, CI's script, and that the papers agree with each other."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

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
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


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
    transitive = {"gradio-client", "packaging", "starlette", "uvicorn"}
    assert imported_packages("tests", "eval", "benchmarks", "examples") - transitive <= (RUNTIME | DEV | FACES).keys()


def bounds(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines]
    return {re.sub(r"[-_.]+", "-", each.name).lower(): each for each in found if each.name != "perfclone"}


FILES = [file.relative_to(ROOT).as_posix() for file in (ROOT / "perfclone").rglob("*.py")]
WITHOUT_EXTRAS = [name for name in FILES if not name.startswith("perfclone/backends/diffusion/")]


@pytest.mark.parametrize(
    ("extra", "places"),
    [
        ("eval", ["eval"]), ("studio", ["studio", "app.py"]), ("diffusion", ["perfclone"]),
        (None, [*WITHOUT_EXTRAS, "hub"]),
    ],
)  # fmt: skip
def test_what_is_installed_is_what_is_imported(extra, places):
    there = bounds([*PROJECT["dependencies"], *(EXTRAS[extra] if extra else ())])
    assert imported_packages(*places) - FACES.keys() <= there.keys()


def test_what_is_pinned_is_new_enough_to_be_installed():
    asked = bounds([line for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines])
    for package, bound in asked.items():
        assert bound.specifier.contains((RUNTIME | DEV)[package]), bound
    assert str(asked["mediapipe"].specifier) == f"=={RUNTIME['mediapipe']}"


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
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert "version" not in PROJECT and citation["version"] == perfclone.__version__
    assert PROJECT["license"] == citation["license"]
    assert citation["preferred-citation"]["authors"][0]["family-names"] == "Aberman"


def test_the_changelog_begins_with_this_version_and_its_day():
    headings = re.findall("^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(perfclone.__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with what `pip install .` would put among the packages, and nothing else of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for part in ("perfclone", "hub", "eval", "studio", "examples"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    run = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert run.returncode == 0 and "would be ignored" not in run.stderr, run.stderr
    [wheel] = folder.glob("*.whl")
    assert wheel.name == f"perfclone-{perfclone.__version__}-py3-none-any.whl"
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


RUN = "import sys; sys.argv[0] = 'perfclone'; from perfclone.__main__ import main; sys.exit(main())"


def far_away(site: Path, code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python code in an empty folder, with only what is installed to import."""
    empty = site.with_name("empty")
    empty.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_installed_names_collide_with_nobodys(installed):
    about = f"perfclone-{perfclone.__version__}.dist-info"
    companions = {f"perfclone_{name}" for name in ("hub", "eval", "studio", "examples")}
    assert {path.name for path in installed.iterdir()} == {"perfclone", *companions, about}
    points = (installed / about / "entry_points.txt").read_text()
    assert points.split() == ["[console_scripts]", "perfclone", "=", "perfclone.__main__:main"]


@pytest.mark.parametrize("part", ["perfclone", "hub", "eval", "studio"])
def test_everything_of_a_package_is_installed(installed, part):
    def files(folder: Path) -> set[str]:
        found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix() for path in found}

    assert files(installed / (part if part == "perfclone" else f"perfclone_{part}")) == files(ROOT / part)


def test_what_is_installed_runs_far_from_the_checkout(installed):
    overview = far_away(installed, RUN, "--help")
    assert overview.returncode == 0 and overview.stdout.startswith("usage: perfclone "), overview.stderr
    for companion in ("hub", "eval", "studio"):
        helped = far_away(installed, RUN, companion, "--help")
        assert helped.stdout.startswith(f"usage: perfclone {companion} "), helped.stderr
    listed = far_away(installed, RUN, "actors").stdout
    for name in ("anna", "ben"):
        assert str(installed / "perfclone_examples" / "actors" / name) in listed
    missing = far_away(installed, RUN, "clone", "anna", "missing.mp4", "-o", "out.mp4")
    assert missing.returncode == 2 and "There is no driving video at missing.mp4" in missing.stderr


@pytest.mark.slow
def test_what_is_installed_loads_an_actor_by_name_and_finds_its_companions(installed):
    run = far_away(
        installed,
        "from perfclone import Actor, builtin; from perfclone.companions import companion\n"
        "actor = Actor.from_pretrained('anna'); print(companion('hub', 'publish').__name__, actor.consent.subject)\n"
        "print('## Consent' in companion('hub', 'card').render_card(actor.config, actor.consent))\n"
        "print(companion('eval', 'synthetic').Scene('anna', 64).plate.shape, len(builtin.driving_clips()))",
    )
    assert run.stdout.splitlines() == ["perfclone_hub.publish Anna", "True", "(64, 64, 3) 4"], run.stderr


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]])
def test_the_style_is_kept(arguments):
    run = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
