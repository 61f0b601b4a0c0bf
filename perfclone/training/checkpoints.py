"""What a run needs to go on after any interruption: its checkpoints, and the best weights so far."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path
from pickle import UnpicklingError

from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from perfclone.errors import UserError
from perfclone.files.writing import beside

#: How torch and safetensors say that they could not write, in errors that have no errno.
_NO_ROOM = re.compile(r"unexpected pos|failed writing|write failed|iostream error|os error (27|28|122)")


class Checkpoints:
    """Keeps all that an accelerator prepared.

    Args:
        path: The run's folder.
        accelerator: accelerate's.
        last: The checkpoint to go on from; None begins at the beginning.
    """

    def __init__(self, path: Path, accelerator: Accelerator, last: Path | None = None):
        self.path, self.accelerator, self.last = path, accelerator, last
        self.best = path / "best.safetensors"

    def save(self, step: int) -> None:
        """Save everything needed to go on; written beside, then renamed, and only then is the last one removed."""
        final = self.path / f"checkpoint-{step:09d}"
        if final == self.last:
            return
        part = final.with_name(f"{final.name}.part")
        if self.accelerator.is_main_process:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
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
        self.last = final

    def restore(self) -> None:
        """Load the last checkpoint, if there is one, into all that was prepared; a damaged one is a UserError."""
        if self.last is None:
            return
        try:
            self.accelerator.load_state(str(self.last))
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, SafetensorError, UnpicklingError) as error:
            raise UserError(f"{self.last} cannot be read ({error}); start anew with force.") from error

    def keep_best(self, network: nn.Module) -> None:
        """Keep a network's weights as the best so far."""
        with beside(self.best) as part:
            part.write_bytes(save({name: value.contiguous() for name, value in network.state_dict().items()}))

    def load_best(self, network: nn.Module) -> None:
        """Put the best weights into a network."""
        network.load_state_dict(load_file(self.best))
