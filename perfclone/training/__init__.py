"""Training: from a reference video to an actor. `job.py` tells it in order; the backend does the learning."""

from perfclone.lazy import lazy

_WHERE = {
    "Run": "perfclone.training.run",
    "TrainConfig": "perfclone.training.config",
    "TrainRequest": "perfclone.training.request",
    "TrainResult": "perfclone.training.result",
    "train": "perfclone.training.job",
}
__all__ = [*_WHERE]
__getattr__ = lazy(__name__, _WHERE)
