"""The folder of a training run: settings, log, pictures, checkpoints and the best weights so far."""

from __future__ import annotations

import dataclasses
import errno
import json
import re
import shutil
from pathlib import Path
from pickle import UnpicklingError

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from perfclone.errors import UserError
from perfclone.files.writing import beside
from perfclone.training import pictures
from perfclone.training.config import TrainConfig

#: Settings that a resumed run may change: how long it is and how often it saves.
_FREE = {"minutes", "steps", "checkpoint_minutes"}

#: How torch and safetensors say that they could not write, in errors that have no errno.
_NO_ROOM = re.compile(r"unexpected pos|failed writing|write failed|iostream error|os error (27|28|122)")


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
        self._anew = False

    @property
    def footage(self) -> Path:
        """Where the prepared reference is; that of a new run stands aside until :meth:`renew`."""
        return self.path / ("reference.new" if self._anew else "reference")

    def begin(self, reference: str, resume: bool, force: bool) -> Path | None:
        """Make the folder, or find the last checkpoint of an interrupted run in it.

        What a run before this one left in the folder stays until :meth:`renew`.

        Args:
            reference: Which video, in words that no other video has.
            resume: Go on with an interrupted run.
            force: Throw it away.

        Returns:
            The checkpoint's folder, or None where there is nothing to go on from.

        Raises:
            UserError: The interrupted run had other settings or another reference video, or it would be thrown away
                without ``force``; or the folder is not that of a run.
        """
        self._settings = {"reference": reference, **dataclasses.asdict(self.config)}
        before, found = self._read_settings(), sorted(self.path.glob("checkpoint-*[0-9]"))
        if resume and before:
            self._hold_against(before, self._settings)
            if found or self.footage.is_dir():
                return found[-1] if found else None
        if found and not force:
            raise UserError(f"{self.path} holds an interrupted run; go on with --resume, or discard it with --force.")
        self.accelerator.wait_for_everyone()  # each has looked before one changes anything
        self._anew = True
        if self.accelerator.is_main_process:
            self.path.mkdir(exist_ok=True)
            self._drop("reference.*")
            if not before:
                self._claim()
        self.accelerator.wait_for_everyone()
        return None

    def _read_settings(self) -> dict | None:
        """The settings of the run that the folder is of; None where it is empty or not there."""
        try:
            if not self.path.exists() or not any(self.path.iterdir()):
                return None
            settings = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
            if not {"reference", "preset"} <= set(settings):
                raise ValueError("other settings")
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                f"{self.path}, where the run is to be kept, holds something else (no run.json of a run); "
                "move it away, or give the actor another name."
            ) from error
        return settings

    def _claim(self) -> None:
        try:
            self._write_settings()
        except OSError:
            self.path.rmdir()
            raise

    def _write_settings(self) -> None:
        with beside(self.path / "run.json") as part:
            part.write_text(json.dumps(self._settings, indent=2), encoding="utf-8")

    def renew(self) -> None:
        """Let a new run, now that its footage is there, take the place of what an earlier one left."""
        if self._anew and self.accelerator.is_main_process:
            self._drop("checkpoint-*", "reference")  # first, so that no checkpoint ever stands beside other settings
            self._write_settings()
            self._drop("best.*", pictures.LOG, pictures.CURVES, pictures.SAMPLES)
            self.footage.rename(self.path / "reference")
        self.accelerator.wait_for_everyone()
        self._anew = False

    def _drop(self, *patterns: str) -> None:
        for entry in [entry for pattern in patterns for entry in self.path.glob(pattern)]:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

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
        part = self.path / f"checkpoint-{step:09d}.part"
        if self.accelerator.is_main_process:
            shutil.rmtree(part, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        try:
            self.accelerator.save_state(str(part))
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(part, ignore_errors=True)
            if _NO_ROOM.search(str(error)):
                raise OSError(errno.ENOSPC, "No space left on device", str(part)) from error
            raise
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            shutil.rmtree(final, ignore_errors=True)
            part.rename(final)
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
        with beside(self.best) as part:
            part.write_bytes(save({name: value.contiguous() for name, value in generator.state_dict().items()}))

    def load_best(self, generator: nn.Module) -> None:
        """Put the best weights into G."""
        generator.load_state_dict(load_file(self.best))

    def discard(self) -> None:
        """Remove what a new run prepared, and the folder where it holds nothing of an earlier one."""
        if self.accelerator.is_main_process:
            self._drop("reference.*")
            if {entry.name for entry in self.path.iterdir()} <= {"run.json"}:
                shutil.rmtree(self.path)

    def clear(self) -> None:
        """Leave only the log and the pictures: footage and checkpoints are not needed once the actor stands."""
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
        self.best.unlink(missing_ok=True)
