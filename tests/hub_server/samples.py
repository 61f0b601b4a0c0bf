"""A small repository to fill the loopback Hub with, and the status of what it refuses."""

import json
import os
import struct

REPO = "owner/actor"
CARD = """---
license: other
library_name: perfclone
tags: [performance-cloning, actor]
pipeline_tag: video-to-video
---
# An actor
"""


def safetensors(count=1000):
    header = {"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + os.urandom(4 * count)


FILES = {
    "README.md": CARD.encode(),
    "config.json": b'{"a": 1}',
    "sub/notes.txt": b"n",
    "sub/deep/more.txt": b"m",
    "empty.txt": b"",
    "model.safetensors": safetensors(),
}


def status_of(error):
    """The HTTP status of an error of the client that ``pytest.raises`` caught."""
    return error.value.response.status_code
