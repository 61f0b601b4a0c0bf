"""`hub push`: publish an actor: files, card, poster, preview and manifest, in one commit."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.program import typed


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "push",
        parents=[everywhere],
        help="publish or update an actor",
        description="Publish an actor, or a new state of it, in one commit. Private and gated unless told otherwise; "
        "refused without a consent record that holds today. The token is that of `hf auth login` or HF_TOKEN.",
    )
    parser.add_argument("actor", type=Path, metavar="ACTOR_DIR", help="the actor's folder")
    parser.add_argument("repository", metavar="OWNER/NAME", help="where it goes; made if it is not there")
    parser.add_argument("--public", action="store_true", help="let everybody see the repository")
    parser.add_argument("--no-gate", action="store_true", help="let everybody who sees it have the files, unasked")
    parser.add_argument(
        "--report", type=Path, metavar="REPORT", help="an evaluation's folder or report.json, for the card"
    )
    parser.add_argument(
        "--command",
        action="append",
        metavar="TEXT",
        help="how the actor was made, for the card; repeatable (default: the training command that its config tells)",
    )
    parser.add_argument("--license", default="other", metavar="ID", help="for the card (default: the consent record)")
    parser.add_argument("--no-preview", action="store_true", help="draw no poster and no clip")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Push, and say where it is and who sees it."""
    from perfclone.terminal.progress import kept_when_interrupted

    from ..publish import push

    with kept_when_interrupted("The repository is as it was; the same command goes on where the upload stopped."):
        pushed = push(
            args.actor,
            args.repository,
            private=not args.public,
            gated=not args.no_gate,
            report=args.report,
            commands=args.command,
            preview=not args.no_preview,
            licence=args.license,
            told=lambda stage: print(f"{stage} ...", flush=True),
        )
    seen = "private" if pushed.private else "public"
    gate = f"gated: see who asks with `{typed()} hub requests`" if pushed.gated else "not gated"
    print(f"{pushed.url}: commit {pushed.commit}, {seen}, {gate}")
    return 0
