"""Loading: an actor from the Hub's cache, with every check, beside reading its safetensors into the same network.

Offline, so that only what happens on this machine is timed. Plain reading is what a library does that trusts what it
fetched: build the network, `safetensors.torch.load_file`, `load_state_dict`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import common
from perfclone import builtin
from perfclone.actor import Actor, ActorConfig
from perfclone.actor.layout import CONFIG, MANIFEST, WEIGHTS
from perfclone.actor.manifest import Manifest
from perfclone.actor.remote.cache import root_of
from perfclone.commands import demo
from perfclone.terminal.arguments import refuse_existing, whole

REPOSITORY, COMMIT = "owner/actor", "c" * 40


def cached(actor: Path, cache: Path) -> Path:
    """Lay an actor's folder out in a cache as the Hub's client does; the snapshot's folder."""
    files = Actor.from_pretrained(actor).files()
    files[MANIFEST] = Manifest.of(files).to_bytes()
    root = root_of(cache, REPOSITORY)
    snapshot = root / "snapshots" / COMMIT
    for folder in (snapshot, root / "blobs", root / "refs"):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    for name, data in files.items():
        (root / "blobs" / name).write_bytes(data)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    return snapshot


def read_plainly(folder: Path) -> Actor:
    """Read the safetensors of a folder into a network and check nothing."""
    import torch
    from safetensors.torch import load_file

    actor = Actor(ActorConfig.load(folder / CONFIG))
    actor.load_state_dict(load_file(folder / WEIGHTS))
    return actor.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def measure(actor: Path, rounds: int) -> dict[str, float]:
    """Medians in milliseconds, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="perfclone-") as name:
        cache = Path(name)
        snapshot = cached(actor, cache)
        times = common.interleaved_medians(
            {
                "plain": lambda: read_plainly(snapshot),
                "cached": lambda: Actor.from_pretrained(REPOSITORY, cache_dir=cache, local_files_only=True),
            },
            rounds,
        )
    ratio = times["cached"] / times["plain"]
    return {"cached_over_plain": ratio, **{f"{name}_ms": value for name, value in times.items()}}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--actor", type=Path, metavar="ACTOR", help="an actor's folder (default: the built-in anna)")
    parser.add_argument("--rounds", type=whole(1), default=100, help="default: %(default)s")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    actor = args.actor or builtin.pick("actor", builtin.actors(), demo.ACTOR)
    common.write_json({**measure(actor, args.rounds), **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)
