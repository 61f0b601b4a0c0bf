"""Serving the page: `perfclone studio`, and `python app.py`, which a Space runs."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from tempfile import TemporaryDirectory

from perfclone.errors import UserError
from perfclone.terminal.program import run_command

from . import accounts

HERE, PORT = "127.0.0.1", 7860


def build_parser(prog: str = "python app.py") -> argparse.ArgumentParser:
    """Build the parser; `prog` is what is typed to start the page."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serve the studio: train, clone, verify, review and evaluate in a browser. It runs until Ctrl-C.",
        epilog="Actors of your own come first on the page: PERFCLONE_ACTORS=actors/me,studio/anna (folders, Hub ids).",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help=f"where to listen (default: {HERE}, this machine only; 0.0.0.0 lets everybody in who reaches it)",
    )
    parser.add_argument("--port", type=_port, metavar="N", help=f"port (default: {PORT}, or the next that is free)")
    parser.add_argument("--mcp", action="store_true", help="serve the named endpoints as tools of an MCP server too")
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--debug", action="store_true", help="log in detail and show tracebacks")
    parser.add_argument("--debug", action="store_true", help="log in detail and show tracebacks")
    parser.set_defaults(run=run)
    accounts.add(parser.add_subparsers(title="commands", metavar="COMMAND"), everywhere)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page and give the exit code."""
    return run_command(build_parser(), argv)


def run(args: argparse.Namespace) -> int:
    """Start the workers and serve the page until Ctrl-C; models are loaded by the workers, once they are wanted."""
    host = args.host or os.environ.get("GRADIO_SERVER_NAME") or HERE
    _require_free(host, args.port or 0)
    if args.mcp and not find_spec("mcp"):
        raise UserError("--mcp needs mcp, not installed here: pip install 'perfclone[studio,mcp]'")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    with TemporaryDirectory(prefix="perfclone-page-", ignore_cleanup_errors=True) as own:
        # In a folder of all servers, one that ends would delete what another still shows.
        os.environ.setdefault("GRADIO_TEMP_DIR", own)
        _serve(args, host)
    return 0


def _serve(args: argparse.Namespace, host: str) -> None:
    """Build the page and serve it until Ctrl-C."""
    from perfclone import builtin

    from . import zero
    from .actors import find_actors
    from .jobs.store import Store
    from .jobs.workers import Workers
    from .page import build, launch_options
    from .studio import Studio

    studio = Studio(Store(), find_actors(builtin.actors()), builtin.driving_clips())
    page, local = build(studio), _is_local(host)
    options = launch_options(studio, local) | {"mcp_server": args.mcp}
    with zero.Threads(studio.store) if zero.ON else Workers(studio.store):
        _, url, _ = page.launch(
            server_name=host, server_port=args.port, prevent_thread_lock=True, quiet=True, **options
        )
        print(f"The studio is at {url} ({_whom(local, bool(options['auth']))}); Ctrl-C ends it.", flush=True)
        page.block_thread()


def _whom(local: bool, login: bool) -> str:
    if login:
        return "for those who log in"
    if local:
        return "for this machine only"
    return "for EVERYBODY who reaches this machine, without a login; add one with `perfclone studio users add NAME`"


def _is_local(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _port(text: str) -> int:
    """Argument type: a port."""
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"must be a whole number in 1-65535, got {text!r}")
    return int(text)


def _require_free(host: str, port: int) -> None:
    """Refuse a place where nothing can be served, before anything is started; 0 is any port."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise UserError(
            f"The page cannot be served at {host}, port {port or PORT} ({error.strerror}); "
            "choose another with --port or --host."
        ) from error
