"""The page, as a Space and `make demo` start it; `python app.py --help` tells what can be chosen."""

import sys

from studio.cli import main

if __name__ == "__main__":
    sys.exit(main())
