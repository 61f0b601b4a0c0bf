"""`perfclone verify`: was this video made here, and is it as it was made?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perfclone.commands.ledger import open_ledger


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "verify",
        parents=[everywhere],
        help="tell whether a video was made here, and whether it was changed",
        description="Look for credentials, watermark and tags in a video, and for its entry in the ledger.",
        epilog="Exit code: 0 whatever the verdict, 2 for bad input, such as a file that is no video.",
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="any video, whoever made it")
    parser.add_argument("--ledger", type=Path, metavar="LEDGER", help="another ledger than this operator's")
    parser.add_argument("--anchors", type=Path, metavar="ROOTS.pem", help="root certificates whose signers to trust")
    parser.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the verdict."""
    ledger = open_ledger(args.ledger)
    from perfclone.governance.verify.verify import verify_video

    verdict = verify_video(args.video, ledger, anchors=args.anchors)
    print(json.dumps(verdict.to_json(), indent=2) if args.json else verdict.text())
    return 0
