"""The one door to what stands beside this package: `hub`, `eval`, `studio`, and the folder of `examples`.

In a checkout they have these very names; installed they are called `perfclone_hub` and so on, which collides with
nobody's `eval` or `examples`. They import perfclone; perfclone reaches them only through here, once they are wanted.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from perfclone.errors import UserError

BESIDE = Path(__file__).resolve().parents[1]
#: Companion -> modules of others that it needs and perfclone does not; the extra of the same name installs them.
NEEDS = {"hub": (), "eval": ("numba", "stlpips_pytorch", "torchmetrics"), "studio": ("gradio", "huey")}


def companion(name: str, module: str) -> ModuleType:
    """Import a module of a companion.

    Args:
        name: "hub", "eval" or "studio".
        module: The module in it, such as "publish".

    Raises:
        UserError: The companion is not there, or what it needs is not installed.
    """
    if _stands_beside(name):
        package = name
    elif find_spec(f"perfclone_{name}"):
        package = f"perfclone_{name}"
    else:
        raise UserError(f"This perfclone came without its {name}; install all of it: pip install perfclone")
    if missing := [need for need in NEEDS[name] if not find_spec(need)]:
        raise UserError(f"{name} needs {', '.join(missing)}, not installed here: pip install 'perfclone[{name}]'")
    return importlib.import_module(f"{package}.{module}")


def there(name: str) -> bool:
    """Whether a companion, and all that it needs, is installed."""
    found = _stands_beside(name) or find_spec(f"perfclone_{name}")
    return bool(found) and all(map(find_spec, NEEDS[name]))


def folder(name: str) -> Path:
    """Where a companion's files are, whether it is there or not."""
    installed = BESIDE / f"perfclone_{name}"
    return installed if installed.is_dir() else BESIDE / name


def _stands_beside(name: str) -> bool:
    """Whether importing this name gives the folder beside perfclone, and not somebody else's package."""
    spec = find_spec(name)
    places = (spec and spec.submodule_search_locations) or ()
    return BESIDE / name in (Path(place).resolve() for place in places)
