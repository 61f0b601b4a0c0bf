"""The house as docs/architecture.md draws it: which room may look into which, and no circles."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("perfclone", "hub", "eval", "studio")
#: The rooms of perfclone from the ground up: each imports rooms of its own floor and of those below it, never above.
FLOORS = (
    {"companions", "devices", "errors", "lazy", "prefetch", "progress", "published"},
    {"files"},
    {"video"},
    {"pose"},
    {"background", "retarget"},
    {"survey"},
    {"governance"},
    {"actor", "backends", "builtin"},
    {"training"},
    {"options", "pipeline"},
    {"poster", "preflight"},
    {"terminal"},
    {"commands"},
    {"cli"},
)


def modules():
    """Dotted name -> file of every module of the packages."""
    found = {}
    for file in [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]:
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def only_for_types(tree):
    """The nodes under `if TYPE_CHECKING:`, which no program runs."""
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    return {inner for node in guarded for statement in node.body for inner in ast.walk(statement)}


def imports(name):
    """The modules of ours that a module imports, those inside its functions included."""
    file = MODULES[name]
    tree = ast.parse(file.read_text())
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found, skipped = set(), only_for_types(tree)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{a.name}" if f"{module}.{a.name}" in MODULES else module for a in node.names}
    return {other for other in found if other in MODULES and other != name}


def test_nothing_imports_in_circles():
    try:
        TopologicalSorter({name: imports(name) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def floor(name):
    room = name.split(".")[1]
    return next(n for n, rooms in enumerate(FLOORS) if room in rooms)


def test_every_room_has_a_floor():
    rooms = {name.split(".")[1] for name in MODULES if name.startswith("perfclone.")} - {"__main__"}
    assert rooms == set().union(*FLOORS)


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.startswith("perfclone.") and "__main__" not in name]
)
def test_no_room_looks_up(name):
    above = {other for other in imports(name) if other.startswith("perfclone.") and floor(other) > floor(name)}
    assert not above, f"{name} imports {', '.join(sorted(above))}, which is above it"
