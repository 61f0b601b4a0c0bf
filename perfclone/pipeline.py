"""Cloning: the rooms joined, in order.

Consent -> driving video -> poses -> retarget -> maps -> G -> plate -> marks -> video -> credentials -> ledger.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perfclone.actor import Actor
from perfclone.backends.layered.painter import Painter
from perfclone.governance import policy
from perfclone.governance.marks.marker import MarkOptions
from perfclone.governance.release import Release
from perfclone.pose.perform import perform
from perfclone.pose.sequence import INDEX, Moment, Pose, PoseSequence
from perfclone.prefetch import prefetch
from perfclone.retarget import Body, measure_body, retarget_stream

if TYPE_CHECKING:
    from perfclone.devices import Precision
    from perfclone.pose.extractor import PoseExtractor
    from perfclone.progress import Progress

#: The driver's body is measured on this many frames that show it before the first frame is painted; saved poses are
#: measured whole.
MEASURED = 120
_TORSO = [INDEX[name] for name in ("neck", "right_hip", "left_hip")]


@dataclass(frozen=True)
class CloneOptions:
    """Choices for one clone.

    Attributes:
        size: Short side of the output, pixels; None keeps the reference video's resolution.
        person: Which person of the driving video performs, 0 the largest.
        keep_proportions: Keep the driver's proportions instead of taking the actor's.
        purpose: What the clone is made for; the actor's consent record must allow it.
        marks: Which marks it carries.
    """

    size: int | None = None
    person: int = 0
    keep_proportions: bool = False
    purpose: str = "personal"
    marks: MarkOptions = field(default_factory=MarkOptions)

    def __post_init__(self):
        if self.size is not None and not 64 <= self.size <= 2160:
            raise ValueError(f"size must lie in 64-2160 pixels, got {self.size}")
        if not 0 <= self.person <= 20:
            raise ValueError(f"person must lie in 0-20, got {self.person}")


class CloneResult(NamedTuple):
    """What a clone gave.

    Attributes:
        path: The finished file; where clones need approval, the place in which it is held until then.
        frames: How many it has.
        seconds: How long it took.
        id: The id in its watermark and in the ledger.
    """

    path: Path
    frames: int
    seconds: float
    id: int = 0


class PerformanceCloner:
    """Gives performances to an actor.

    Args:
        actor: Who is seen in the result.
        extractor: P, for driving videos; BlazePose is built when it is first needed if None.
        device: Where G runs; None takes an accelerator where there is one.
        mixed_precision: How G computes there: "auto" as suits the device, "no", "fp16" or "bf16".
        name: What the actor is called in marks, credentials and the ledger.
    """

    def __init__(
        self, actor: Actor, extractor: PoseExtractor | None = None, device: str | None = None, name: str = "unnamed",
        mixed_precision: Precision = "auto",
    ):  # fmt: skip
        self.actor, self.name, self._extractor, self._where = actor, name, extractor, (device, mixed_precision)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, extractor: str = "blazepose", weights: str | Path | None = None,
        device: str | None = None, mixed_precision: Precision = "auto", **where,
    ) -> PerformanceCloner:  # fmt: skip
        """Load an actor from a folder or from the Hub.

        Args:
            name: A folder, or a Hub repository id.
            extractor: Name of the pose extractor.
            weights: Its weights, for those that carry none.
            device: Where G and the extractor run.
            mixed_precision: How G computes there.
            **where: ``revision``, ``token``, ``cache_dir``, ``local_files_only`` of :meth:`Actor.from_pretrained`.
        """
        from perfclone.pose.extractor import build_extractor

        actor = Actor.from_pretrained(name, **where)
        built = build_extractor(extractor, weights=weights, device=device) if extractor != "blazepose" else None
        called = Path(name).resolve().name if Path(name).is_dir() else str(name)
        return cls(actor, built, device, called, mixed_precision)

    @property
    def extractor(self) -> PoseExtractor:
        """P."""
        if self._extractor is None:
            from perfclone.pose.extractor import build_extractor

            self._extractor = build_extractor("blazepose")
        return self._extractor

    def clone(
        self, driving: str | Path | PoseSequence, output: str | Path, options: CloneOptions | None = None, *,
        progress: Progress | None = None, force: bool = False,
    ) -> CloneResult:  # fmt: skip
        """Clone a driving performance into a video file, with the driving video's sound and timing.

        Args:
            driving: A video, or poses saved from one.
            output: The file to write, .mp4; interrupted, what was done is beside it.
            options: Choices.
            progress: Called with "clone", frames done and frames in all: at once with 0, then after each.
            force: Replace ``output`` if it exists.

        Raises:
            FileNotFoundError: There is no such driving video.
            UserError: The driving video will not do, ``output`` exists, or the actor's consent does not allow it.
        """
        from perfclone.video import VideoWriter

        began, options, output = time.monotonic(), options or CloneOptions(), Path(output)
        release = self._release(driving, options)
        stage = _open(driving, self, options)
        painter, marker = Painter(self.actor, options.size, *self._where), release.marker(stage.fps)
        done = 0
        if progress:
            progress("clone", done, stage.frames)
        writer = VideoWriter(
            output, rate=stage.fps, audio_from=stage.audio, duration=stage.duration, force=force,
            metadata=release.tags(output.stem), seal=lambda path: release.sign(path, output.stem),
        )  # fmt: skip
        try:
            with writer, closing(prefetch(self._paint(stage, painter, options), 8)) as frames:
                for pixels, at in frames:
                    writer.write(marker.apply(pixels, at), at)
                    done += 1
                    if progress:
                        progress("clone", done, max(done, stage.frames))
        except BaseException:
            if writer.partial_path:
                release.enter(writer.partial_path, done, stage.fps)
            raise
        return CloneResult(release.enter(output, done, stage.fps), done, time.monotonic() - began, release.id)

    def frames(self, driving: str | Path | PoseSequence, options: CloneOptions | None = None) -> Iterator[np.ndarray]:
        """The frames of a clone, one by one, with the marks that show in a picture: (H, W, 3) uint8 RGB."""
        options = options or CloneOptions()
        release = self._release(driving, options)
        stage = _open(driving, self, options)
        marker, done = release.marker(stage.fps), 0
        try:
            for pixels, at in self._paint(stage, Painter(self.actor, options.size, *self._where), options):
                done += 1
                yield marker.apply(pixels, at)
        finally:
            if done:
                release.enter(None, done, stage.fps)

    def render(self, poses: PoseSequence) -> Iterator[np.ndarray]:
        """Paint poses that already are in the actor's frame: (H, W, 3) uint8 RGB each, as G gives them.

        For measuring: nothing is retargeted and no mark is laid on; the record must allow the purpose "evaluation".
        """
        policy.authorise_clone(self.actor.consent, "evaluation")
        moments = (Moment(Pose(k, s), t) for k, s, t in zip(poses.keypoints, poses.scores, poses.times))
        yield from Painter(self.actor, None, *self._where).paint(moments)

    def _release(self, driving: str | Path | PoseSequence, options: CloneOptions) -> Release:
        video = None if isinstance(driving, PoseSequence) or Path(driving).suffix == ".npz" else Path(driving)
        if video and not video.is_file():
            raise FileNotFoundError(f"There is no video at {video}; check the path.")
        return Release(
            self.name, self.actor.consent, options.purpose, options.marks, video, self.actor.commit or ""
        )  # fmt: skip

    def _paint(self, stage: _Stage, painter: Painter, options: CloneOptions) -> Iterator[tuple[np.ndarray, float]]:
        with closing(prefetch(stage.moments, 512)) as moments:
            driver = stage.body
            first = [] if driver else _until_measurable(moments)
            driver = driver or measure_body(PoseSequence.from_moments(first))
            ahead, times = deque(), []

            def poses() -> Iterator[Pose]:
                for moment in chain(first, moments):
                    ahead.append(moment.time)
                    yield moment.pose

            def retargeted() -> Iterator[Moment]:
                for pose in retarget_stream(poses(), stage.fps, driver, painter.body, options.keep_proportions):
                    times.append(ahead.popleft())
                    yield Moment(pose, times[-1])

            for pixels in painter.paint(retargeted()):
                yield pixels, times.pop(0)


def _until_measurable(moments: Iterator[Moment]) -> list[Moment]:
    """Take moments until MEASURED of them show the driver's torso, however long nobody is there at first."""
    taken, shown = [], 0
    while shown < MEASURED and (moment := next(moments, None)) is not None:
        taken.append(moment)
        shown += bool((moment.pose.scores[_TORSO] > 0).all())
    return taken


class _Stage(NamedTuple):
    """A driving performance, opened."""

    moments: Iterator[Moment]
    fps: float
    frames: int
    duration: float | None
    audio: Path | None
    body: Body | None


def _open(driving: str | Path | PoseSequence, cloner: PerformanceCloner, options: CloneOptions) -> _Stage:
    if not isinstance(driving, PoseSequence) and Path(driving).suffix == ".npz":
        driving = PoseSequence.load(driving)
    if isinstance(driving, PoseSequence):
        times = driving.times - driving.times[:1]  # a part of a longer performance begins when it begins
        moments = (Moment(Pose(k, s), t) for k, s, t in zip(driving.keypoints, driving.scores, times))
        return _Stage(moments, driving.fps, len(driving), None, None, measure_body(driving))
    from perfclone.video import probe

    info = probe(driving)
    moments = perform(driving, cloner.extractor, options.person)
    return _Stage(moments, info.fps, info.frames, info.duration, Path(driving), None)
