"""Stands for this folder where a benchmark is run as a file, as in `python benchmarks/speed.py`.

Python then looks for modules here and not in the folder above, where `benchmarks` would be found: it finds this.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
__path__ = [str(HERE)]
sys.path.insert(0, str(HERE.parent))
