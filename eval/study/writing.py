"""The study on disk: a page to give away, and the key to keep."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import write_text
from perfclone.terminal.arguments import refuse_existing

from .clips import Clips, cut_clips
from .plan import Pair, arrange, choose_excerpts, name_clips
from .sources import MethodVideos, shared_clips, videos_of

FORMAT, PAGE, KEY = 1, "study.html", "key.json"
_TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Written:
    """What was made.

    Attributes:
        page: One HTML file that needs nothing else.
        key: Which side is which; only `score` reads it.
        pairs: How many pairs count; the two checks come on top.
    """

    page: Path
    key: Path
    pairs: int


@dataclass(frozen=True)
class StudyOptions:
    """Choices for a study.

    Attributes:
        question: What is asked of each pair.
        pairs: How many pairs count; fewer where the clips have no room for so many that share no moment.
        seconds: Length of an excerpt.
        seed: Of excerpts, sides, order and names; the same seed and videos give the same study (x264 may code a clip
            a little differently from one run to the next, so the page's bytes can differ).
        forced: Whether "no difference" is left out.
        megabytes: The page stays below so many millions of bytes.
    """

    question: str
    pairs: int = 12
    seconds: float = 4.0
    seed: int = 0
    forced: bool = False
    megabytes: float = 30.0

    def __post_init__(self):
        if not self.question.strip():
            raise ValueError(f"question must ask something, got {self.question!r}")
        for name in ("pairs", "seconds", "megabytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be over 0, got {getattr(self, name)}")


def write_study(
    reports: Sequence[Path],
    folder: Path,
    options: StudyOptions,
    *,
    methods: Sequence[str] | None = None,
    force: bool = False,
) -> Written:
    """Write a blind study of two reports' videos.

    Args:
        reports: Folders of the two; may be one and the same where `methods` differ.
        folder: Where ``study.html`` and ``key.json`` go; made where it is not there.
        options: Choices.
        methods: Whose videos of each report, where it holds several methods.
        force: Whether to replace what exists.

    Raises:
        FileNotFoundError: A report or a video is not there.
        UserError: The reports cannot be compared, the page would be too large, or it exists.
    """
    page, key = folder / PAGE, folder / KEY
    if folder.is_dir():
        refuse_existing([page, key], force)
    elif folder.exists():
        raise UserError(f"The output {folder} is a file; give the name of a folder.")
    a, b = (videos_of(*of) for of in zip(reports, methods or (None, None)))
    rng = random.Random(options.seed)
    excerpts = choose_excerpts(shared_clips(a, b), options.pairs, options.seconds, rng)
    shown = arrange(excerpts, rng)
    clips, coding = cut_clips(excerpts, options.megabytes)
    content = {"question": options.question.strip(), "forced": options.forced, **_content(shown, clips, rng)}
    content["study"] = _fingerprint(content, (a, b))
    kept = _key(content, shown, (a, b)) | {"seed": options.seed, "seconds": options.seconds, "coding": coding}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(page, _render(content))
    write_text(key, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return Written(page, key, len(excerpts))


def _fingerprint(content: dict, sides: tuple[MethodVideos, MethodVideos]) -> str:
    """Tell this study from all others, in 16 hexadecimal digits: by what it asks, its plan, and the videos it cuts."""
    digest = hashlib.sha256(json.dumps({**content, "clips": sorted(content["clips"])}).encode())
    for path in (path for side in sides for _, path in sorted(side.videos.items())):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _content(shown: list[Pair], clips: Clips, rng: random.Random) -> dict:
    """Everything that the page may know: pairs of clips under names that say nothing."""
    names = name_clips(shown, rng)
    pairs = [{"id": p.id, "left": names[p.excerpt, p.left], "right": names[p.excerpt, p.right]} for p in shown]
    coded = {name: base64.b64encode(clips[clip]).decode() for clip, name in sorted(names.items(), key=lambda n: n[1])}
    return {"pairs": pairs, "clips": {name: f"data:video/mp4;base64,{text}" for name, text in coded.items()}}


def _key(content: dict, shown: list[Pair], sides: tuple[MethodVideos, MethodVideos]) -> dict:
    a, b = sides
    named = a.method != b.method
    return {
        "format": FORMAT,
        "study": content["study"],
        "question": content["question"],
        "forced": content["forced"],
        "methods": {
            side: each.method if named else f"{each.method} ({each.report})" for side, each in (("a", a), ("b", b))
        },
        "reports": {"a": str(a.report), "b": str(b.report)},
        "pairs": {
            pair.id: {
                "kind": pair.kind,
                "of": pair.of,
                "clip": pair.excerpt.clip.name,
                "start_s": round(pair.excerpt.start / pair.excerpt.clip.fps, 3),
                "left": pair.left,
                "right": pair.right,
            }
            for pair in shown
        },
    }


def _render(content: dict) -> str:
    places = {"question": html.escape(content["question"]), "study": json.dumps(content).replace("<", "\\u003c")}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: places[place[1]], _TEMPLATE.read_text(encoding="utf-8"))
