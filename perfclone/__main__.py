"""`python -m perfclone`."""

import signal
import sys

try:
    from perfclone.cli import main

    code = main()
except KeyboardInterrupt:  # before the command line was there to say it
    code = 130
if code == 130:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would end in a library's traceback
sys.exit(code)
