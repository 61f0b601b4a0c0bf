"""Load: many visitors of one studio, each cloning short clips over and over, as programs that ask each second.

Every visitor's clip has a length of its own, so that a result that is another's is found out. Measured are errors,
mix-ups, whether the line kept its order, how soon the server answers, and the memory of server and workers: its middle
in the second third of the time beside that in the last.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import common
from perfclone import builtin
from perfclone.commands import demo
from perfclone.errors import UserError
from perfclone.terminal.arguments import positive, refuse_existing, whole
from perfclone.video import VideoReader, VideoWriter, probe
from studio.jobs.store import Store
from studio.visitors import COOKIE

#: Frames of the shortest clip; each visitor's has one more than the last's.
SHORTEST = 8
#: Seconds between two questions of a visitor, between two looks at the memory, and until the server must be up.
ASKS, LOOKS, UP = 1.0, 2.0, 60.0


class Visitor(threading.Thread):
    """Somebody who clones over and over.

    Args:
        address: The studio's.
        number: Which visitor this is.
        clip: Theirs.
        frames: How many it has.
        over: Set once nothing new is to be asked for.
    """

    def __init__(self, address: str, number: int, clip: Path, frames: int, over: threading.Event):
        super().__init__(daemon=True)
        self.address, self.clip, self.frames, self.over = address, clip, frames, over
        self.cookie = f"{COOKIE}={number:043d}"
        self.done, self.errors, self.mixed, self.answers = 0, [], [], []

    def run(self) -> None:
        """Visit until it is over, and wait for the last clone."""
        from gradio_client import Client

        with tempfile.TemporaryDirectory() as folder:
            program = Client(self.address, verbose=False, download_files=folder, headers={"cookie": self.cookie})
            while not self.over.is_set():
                try:
                    self._clone(program)
                except Exception as error:  # whatever it is, it is one of those that are counted
                    self.errors.append(f"{type(error).__name__}: {error}")
                    time.sleep(ASKS)

    def _clone(self, program) -> None:
        from gradio_client import handle_file

        id = program.predict(demo.ACTOR, handle_file(self.clip), "evaluation", False, api_name="/clone")
        while (told := self._timed(program, id))["state"] in ("waiting", "running"):
            time.sleep(ASKS)
        if told["state"] != "done":
            raise UserError(f"{told['state']}: {told['why']}")
        video = next(name for name in told["files"] if name.startswith("clone"))
        frames = probe(program.predict(id, video, api_name="/file")).frames
        if frames != self.frames:
            self.mixed.append({"asked": self.frames, "got": frames})
        self.done += 1

    def _timed(self, program, id: str) -> dict:
        began = time.monotonic()
        told = program.predict(id, api_name="/job")
        self.answers.append(time.monotonic() - began)
        with urllib.request.urlopen(urllib.request.Request(self.address, headers={"cookie": self.cookie})) as page:
            page.read()
        self.answers.append(time.monotonic() - began - self.answers[-1])
        return told


@contextmanager
def served(home: Path):
    """Serve a studio of its own; gives its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"PERFCLONE_HOME": str(home), "PERFCLONE_STUDIO": str(home / "studio")}
    command = [sys.executable, str(Path(__file__).resolve().parents[1] / "app.py"), "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}/"
            _await(address, process)
            yield address, process
        finally:
            process.send_signal(signal.SIGINT)


def _await(address: str, process: subprocess.Popen) -> None:
    give_up = time.monotonic() + UP
    while process.poll() is None and time.monotonic() < give_up:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    raise UserError("The studio did not start; its words are above.")


def resident_mib(process: int) -> float:
    """The memory of a process and its children, MiB."""
    pages, children = 0, [process]
    while children:
        pid = children.pop()
        with suppress(OSError):  # it ended meanwhile
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            for task in Path(f"/proc/{pid}/task").iterdir():
                children += map(int, (task / "children").read_text().split())
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def clips(folder: Path, count: int) -> list[tuple[Path, int]]:
    """Cut so many clips of different lengths from the built-in driving clip; gives each with its frames."""
    with VideoReader(builtin.pick("driving clip", builtin.driving_clips(), demo.CLIP)) as reader:
        pixels = [frame.pixels for frame in itertools.islice(reader, SHORTEST + count)]
    made = []
    for frames in range(SHORTEST, SHORTEST + count):
        with VideoWriter(folder / f"{frames}.mp4", rate=reader.info.fps, force=True) as writer:
            for each in pixels[:frames]:
                writer.write(each)
        made.append((folder / f"{frames}.mp4", frames))
    return made


def in_order(store: Store) -> bool:
    """Whether clones ended in the order in which they were asked for."""
    ended = [job.ended_at for job in store.listing() if job.kind == "clone" and job.ended_at]
    return ended == sorted(ended)


def measure(count: int, minutes: float, folder: Path) -> dict:
    """Let so many visitors come for so long."""
    over, memory = threading.Event(), []
    with served(folder / "home") as (address, process):
        visitors = [Visitor(address, n, *clip, over) for n, clip in enumerate(clips(folder, count))]
        for visitor in visitors:
            visitor.start()
        give_up = time.monotonic() + 60 * minutes
        while time.monotonic() < give_up:
            time.sleep(LOOKS)
            memory.append(resident_mib(process.pid))
        over.set()
        for visitor in visitors:
            visitor.join()
        ordered = in_order(Store(folder / "home" / "studio"))
    answers = sorted(answer for visitor in visitors for answer in visitor.answers)
    errors = [error for visitor in visitors for error in visitor.errors]
    if not answers:
        raise UserError(f"No visitor was served: {errors[0] if errors else 'the time was too short'}.")
    third = len(memory) // 3
    return {
        "clones": sum(visitor.done for visitor in visitors),
        "visitors_served": sum(visitor.done > 0 for visitor in visitors),
        "errors": errors,
        "mix_ups": [mixed for visitor in visitors for mixed in visitor.mixed],
        "order_kept": ordered,
        "answers": len(answers),
        "answer_median_s": statistics.median(answers),
        "answer_95_s": answers[int(0.95 * (len(answers) - 1))],
        "memory_middle_mib": statistics.median(memory[third : 2 * third]),
        "memory_end_mib": statistics.median(memory[2 * third :]),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--visitors", type=whole(1), default=20, help="how many (default: %(default)s)")
    parser.add_argument("--minutes", type=positive, default=5.0, help="for how long (default: %(default)s)")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(args.visitors, args.minutes, Path(folder))
    asked = {"visitors": args.visitors, "minutes": args.minutes}
    common.write_json({**asked, **result, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)
