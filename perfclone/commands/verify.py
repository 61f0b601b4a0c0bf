"""`perfclone verify`: was this video made here, and is it as it was made?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perfclone.errors import UserError


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
    if args.ledger and not args.ledger.is_file():
        raise UserError(f"There is no ledger {args.ledger}; check the name.")
    from perfclone.governance.ledger.ledger import Ledger
    from perfclone.governance.verify.verify import verify_video

    verdict = verify_video(args.video, Ledger(args.ledger), anchors=args.anchors)
    print(json.dumps(verdict.to_json(), indent=2) if args.json else verdict.text())
    return 0
