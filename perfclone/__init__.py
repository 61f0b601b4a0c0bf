"""Performance cloning from ordinary video (Aberman et al., *Deep Video-Based Performance Cloning*, 2019)."""

from __future__ import annotations

import importlib
import os

# Idle OpenMP threads that spin steal the cores from pose extraction and the codec; must be set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

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
