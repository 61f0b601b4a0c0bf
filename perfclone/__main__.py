"""`python -m perfclone`."""

import sys

from perfclone.cli import main

sys.exit(main())
