"""The folder of a training run: settings, log, pictures, checkpoints and the best weights so far."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from pickle import UnpicklingError

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from perfclone.errors import UserError
from perfclone.training import pictures
from perfclone.training.config import TrainConfig

#: Settings that a resumed run may change: how long it is and how often it saves.
_FREE = {"minutes", "steps", "checkpoint_minutes"}


class RunFolder:
    """Where a run keeps what it needs to go on after any interruption.

    Args:
        path: The folder.
        config: The run's settings.
        accelerator: accelerate's.
    """

    def __init__(self, path: Path, config: TrainConfig, accelerator: Accelerator):
        self.path, self.config, self.accelerator = path, config, accelerator
        self.best = path / "best.safetensors"

    def begin(self, reference: Path, resume: bool, force: bool) -> Path | None:
        """Make the folder, or find the last checkpoint of an interrupted run in it.

        Returns:
            The checkpoint's folder, or None where there is nothing to go on from.

        Raises:
            UserError: The interrupted run had other settings or another reference video, or it would be thrown away
                without ``force``.
        """
        settings = {"reference": _fingerprint(reference), **dataclasses.asdict(self.config)}
        file, found = self.path / "run.json", sorted(self.path.glob("checkpoint-*[0-9]"))
        if resume and file.is_file():
            self._hold_against(json.loads(file.read_text(encoding="utf-8")), settings)
            return found[-1] if found else None
        if found and not force:
            raise UserError(f"{self.path} holds an interrupted run; go on with --resume, or discard it with --force.")
        if self.accelerator.is_main_process:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(parents=True)
            file.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        self.accelerator.wait_for_everyone()
        return None

    def _hold_against(self, before: dict, now: dict) -> None:
        differ = sorted(key for key in now if key not in _FREE and before.get(key) != now[key])
        if differ:
            listed = ", ".join(f"{key} {before.get(key)} -> {now[key]}" for key in differ)
            raise UserError(
                f"The checkpoint in {self.path} belongs to another run ({listed}); "
                "use the same settings, or leave --resume away to start anew."
            )

    def checkpoint(self, step: int) -> None:
        """Save everything needed to go on; written beside, then renamed, and only then is the last one removed."""
        final = self.path / f"checkpoint-{step:09d}"
        beside = self.path / f"checkpoint-{step:09d}.part"
        if self.accelerator.is_main_process:
            shutil.rmtree(beside, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(beside))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            shutil.rmtree(final, ignore_errors=True)
            beside.rename(final)
            for old in self.path.glob("checkpoint-*"):
                if old != final:
                    shutil.rmtree(old)

    def restore(self, checkpoint: Path) -> None:
        """Load a checkpoint into all that was prepared; a damaged one is a UserError."""
        try:
            self.accelerator.load_state(str(checkpoint))
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, SafetensorError, UnpicklingError) as error:
            raise UserError(f"{checkpoint} cannot be read ({error}); start anew with --force.") from error

    def agree(self, fraction: float) -> float:
        """The main process's word on how far the run is, so that all processes stop at the same step."""
        if self.accelerator.num_processes == 1 or self.config.steps:
            return fraction
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor([fraction], device=self.accelerator.device, dtype=torch.float32)))

    def log(self, row: dict[str, float]) -> None:
        """Add a row to the log."""
        if self.accelerator.is_main_process:
            pictures.append(self.path, row)

    def forget_after(self, step: int) -> None:
        """Drop the log's rows after a step: the resumed run will write them again."""
        if self.accelerator.is_main_process:
            pictures.truncate(self.path, step)

    def draw(self, real: Tensor, painted: Tensor) -> None:
        """Redraw the curves and the samples."""
        pictures.draw_curves(self.path)
        pictures.draw_samples(self.path, real, painted)

    def keep_best(self, generator: nn.Module) -> None:
        """Keep G's weights as the best so far."""
        beside = self.best.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in generator.state_dict().items()}, beside)
        beside.replace(self.best)

    def load_best(self, generator: nn.Module) -> None:
        """Put the best weights into G."""
        generator.load_state_dict(load_file(self.best))

    def discard(self) -> None:
        """Remove a folder in which nothing was trained yet."""
        if self.accelerator.is_main_process and not list(self.path.glob("checkpoint-*")):
            shutil.rmtree(self.path, ignore_errors=True)

    def clear(self) -> None:
        """Leave only the log and the pictures: footage and checkpoints are not needed once the actor stands."""
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
        self.best.unlink(missing_ok=True)


def _fingerprint(path: Path) -> str:
    stat = path.stat()
    return f"{path.name}, {stat.st_size} bytes"
