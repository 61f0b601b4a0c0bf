"""`perfclone check`: is this reference video good enough, and will this driving video work for that actor?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from perfclone.commands.common import add_extractor_options, progress_bar


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "check",
        parents=[everywhere],
        help="judge footage before any time is spent on it",
        description=__doc__,
        epilog="Exit code: 0 when nothing failed (warnings may remain), 1 when something did, 2 for bad input.",
    )
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="footage of the target actor")
    parser.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
    driving = parser.add_argument_group("a driving video for a trained actor")
    driving.add_argument("--driving", type=Path, metavar="DRIVING", help="the performance")
    driving.add_argument("--actor", metavar="ACTOR", help="the actor's folder or Hub repository")
    add_extractor_options(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    """Judge the reference, and the driving video where there is one."""
    if bool(args.driving) != bool(args.actor):
        args.refuse("--driving and --actor go together: give both or neither")
    with progress_bar("looking at frames") as progress:
        reports = _judge(args, progress)
    if args.json:
        print(json.dumps({name: report.to_dict() for name, report in reports.items()}, indent=2))
    else:
        print("\n\n".join(report.text() for report in reports.values()))
    return int(any(report.status == "fail" for report in reports.values()))


def _judge(args: argparse.Namespace, progress: Callable[[float, float], None]) -> dict:
    """Report name -> report."""
    from perfclone.actor import Actor
    from perfclone.pose.extractor import build_extractor
    from perfclone.preflight import check_driving, check_reference

    extractor = _Counted(build_extractor(args.extractor, weights=args.weights, matte=True), progress)
    reports = {"reference": check_reference(args.reference, extractor)}
    if args.driving:
        reports["driving"] = check_driving(args.driving, Actor.from_pretrained(args.actor), extractor)
    return reports


class _Counted:
    """A pose extractor that tells how many frames it has seen."""

    def __init__(self, extractor, progress: Callable[[float, float], None]):
        self._extractor, self._progress, self._seen = extractor, progress, 0

    def people(self, frames):
        found = self._extractor.people(frames)
        self._seen += len(frames)
        self._progress(self._seen, 0)
        return found

    def __getattr__(self, name):
        return getattr(self._extractor, name)
