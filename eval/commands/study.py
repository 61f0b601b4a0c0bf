"""`eval study`: a blind A/B page of two reports for people's eyes, and the scoring of its answers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perfclone.files.writing import write_text
from perfclone.terminal.arguments import add_force, positive, refuse_existing, settings, whole

from ..study import StudyOptions, score, write_study

QUESTION = "Which clip looks more like a real recording?"


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "study",
        parents=[everywhere],
        help="make a blind A/B page of two reports, or score its answers",
        description=__doc__,
        epilog="Give study.html away and keep key.json: it says which side was which, and --score needs it.",
    )
    parser.add_argument(
        "reports", type=Path, nargs="*", metavar="REPORT", help="folders of the two reports to compare"
    )
    _add_making(parser.add_argument_group("making a page"))
    scoring = parser.add_argument_group("scoring answers")
    scoring.add_argument("--score", type=Path, nargs="+", metavar="ANSWERS.json", help="what the page saved")
    scoring.add_argument("--key", type=Path, metavar="KEY.json", help="the key written beside the page")
    scoring.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON too")
    add_force(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def _add_making(group) -> None:
    group.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where study.html and key.json go")
    group.add_argument("--pairs", type=whole(1), default=12, metavar="N", help="pairs that count (default: 12)")
    group.add_argument("--seconds", type=positive, default=4.0, metavar="S", help="length of a clip (default: 4)")
    group.add_argument("--seed", type=whole(0), default=0, metavar="S", help="of everything random (default: 0)")
    group.add_argument("--question", default=QUESTION, help='what is asked (default: "%(default)s")')
    group.add_argument(
        "--methods", nargs=2, metavar=("A", "B"), help="method of each report, where a report holds several"
    )
    group.add_argument("--forced", action="store_true", help='offer no "no difference" answer')
    group.add_argument(
        "--size", type=positive, default=30.0, metavar="MB", help="the page stays below this (default: 30)"
    )


def run(args: argparse.Namespace) -> int:
    """Make a page, or score answers."""
    if args.score:
        if args.reports or args.output:
            args.refuse("--score reads answers: give it no reports and no -o")
        if not args.key:
            args.refuse("--score needs --key KEY.json, which was written beside the page")
        return _score(args)
    if args.key or args.json:
        args.refuse("--key and --json go with --score")
    if len(args.reports) != 2 or not args.output:
        args.refuse("give two reports and -o FOLDER, or --score ANSWERS.json --key KEY.json")
    return _make(args)


def _make(args: argparse.Namespace) -> int:
    names = ("question", "pairs", "seconds", "seed", "forced")
    options = settings(StudyOptions, megabytes=args.size, **{name: getattr(args, name) for name in names})
    written = write_study(args.reports, args.output, options, methods=args.methods, force=args.force)
    if written.pairs < args.pairs:
        print(f"The clips have room for {written.pairs} pairs of {args.seconds:g} s that share no moment.")
    print(f"{written.page}: {written.pairs} pairs and two checks, {written.page.stat().st_size / 1e6:.1f} MB.")
    print(f"{written.key}: which side is which. Keep it to yourself; give only the page away.")
    return 0


def _score(args: argparse.Namespace) -> int:
    refuse_existing([args.json], args.force)
    result = score(args.score, args.key)
    print(result.text())
    if args.json:
        write_text(args.json, json.dumps(result.to_dict(), indent=1, ensure_ascii=False) + "\n")
    return 0
