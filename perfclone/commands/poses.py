"""`perfclone poses`: a video's performance as a file of poses, and a picture of it over the video."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from perfclone.errors import UserError
from perfclone.terminal.arguments import (
    add_device,
    add_extractor_options,
    add_force,
    add_person,
    refuse_existing,
    require_file,
    require_suffix,
)
from perfclone.terminal.progress import progress_bar, progress_bars


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "poses", parents=[everywhere], help="find the poses of one person in a video", description=__doc__
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the video")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="POSES.npz", help="where the poses go")
    parser.add_argument("--overlay", type=Path, metavar="OVERLAY.mp4", help="also draw them over the video")
    parser.add_argument(
        "--mattes", action="store_true", help="also save what `train --poses` needs, such as each frame's matte"
    )
    add_person(add_extractor_options(parser))
    add_device(parser, precision=None)
    add_force(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Find, clean and save the poses."""
    require_suffix(args.output, ".npz")
    require_suffix(args.overlay, ".mp4")
    require_file(args.video, "video")
    refuse_existing([args.output, args.overlay], args.force)
    from perfclone.video import probe

    probe(args.video)  # what is no video is said before anything heavy is loaded
    from perfclone.pose.extractor import build_extractor
    from perfclone.pose.perform import read_poses
    from perfclone.pose.saved import Recorder

    with tempfile.TemporaryDirectory() as scratch:
        recorder = Recorder(Path(scratch) / "mattes.raw") if args.mattes else None
        with progress_bars() as progress:
            extractor = build_extractor(args.extractor, weights=args.weights, matte=args.mattes, device=args.device)
            sequence = read_poses(args.video, extractor, args.person, progress, recorder)
        seen = _count_seen(sequence, args)
        sequence.save(args.output, **(recorder.arrays() if recorder else {}))
    print(f"{args.output}: a person in {seen} of {len(sequence)} frames")
    if args.overlay:
        _draw(args.video, sequence, args.overlay, args.force)
        print(f"{args.overlay}: the poses over the video")
    return 0


def _count_seen(sequence, args: argparse.Namespace) -> int:
    """Number of frames with the person; none is an error."""
    seen = (sequence.scores > 0).any(axis=1).sum()
    if not seen:
        raise UserError(
            f"No person was found in {args.video}; film the whole body, in good light, "
            f"or try another --extractor than {args.extractor}."
        )
    return seen


def _draw(video: Path, sequence, overlay: Path, force: bool) -> None:
    """Write the video with the pose drawn over each frame."""
    import numpy as np

    from perfclone.pose import Pose
    from perfclone.pose.draw import draw_pose
    from perfclone.video import VideoReader, VideoWriter

    with (
        VideoReader(video) as reader,
        VideoWriter(
            overlay, rate=reader.info.fps, duration=reader.info.duration, audio_from=video, force=force
        ) as writer,
        progress_bar("drawing") as progress,
    ):
        for i, (frame, keypoints, scores) in enumerate(zip(reader, sequence.keypoints, sequence.scores)):
            height, width = frame.pixels.shape[:2]
            lines = draw_pose(Pose(keypoints, scores), height, width)
            drawn = np.where(lines.any(axis=2, keepdims=True), lines, frame.pixels // 2)
            writer.write(drawn, frame.time)
            progress(i + 1, len(sequence))
