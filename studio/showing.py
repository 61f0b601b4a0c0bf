"""What a page shows of the server's files, of which nothing is served as it lies there."""

from __future__ import annotations

import base64
import io
import shutil
from html import escape
from pathlib import Path

import numpy as np
from gradio.processing_utils import hash_file, save_file_to_cache
from gradio.utils import get_upload_folder
from PIL import Image


def shown(path: Path) -> str:
    """A copy of a file in Gradio's own cache, which a component may offer."""
    return save_file_to_cache(str(path), get_upload_folder())


def forget(path: Path) -> None:
    """Delete what Gradio's own cache has of a file: what was uploaded of it, and what was :func:`shown`."""
    if path.is_file():
        shutil.rmtree(Path(get_upload_folder()) / hash_file(path), ignore_errors=True)


def picture(pixels: np.ndarray, alt: str) -> str:
    """A picture, (H, W, 3) uint8 RGB, as HTML with what it shows in words."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "jpeg", quality=88)
    source = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    style = "max-width: 100%; max-height: 420px; margin: auto; display: block"
    return f'<img src="{source}" alt="{escape(alt, quote=True)}" style="{style}">'
