"""`hub space`: the demo page as a Space."""

from __future__ import annotations

import argparse


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "space",
        parents=[everywhere],
        help="push the demo page as a Space",
        description="Push what the demo page needs of this checkout as a Gradio Space; private unless told otherwise.",
    )
    parser.add_argument("repository", metavar="OWNER/NAME", help="the Space; made if it is not there")
    parser.add_argument("--public", action="store_true", help="let everybody see and use it")
    parser.add_argument("--list", action="store_true", help="only list the files; nothing is pushed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Push, and name what its owner may set there."""
    from ..space import push_space, space_files

    if args.list:
        print("\n".join(space_files()))
        return 0
    pushed = push_space(args.repository, private=not args.public)
    print(f"{pushed.url}: commit {pushed.commit}, {pushed.files} files")
    print("On its Settings page you may set, and the page also runs without:")
    for setting in pushed.settings:
        print(f"  {'secret' if setting.secret else 'variable'} {setting.name}: {setting.meaning}")
    return 0
