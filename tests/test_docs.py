"""The papers: links, files, folders, modules, names to import, targets of make and commands in them are there."""

import pkgutil
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from perfclone.backends.diffusion.bases import BASES

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "examples/**/*.md")
PAPERS = sorted(path for place in PLACES for path in ROOT.glob(place))
#: What is typed -> the package whose command line it is.
PROGRAMS = {"perfclone": "perfclone"} | {f"python -m {name}": name for name in ("perfclone", "hub", "eval")}
paper = pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())


def blocks(text: str) -> list[str]:
    """Lines of code that stand by themselves, without what surrounds them."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    return [line for part in fenced for line in part.splitlines()] + re.findall(r"^ {4}(\S.*)$", text, re.M)


def code(text: str) -> list[str]:
    """All code: blocks, and pieces within sentences."""
    return [*blocks(text), *re.findall(r"`([^`\n]+)`", text)]


def anchors(text: str) -> set[str]:
    """What links may point at within a paper, as GitHub and the Hub make it from headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def there(path: str) -> bool:
    """Whether a path is in the checkout, from its root or, as the papers shorten it, from perfclone/."""
    return (ROOT / path).exists() or (ROOT / "perfclone" / path).exists()


@paper
def test_every_link_leads_somewhere(paper):
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", paper.read_text())
    for place, _, anchor in (link.partition("#") for link in links):
        target = paper.parent / place if place else paper
        assert target.exists(), place
        assert not anchor or anchor in anchors(target.read_text()), f"{place}#{anchor}"


@paper
def test_every_file_and_folder_is_there(paper):
    text = paper.read_text()
    files = re.findall(r"(?<![\w/.<-])((?:[\w.-]+/)+[\w.-]+\.py)\b", text)
    folders = [path for path in re.findall(r"`((?:\w+/)+)`", text) if there(path.partition("/")[0])]
    assert [path for path in [*files, *folders] if not there(path)] == []


@paper
def test_every_module_and_every_name_to_import_is_there(paper):
    lines = code(paper.read_text())
    for name in re.findall(
        r"(?<![\w/.])((?:perfclone|hub|eval|studio|benchmarks|examples)(?:\.[a-zA-Z_]\w*)+)(?![\w/])", "\n".join(lines)
    ):
        pkgutil.resolve_name(name)
    for module, names in re.findall(r"from ([\w.]+) import ([\w, ]+)", "\n".join(lines)):
        for name in names.split(","):
            getattr(import_module(module), name.strip())


@paper
def test_make_knows_every_target(paper):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    named = [found for line in code(paper.read_text()) for found in re.findall(r"\bmake (\w+)", line)]
    assert set(named) <= targets


@paper
def test_every_command_is_understood(paper):
    for line in blocks(paper.read_text()):
        for start, program in PROGRAMS.items():
            if line.startswith(f"{start} "):
                words = shlex.split(line.removeprefix(start), comments=True)
                import_module(f"{program}.cli").build_parser().parse_args(words)


def test_the_table_of_bases_is_that_of_the_code():
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", (ROOT / "docs/diffusion.md").read_text(), re.M)
    told = {name: [cell.strip(" `") for cell in row.split("|")] for name, row in rows}
    assert told.keys() == BASES.keys()
    for name, base in BASES.items():
        assert all(repo is None or repo in told[name] for repo in base.repos.values())
        assert told[name][4:6] == [base.licence, f"{base.gigabytes:g} GB"]
        assert told[name][-2:] == [str(base.side), str(base.passes)]


def test_something_is_looked_at():
    text = (ROOT / "README.md").read_text()
    assert len([line for line in blocks(text) if line.startswith("perfclone ")]) > 15
    assert "docs/results.md#quality" in text and "quality" in anchors((ROOT / "docs/results.md").read_text())
    assert there("pose/extractor.py") and not there("perfclone/remote") and not there("training/loop.py")
