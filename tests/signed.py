"""Videos to sign, what to claim of them, and certificates to sign with."""

import numpy as np

from perfclone.governance.credentials import certificates
from perfclone.governance.marks.metadata import tags
from perfclone.video.writer import VideoWriter

DIGEST = "sha256:" + "ab" * 32
FACTS = dict(
    title="A dance", actor="anna", commit="9f2d7fee", consent=DIGEST, purpose="research: dance", watermark=0x0EADBEEF
)


def write_video(path, frames=12, seed=0):
    noise = np.random.default_rng(seed)
    with VideoWriter(path, rate=10, force=True, metadata=tags(1, "anna")) as writer:
        for _ in range(frames):
            writer.write(noise.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    return path


def root_of(own_home):
    return own_home / "certificates" / "root.pem"


def operators(folder, name, days=30.0, root=None):
    """Files of an operator's own certificate: chain, key and root."""
    folder.mkdir()
    ca, ca_key = root or certificates._issue(f"{name} root", 100)
    leaf, key = certificates._issue(name, days, ca, ca_key)
    files = [folder / part for part in ("chain.pem", "key.pem", "root.pem")]
    for file, content in zip(files, (certificates._pem(leaf), certificates._key_pem(key), certificates._pem(ca))):
        file.write_text(content)
    return files
