"""Files that a page shows: a copy in Gradio's own cache, since nothing else of the server is served."""

from __future__ import annotations

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder


def shown(path: Path) -> str:
    """Give what a component may be told to show of a file."""
    return save_file_to_cache(str(path), get_upload_folder())
