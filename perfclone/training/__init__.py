"""Training: from a reference video to an actor. `loop.py` is the method, `job.py` what surrounds it."""

from perfclone.training.config import PRESETS, TrainConfig
from perfclone.training.job import TrainResult, permitted, train

__all__ = ["PRESETS", "TrainConfig", "TrainResult", "permitted", "train"]
