"""Performance cloning from ordinary video (Aberman et al., *Deep Video-Based Performance Cloning*, 2019)."""

from __future__ import annotations

import importlib
import os

# How long an idle OpenMP thread spins before it sleeps, about 0.1 ms: the next layer of G comes sooner than that, and
# pose extraction and the codec want the core if none comes (docs/experiments.md). Must be set before torch loads.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

__version__ = "0.1.0"

_EXPORTS = {
    "Actor": "perfclone.actor",
    "CloneOptions": "perfclone.pipeline",
    "PerformanceCloner": "perfclone.pipeline",
    "PoseSequence": "perfclone.pose",
    "TrainConfig": "perfclone.training",
    "UserError": "perfclone.errors",
    "train": "perfclone.training",
}
__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name: str):
    """Import a public name when it is first used, so that `import perfclone` stays light."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'perfclone' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
