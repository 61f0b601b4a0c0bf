"""Sentences for people: what the library says is for whoever calls it, and for whoever types."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Rooms that both use. What only the command line says, in commands/, may name its options.
ROOMS = (
    "perfclone/actor",
    "perfclone/files",
    "perfclone/governance",
    "perfclone/training",
    "perfclone/backends",
    "hub",
)
FLAG, COMMAND = re.compile(r"(?<![\w-])--[a-z]"), re.compile("`[^`]*`")


def raised(file: Path) -> list[ast.Raise]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Raise)]


def text(node: ast.AST) -> str:
    """All that is said in an expression, but for whole commands."""
    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return COMMAND.sub("", " ".join(parts))


@pytest.mark.parametrize("room", ROOMS)
def test_errors_of_the_library_name_no_option_of_the_command_line(room):
    """An option's bare word will do: "with force" is --force to one and force=True to the other."""
    files = [file for file in (ROOT / room).rglob("*.py") if "commands" not in file.parts]
    errors = [(file, error) for file in files for error in raised(file)]
    assert len(errors) > 3
    for file, error in errors:
        assert not FLAG.search(text(error)), f"{file}:{error.lineno}"
