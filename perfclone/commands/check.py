"""`perfclone check`: is this reference video good enough, and will this driving video work for that actor?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.builtin import find_actor
from perfclone.terminal.arguments import add_device, add_extractor_options, positive, require_file
from perfclone.terminal.progress import progress_bars

if TYPE_CHECKING:
    from perfclone.preflight import Report
    from perfclone.progress import Progress


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
    driving.add_argument("--actor", metavar="ACTOR", help="the actor's folder, name if built in, or Hub repository")
    driving.add_argument(
        "--price", type=positive, metavar="P", help="what an hour of this machine costs, to tell what the run costs"
    )
    add_extractor_options(parser)
    add_device(parser, precision=None)
    parser.set_defaults(run=run, refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    """Judge the reference, and the driving video where there is one."""
    if bool(args.driving) != bool(args.actor):
        args.refuse("--driving and --actor go together: give both or neither")
    if args.price and not args.driving:
        args.refuse("--price says what a run costs: give --driving and --actor too")
    require_file(args.reference, "reference video")
    require_file(args.driving, "driving video")
    args.actor = args.actor and find_actor(args.actor)
    with progress_bars() as progress:
        reports = _judge(args, progress)
    if args.json:
        print(json.dumps({name: report.to_dict() for name, report in reports.items()}, indent=2))
    else:
        print("\n\n".join(report.text() for report in reports.values()))
    return int(any(report.status == "fail" for report in reports.values()))


def _judge(args: argparse.Namespace, progress: Progress) -> dict[str, Report]:
    """Report name -> report."""
    from perfclone.actor import Actor
    from perfclone.pose.extractor import build_extractor
    from perfclone.preflight import check_driving, check_reference

    extractor = build_extractor(args.extractor, weights=args.weights, matte=True, device=args.device)
    reports = {"reference": check_reference(args.reference, extractor, progress=progress)}
    if args.driving:
        actor = Actor.from_pretrained(args.actor)
        reports["driving"] = check_driving(
            args.driving, actor, extractor, args.price, device=args.device, progress=progress
        )
    return reports
