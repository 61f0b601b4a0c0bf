"""Take a picture of each tab of the studio for the README: ``python -m examples.screenshots http://127.0.0.1:7860``.

The studio is running, with whatever is to be seen in it; Debian's chromium and playwright look at it.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path

from perfclone.errors import UserError
from perfclone.terminal.program import run_command

OUTPUT = Path(__file__).resolve().parents[1] / "docs"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TABS = ("clone", "train", "verify", "review", "evaluate")
SIZE = {"width": 1280, "height": 900}


def build_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(prog="python -m examples.screenshots", description=__doc__)
    parser.add_argument("address", help="of the studio; add ?job=ID to see a result of yours")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help="default: docs")
    parser.add_argument("--wait", type=float, default=3.0, metavar="S", help="seconds that a tab gets (default: 3)")
    parser.add_argument("--only", choices=TABS, help="this tab alone")
    parser.add_argument("--debug", action="store_true", help="log in detail and show tracebacks")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Take the pictures, ``studio_NAME.webp``."""
    from playwright.sync_api import sync_playwright

    if (chromium := shutil.which("chromium")) is None:
        raise UserError("There is no chromium here; install it: apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=SIZE, locale="en-GB")
        page.goto(args.address)
        for n, name in enumerate(TABS):
            if args.only in (None, name):
                page.get_by_role("tab").nth(n).click()
                page.wait_for_timeout(1000 * args.wait)
                path = args.output / f"studio_{name}.webp"
                print(f"{path}: {_save(page.screenshot(), path) // 1000} kB")
        browser.close()
    return 0


def _save(picture: bytes, path: Path) -> int:
    """Write a PNG as a WebP; gives its size in bytes."""
    from PIL import Image

    Image.open(io.BytesIO(picture)).save(path, quality=80, method=6)
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(run_command(build_parser(), sys.argv[1:]))
