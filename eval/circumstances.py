"""What a figure depends on besides the code: the machine, how busy it is, threads and versions."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from perfclone import __version__

PACKAGES = (
    "torch", "numpy", "opencv-contrib-python", "mediapipe", "av", "torchmetrics", "scikit-image", "diffusers", "peft",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Package -> version, "not installed" where it is missing; Python and perfclone too."""
    found = {name: _version(name) for name in PACKAGES}
    return {"perfclone": __version__, "python": platform.python_version(), **found}


def machine(threads: int | None = None) -> dict[str, str | int | float]:
    """The processor, the threads that torch uses, the accelerator, and the load average of the last minute."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return {
        "processor": _cpu_facts().get("model name", platform.machine()),
        "threads": threads or torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else str(accelerator or "none"),
        "load_average": os.getloadavg()[0],
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_facts() -> dict[str, str]:
    """What Linux tells of the first processor, empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
