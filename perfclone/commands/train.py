"""`perfclone train`: from footage of one person to an actor."""

from __future__ import annotations

import argparse
import dataclasses
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.backends import BACKENDS, backend
from perfclone.terminal.arguments import (
    add_device,
    add_extractor_options,
    add_force,
    add_person,
    positive,
    require_file,
    settings,
    share,
    whole,
)
from perfclone.terminal.program import typed
from perfclone.terminal.progress import leading, progress_bars
from perfclone.training.result import FEWEST_STEPS

if TYPE_CHECKING:
    from perfclone.training import TrainRequest, TrainResult

#: What may be said beside --run.
_BESIDE_RUN = {"folder", "minutes", "steps", "device", "force", "resume", "debug"}


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "train", parents=[everywhere], help="make an actor from a reference video", description=__doc__
    )
    parser.add_argument("reference", type=Path, nargs="?", metavar="REFERENCE", help="footage of the target actor")
    parser.add_argument("-o", "--output", type=Path, metavar="ACTOR_DIR", help="the actor's folder")
    parser.add_argument(
        "--consent",
        type=Path,
        metavar="CONSENT.json",
        help="record of what the person agreed to, as `consent new` makes it (default: consent.json beside REFERENCE)",
    )
    add_force(parser)
    parser.add_argument(
        "--run",
        dest="folder",
        type=Path,
        metavar="ACTOR_DIR.run",
        help="instead of all that: go on with the run in this folder as it was asked for, perhaps with another "
        "length; with --force, do it anew",
    )
    _add_training(parser.add_argument_group("training"))
    add_person(add_extractor_options(parser, saved=True))
    add_device(parser, "no")
    parser.set_defaults(run=run, refuse=parser.error, usual=parser.get_default)


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--driving",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="DRIVING",
        help="driving videos, or their poses.npz, for the unpaired branch: motion that the actor was not filmed doing "
        "(default: built in)",
    )
    presets = list(dict.fromkeys(preset for name in BACKENDS for preset in backend(name).presets))
    usual = ", ".join(f"{backend(name).usual} of {name}" for name in BACKENDS)
    group.add_argument("--preset", choices=presets, help=f"size, or base model of diffusion (default: {usual})")
    group.add_argument(
        "--backend",
        choices=BACKENDS,
        default=BACKENDS[0],
        help="what paints the actor: layered copies filmed frames; diffusion has a pretrained image model refine "
        "that, and wants a GPU and pip install 'perfclone[diffusion]' (default: %(default)s)",
    )
    length = group.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive, metavar="M", help="stop after so many minutes (default: 3)")
    length.add_argument("--steps", type=whole(1), metavar="N", help="stop after so many steps")
    group.add_argument(
        "--holdout",
        type=share,
        metavar="SHARE",
        help="share of the reference, at its end, kept out of training for `eval actor` to measure with (default: a "
        "tenth, at least 2 s, nothing of a clip under 10 s; 0 trains on all of it)",
    )
    group.add_argument(
        "--batch",
        type=whole(1),
        metavar="B",
        help="sequences a step, or frames of diffusion: more where there is a GPU, such as 12 (default: 4; 1 of "
        "sdxl-turbo)",
    )
    group.add_argument("--seed", type=whole(0), default=0, metavar="S", help="seed (default: 0)")
    group.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    group.add_argument(
        "--no-plate",
        action="store_true",
        help="put clones before one frame of the video, as happens by itself where no empty background is to be had",
    )


def run(args: argparse.Namespace) -> int:
    """Train, and say where the actor is, what it is worth and what comes next."""
    request = _asked_again(args) if args.folder else _asked(args)
    for path, what in (
        (request.reference, "reference video"),
        (request.poses, "file of poses"),
        *((path, "driving video") for path in request.driving),
    ):
        require_file(path, what)
    request.permitted()  # before torch is loaded; `train` asks again
    if not args.folder and args.holdout is None:
        request = _held_out(request)
    from perfclone.training import Run, train

    go_on = f"`{_command('train', '--run', request.run_dir)}` goes on from"
    try:
        with progress_bars() as progress:
            resume = args.resume or bool(args.folder and not args.force)
            ready = _ready(request.output)
            result = train(request, resume=resume, force=args.force, progress=progress, ready=ready)
    except KeyboardInterrupt as interruption:
        prepared = Run(request.run_dir).material.is_dir()
        raise KeyboardInterrupt(f"{go_on} {'here' if prepared else 'the beginning'}.") from interruption
    if result.stopped:
        raise KeyboardInterrupt(f"{result.steps} steps are done; {go_on} here.")
    if leading():
        from perfclone.poster import draw_poster

        draw_poster(result.actor_dir)
        print("\n".join(told(request, result)))
    return 0


def _ready(output: Path) -> Callable[[Path], None]:
    """Says, above the bars, that an actor stands in a folder although training goes on."""
    from tqdm import tqdm

    def say(folder: Path) -> None:
        later = "gets better as this goes on" if folder == output else f"takes the place of {output} at the end"
        tqdm.write(f"The actor can be used already, and {later}: {_command('clone', folder)} DRIVING.mp4 -o clone.mp4")

    return say


def _asked(args: argparse.Namespace) -> TrainRequest:
    """The request that the arguments make."""
    if not (args.reference and args.output):
        args.refuse("give REFERENCE and -o ACTOR_DIR, or --run ACTOR_DIR.run")
    from perfclone.governance.policy import beside_reference
    from perfclone.training import TrainConfig, TrainRequest

    config = settings(
        TrainConfig,
        preset=args.preset,
        backend=args.backend,
        minutes=args.minutes,
        steps=args.steps,
        holdout=args.holdout or 0.0,
        batch=args.batch,
        seed=args.seed,
        plate=not args.no_plate,
        device=args.device,
        mixed_precision=args.mixed_precision,
    )
    return settings(
        TrainRequest,
        reference=args.reference,
        output=args.output,
        consent=args.consent or beside_reference(args.reference),
        config=config,
        driving=args.driving,
        extractor=args.extractor,
        weights=args.weights,
        poses=args.poses,
        person=args.person,
    )


def _held_out(request: TrainRequest) -> TrainRequest:
    """The same request with the usual part of the reference kept out of training; says so."""
    from perfclone.training.config import holdout_told, usual_holdout
    from perfclone.video import probe

    seconds = probe(request.reference).duration
    share = usual_holdout(seconds)
    if leading():
        hint = "; --holdout 0 trains on all of it" if share else ""
        told = holdout_told(share, seconds)
        print(f"{told[0].upper()}{told[1:]}{hint}.")
    return dataclasses.replace(request, config=dataclasses.replace(request.config, holdout=share))


def _asked_again(args: argparse.Namespace) -> TrainRequest:
    """The request of a run that was begun before."""
    given = {name for name, value in vars(args).items() if value != args.usual(name)}
    if given - _BESIDE_RUN:
        args.refuse("--run goes on with what was asked for; only --minutes, --steps, --device and --force go with it")
    from perfclone.training import Run, TrainConfig

    request = Run.open(args.folder).request
    changes = {"minutes": args.minutes, "steps": args.steps} if args.minutes or args.steps else {}
    changes |= {"device": args.device} if args.device else {}
    return dataclasses.replace(request, config=settings(TrainConfig, **{**vars(request.config), **changes}))


def told(request: TrainRequest, result: TrainResult) -> list[str]:
    """What to say of a run that came to its end."""
    said = [f"{result.actor_dir}: trained for {result.steps} steps in {result.minutes:.1f} minutes"]
    if result.scores:
        said.append(f"Validation score (lower is better): {result.scores[0]:.3f} -> {result.best:.3f}")
    said.append(_verdict(request, result))
    said.append(f"{result.run_dir / 'samples.png'}: frames it was not trained on, filmed above, painted below")
    return [*said, f"Next: {_command('clone', result.actor_dir)} DRIVING.mp4 -o clone.mp4"]


def _verdict(request: TrainRequest, result: TrainResult) -> str:
    """Whether the steps suffice, and what to do if they do not."""
    if result.enough:
        return f"That is enough: in its last third the run brought only {result.late_gain:.1%}."
    steps, minutes = request.config.steps, request.config.length
    times = max(2, math.ceil(FEWEST_STEPS / max(1, result.steps)))
    length = ("--steps", times * steps) if steps else ("--minutes", f"{round(times * minutes, 1):g}")
    if result.steps < FEWEST_STEPS:
        why = f"{result.steps} steps are a beginning"
    else:
        why = f"In its last third the run still brought {result.late_gain or 0:.1%}"
    return f"{why}; longer training would help: {_command('train', '--run', request.run_dir, *length, '--force')}"


def _command(*arguments: object) -> str:
    return f"{typed()} {shlex.join(map(str, arguments))}"
