"""`perfclone clone`: the actor performs what somebody does in a driving video."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.builtin import find_actor
from perfclone.governance.consent.rules import PURPOSES
from perfclone.terminal.arguments import (
    add_device,
    add_extractor_options,
    add_force,
    add_memory,
    add_person,
    refuse_existing,
    require_file,
    require_suffix,
    settings,
    whole,
)
from perfclone.terminal.program import typed
from perfclone.terminal.progress import progress_bars

MARKS = ("label", "watermark", "tags", "credentials")


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "clone", parents=[everywhere], help="give an actor a performance", description=__doc__
    )
    parser.add_argument("actor", metavar="ACTOR", help="the actor's folder, name if built in, or Hub repository")
    parser.add_argument("driving", type=Path, metavar="DRIVING", help="the driving video, or its poses.npz")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.mp4", help="where the video goes")
    add_force(parser)
    parser.add_argument("--revision", metavar="SHA", help="commit, tag or branch, if ACTOR is on the Hub")
    picture = parser.add_argument_group("picture")
    picture.add_argument(
        "--size", type=whole(64), metavar="N", help="short side of the result in pixels (default: the actor's own)"
    )
    picture.add_argument(
        "--keep-proportions", action="store_true", help="keep the driving person's limb lengths, not the actor's"
    )
    governance = parser.add_argument_group("consent and marks")
    governance.add_argument(
        "--purpose", default="personal", choices=PURPOSES, help="what it is for; the actor's consent must allow it"
    )
    governance.add_argument("--label", metavar="TEXT", help="what the visible label says")
    governance.add_argument("--label-font", metavar="FILE", help="a font for it, for scripts that the usual one lacks")
    governance.add_argument(
        "--without",
        nargs="+",
        choices=MARKS,
        default=[],
        metavar="MARK",
        help=f"leave out some of: {', '.join(MARKS)}",
    )
    add_person(add_extractor_options(parser))
    add_device(parser)
    add_memory(parser)
    parser.set_defaults(run=run)


def marks(args: argparse.Namespace):
    """The marks that the arguments ask for."""
    from perfclone.governance.marks.label import Label
    from perfclone.governance.marks.marker import MarkOptions

    told = {"text": args.label, "font": args.label_font}
    label = Label(**{name: value for name, value in told.items() if value is not None})
    kept = {name: name not in args.without for name in MARKS if name != "label"}
    return MarkOptions(label=None if "label" in args.without else label, **kept)


def _check_consent(actor: Path | str, purpose: str) -> None:
    """Refuse what the record in an actor's folder does not allow before torch is loaded; the cloner asks again."""
    from perfclone.actor.layout import place
    from perfclone.governance.consent.record import CONSENT, ConsentRecord
    from perfclone.governance.policy import authorise_clone

    if isinstance(actor, Path) and (record := place(actor, CONSENT)):
        authorise_clone(ConsentRecord.load(record), purpose)


def run(args: argparse.Namespace) -> int:
    """Clone, and say where the video is and what comes next."""
    require_suffix(args.output, ".mp4")
    require_file(args.driving, "driving video")
    actor = find_actor(args.actor)
    refuse_existing([args.output], args.force)
    _check_consent(actor, args.purpose)
    from perfclone.options import CloneOptions

    options = settings(
        CloneOptions,
        size=args.size,
        person=args.person,
        keep_proportions=args.keep_proportions,
        purpose=args.purpose,
        marks=marks(args),
    )
    from perfclone.pipeline import PerformanceCloner

    cloner = PerformanceCloner.from_pretrained(
        actor,
        extractor=args.extractor,
        weights=args.weights,
        revision=args.revision,
        device=args.device,
        mixed_precision=args.mixed_precision,
        memory=args.memory,
    )
    with progress_bars() as progress:
        result = cloner.clone(args.driving, args.output, options, progress=progress, force=args.force)
    print(f"{result.path}: {result.frames} frames in {result.seconds:.1f} s, id {result.id:08x}")
    if cloner.actor.commit:
        print(f"The actor is {cloner.name} at commit {cloner.actor.commit}.")
    if result.path != args.output:
        print(f"It is held until somebody approves it: {typed()} review approve {result.id:08x}")
    elif not {"watermark", "tags", "credentials"} <= set(args.without):
        print(f"What others can tell of it: {typed()} verify {result.path}")
    return 0
