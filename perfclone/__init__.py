"""Performance cloning from ordinary video (Aberman et al., *Deep Video-Based Performance Cloning*, 2019)."""

from __future__ import annotations

import os

from perfclone.lazy import lazy

# How long an idle OpenMP thread spins before it sleeps, about 0.1 ms: the next layer of G comes sooner than that, and
# pose extraction and the codec want the core if none comes (docs/experiments.md). Must be set before torch loads.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

__version__ = "0.2.0"

_WHERE = {
    "Actor": "perfclone.actor.model",
    "CloneOptions": "perfclone.options",
    "CloneResult": "perfclone.options",
    "ConsentRecord": "perfclone.governance.consent.record",
    "MarkOptions": "perfclone.governance.marks.marker",
    "PerformanceCloner": "perfclone.pipeline",
    "PoseSequence": "perfclone.pose",
    "Run": "perfclone.training",
    "TrainConfig": "perfclone.training",
    "TrainRequest": "perfclone.training",
    "TrainResult": "perfclone.training",
    "UserError": "perfclone.errors",
    "train": "perfclone.training",
    "verify_video": "perfclone.governance.verify.verify",
}
__all__ = [*_WHERE, "__version__"]
__getattr__ = lazy(__name__, _WHERE)
