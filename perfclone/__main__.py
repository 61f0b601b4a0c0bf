"""`python -m perfclone`, and the installed command `perfclone`."""

import signal
import sys


def main() -> int:
    """Run one command and give its exit code, 130 after Ctrl-C."""
    try:
        from perfclone import cli

        code = cli.main()
    except KeyboardInterrupt:  # before the command line was there to say it
        code = 130
    if code == 130:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would end in a library's traceback
    return code


if __name__ == "__main__":
    sys.exit(main())
