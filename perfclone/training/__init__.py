"""Training: from a reference video to an actor. `job.py` tells it in order; the backend does the learning."""

from perfclone.training.config import TrainConfig
from perfclone.training.job import TrainResult, permitted, train

__all__ = ["TrainConfig", "TrainResult", "permitted", "train"]
