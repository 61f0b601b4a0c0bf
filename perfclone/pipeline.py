r"""Cloning: the method on one page.

A driving performance streams through these stages, a moment (a pose and its time) at a time:

    P         frames -> the performer's poses           pose/extractor.py
    clean     swaps, jumps, gaps and jitter mended      pose/clean.py
    retarget  to the actor's limbs, place and scale     retarget.py
    maps      poses -> limb-local coordinates       \
    G         maps -> colour, matte, shadow          }  backends/layered/painter.py
    plate     these over the empty background       /
    marks     label and watermark                       governance/marks/marker.py

Before it stands the actor's consent, after it the file's tags, its credentials and the ledger (governance/release.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perfclone.actor.model import Actor
from perfclone.backends import Painted, Painter, backend
from perfclone.devices import beside_others
from perfclone.files.sequence import existing
from perfclone.governance import policy
from perfclone.governance.marks.marker import MarkOptions
from perfclone.governance.release import Release
from perfclone.options import CloneOptions, CloneResult
from perfclone.pose.clean import Clean
from perfclone.pose.driver import MEASURED
from perfclone.pose.outline import covered
from perfclone.pose.perform import Performance, open_performance
from perfclone.pose.sequence import Moment, PoseSequence, is_poses
from perfclone.pose.stage import opening
from perfclone.prefetch import Prefetch
from perfclone.progress import Progress
from perfclone.retarget import Retarget

if TYPE_CHECKING:
    from perfclone.devices import Precision
    from perfclone.pose.extractor import PoseExtractor

#: How many moments P may be ahead of the painter, and frames the painter of whoever takes them.
POSES_AHEAD, FRAMES_AHEAD = 512, 8


class PerformanceCloner:
    """Gives performances to an actor.

    Args:
        actor: Who is seen in the result.
        extractor: P, for driving videos; BlazePose is built when it is first needed if None.
        device: Where G runs; None takes an accelerator where there is one.
        mixed_precision: How G computes there: "auto" as suits the device, "no", "fp16" or "bf16".
        memory: GB of the device that large models may take; None is enough.
        name: What the actor is called in marks, credentials and the ledger.
    """

    def __init__(
        self,
        actor: Actor,
        extractor: PoseExtractor | None = None,
        device: str | None = None,
        name: str = "unnamed",
        mixed_precision: Precision = "auto",
        memory: float | None = None,
    ):
        self.actor, self.name, self._extractor = actor, name, extractor
        self._where = device, mixed_precision, memory

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        extractor: str = "blazepose",
        weights: str | Path | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        memory: float | None = None,
        **where,
    ) -> PerformanceCloner:
        """Load an actor from a folder or from the Hub.

        Args:
            name: A folder, or a Hub repository id.
            extractor: Name of the pose extractor.
            weights: Its weights, for those that carry none.
            device: Where G and the extractor run.
            mixed_precision: How G computes there.
            memory: GB that large models may take there; None is enough.
            **where: ``revision``, ``token``, ``cache_dir``, ``local_files_only`` of :meth:`Actor.from_pretrained`.
        """
        from perfclone.pose.extractor import build_extractor

        actor = Actor.from_pretrained(name, **where)
        built = build_extractor(extractor, weights=weights, device=device) if extractor != "blazepose" else None
        called = Path(name).resolve().name if Path(name).is_dir() else str(name)
        return cls(actor, built, device, called, mixed_precision, memory)

    @property
    def extractor(self) -> PoseExtractor:
        """P."""
        if self._extractor is None:
            from perfclone.pose.extractor import build_extractor

            self._extractor = build_extractor("blazepose")
        return self._extractor

    def clone(
        self,
        driving: str | Path | PoseSequence,
        output: str | Path,
        options: CloneOptions | None = None,
        *,
        progress: Progress | None = None,
        watch: Callable[[Moment, np.ndarray], None] | None = None,
        stop: Callable[[], bool] | None = None,
        force: bool = False,
    ) -> CloneResult:
        """Clone a driving performance into a video file, with the driving video's sound and timing.

        Args:
            driving: A video, or poses saved from one.
            output: The file to write, .mp4; interrupted, what was done is beside it.
            options: Choices.
            progress: Called with "clone", frames done and frames in all: at once with 0, then after each.
            watch: Called after each frame with its moment, as it was retargeted, and the frame with its marks,
                (H, W, 3) uint8 RGB.
            stop: Asked after each frame; once it says so, what is done becomes the whole file.
            force: Replace ``output`` if it exists.

        Raises:
            FileNotFoundError: There is no such driving video.
            UserError: The driving video will not do, ``output`` exists, or the actor's consent does not allow it.
        """
        from perfclone.video import VideoWriter

        began, options, output, done = time.monotonic(), options or CloneOptions(), Path(output), 0
        release, performance = self._begin(driving, options)
        told = progress or (lambda *_: None)
        told("clone", 0, performance.frames)
        writer = VideoWriter(
            output,
            rate=performance.fps,
            audio_from=performance.audio,
            duration=performance.duration,
            force=force,
            metadata=release.tags(output.stem),
            seal=lambda path: release.sign(path, output.stem),
        )
        try:
            with writer, closing(self._frames(performance, options, release)) as frames:
                for done, (moment, pixels) in enumerate(frames, 1):
                    writer.write(pixels, moment.time)
                    told("clone", done, max(done, performance.frames))
                    if watch:
                        watch(moment, pixels)
                    if stop and stop():
                        writer.end_here()
                        break
        except BaseException:
            if writer.partial_path:
                release.enter(writer.partial_path, done, performance.fps)
            raise
        path = release.enter(output, done, performance.fps)
        return CloneResult(path, done, time.monotonic() - began, release.id)

    def frames(self, driving: str | Path | PoseSequence, options: CloneOptions | None = None) -> Iterator[np.ndarray]:
        """The frames of a clone, one by one, with the marks that show in a picture: (H, W, 3) uint8 RGB."""
        options, done = options or CloneOptions(), 0
        release, performance = self._begin(driving, options)
        try:
            with closing(self._frames(performance, options, release)) as frames:
                for _, pixels in frames:
                    done += 1
                    yield pixels
        finally:
            if done:
                release.enter(None, done, performance.fps)

    def looks_ahead_s(self, fps: float) -> float:
        """How much of a driving video at a frame rate is read before the first frame is painted, seconds."""
        body = self.actor.body
        retarget = Retarget(None, body, fps, stance=self.actor.stance(body))
        return Clean(fps).ahead_s + retarget.ahead_s + MarkOptions().looks_ahead_s

    def render(self, poses: PoseSequence, purpose: str = "evaluation") -> Iterator[np.ndarray]:
        """Paint poses that already are in the actor's frame: (H, W, 3) uint8 RGB each, as G gives them.

        For measuring: nothing is retargeted and no mark is laid on; the record must allow the purpose.
        """
        policy.authorise_clone(self.actor.consent, purpose)
        for painted in self._painter().paint(poses.moments()):
            yield painted.pixels

    def _frames(
        self, performance: Performance, options: CloneOptions, release: Release
    ) -> Iterator[tuple[Moment, np.ndarray]]:
        """The way of the data; P with clean and the painter each run ahead in a thread of their own."""
        painter, passed = self._painter(options.size), deque()
        with closing(Prefetch(performance.moments, POSES_AHEAD)) as moments:  # P, clean
            placed = self._retarget(performance, painter, options)(moments)
            first, placed = opening(placed, release.marks.looks_ahead_s)
            marker = release.marker(performance.fps, covered(first, painter.size))
            painted = _painted(painter, _noted(placed, passed))  # maps, G, plate
            with closing(Prefetch(painted, FRAMES_AHEAD, moments)) as frames:
                for pixels, at in frames:
                    yield passed.popleft(), marker.apply(pixels, at)  # marks

    def _retarget(self, performance: Performance, painter: Painter, options: CloneOptions) -> Retarget:
        return Retarget(
            None,
            painter.body,
            performance.fps,
            options.keep_proportions,
            stance=self.actor.stance(painter.body),
            width=painter.size[0],
            measured=None if performance.poses else MEASURED,
            neutral=painter.neutral,
        )

    def _painter(self, size: int | None = None) -> Painter:
        return backend(self.actor.config.backend).painter(self.actor, size, *self._where)

    def _begin(self, driving: str | Path | PoseSequence, options: CloneOptions) -> tuple[Release, Performance]:
        """Leave to make the clone, and the driving performance, opened."""
        video = None if is_poses(driving) else existing(driving)
        release = Release(self.name, self.actor.consent, options.purpose, options.marks, video, self.actor.commit)
        return release, open_performance(driving, self.extractor if video else None, options.person)


def _painted(painter: Painter, moments: Iterator[Moment]) -> Iterator[Painted]:
    """The painter's frames, painted beside P."""
    with beside_others():
        yield from painter.paint(moments)


def _noted(moments: Iterator[Moment], passed: deque[Moment]) -> Iterator[Moment]:
    """The moments, each noted as it passes."""
    for moment in moments:
        passed.append(moment)
        yield moment
