"""The study on disk: a page to give away, and the key to keep."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import write_text
from perfclone.terminal.arguments import refuse_existing

from .clips import Clips, cut_clips
from .plan import Pair, arrange, choose_moments, name_clips
from .sources import Footage, footage, scenes

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


def write_study(
    report_a: Path,
    report_b: Path,
    folder: Path,
    *,
    question: str,
    pairs: int = 12,
    seconds: float = 4.0,
    seed: int = 0,
    methods: tuple[str, str] | None = None,
    forced: bool = False,
    megabytes: float = 30.0,
    force: bool = False,
) -> Written:
    """Write a blind study of two reports' videos.

    Args:
        report_a: Folder of the first report.
        report_b: Folder of the second; may be the same where `methods` differ.
        folder: Where ``study.html`` and ``key.json`` go; made where it is not there.
        question: What is asked of each pair.
        pairs: How many pairs count; fewer where the clips have no room for so many that share no moment.
        seconds: Length of a clip.
        seed: Of moments, sides, order and names; the same seed and videos give the same study (x264 may code a clip
            a little differently from one run to the next, so the page's bytes can differ).
        methods: Whose videos, where a report holds several methods.
        forced: Whether "no difference" is left out.
        megabytes: The page stays below so many millions of bytes.
        force: Whether to replace what exists.

    Raises:
        FileNotFoundError: A report or a video is not there.
        UserError: The reports cannot be compared, the page would be too large, or it exists.
    """
    if not question.strip():
        raise UserError("The question is empty; ask something, or leave --question out.")
    page, key = folder / PAGE, folder / KEY
    if folder.is_dir():
        refuse_existing([page, key], force)
    elif folder.exists():
        raise UserError(f"The output {folder} is a file; give the name of a folder.")
    a, b = (footage(report, methods[i] if methods else None) for i, report in enumerate((report_a, report_b)))
    rng = random.Random(seed)
    moments = choose_moments(scenes(a, b), pairs, seconds, rng)
    shown = arrange(moments, rng)
    clips, coding = cut_clips(moments, megabytes)
    content = {"question": question.strip(), "forced": forced, **_content(shown, clips, rng)}
    content["study"] = _fingerprint(content, (a, b))
    kept = _key(content, shown, (a, b)) | {"seed": seed, "seconds": seconds, "coding": coding}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(page, _render(content))
    write_text(key, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return Written(page, key, len(moments))


def _fingerprint(content: dict, sides: tuple[Footage, Footage]) -> str:
    """Tell this study from all others, in 16 hexadecimal digits: by what it asks, its plan, and the videos it cuts."""
    digest = hashlib.sha256(json.dumps({**content, "clips": sorted(content["clips"])}).encode())
    for path in (path for side in sides for _, path in sorted(side.videos.items())):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _content(shown: list[Pair], clips: Clips, rng: random.Random) -> dict:
    """Everything that the page may know: pairs of clips under names that say nothing."""
    names = name_clips(shown, rng)
    pairs = [{"id": p.id, "left": names[p.moment, p.left], "right": names[p.moment, p.right]} for p in shown]
    coded = {name: base64.b64encode(clips[clip]).decode() for clip, name in sorted(names.items(), key=lambda n: n[1])}
    return {"pairs": pairs, "clips": {name: f"data:video/mp4;base64,{text}" for name, text in coded.items()}}


def _key(content: dict, shown: list[Pair], sides: tuple[Footage, Footage]) -> dict:
    a, b = sides
    named = a.method != b.method
    return {
        "format": FORMAT,
        "study": content["study"],
        "question": content["question"],
        "forced": content["forced"],
        "methods": {
            side: footage.method if named else f"{footage.method} ({footage.report})"
            for side, footage in (("a", a), ("b", b))
        },
        "reports": {"a": str(a.report), "b": str(b.report)},
        "pairs": {
            pair.id: {
                "kind": pair.kind,
                "of": pair.of,
                "clip": pair.moment.scene.clip,
                "start_s": round(pair.moment.start / pair.moment.scene.fps, 3),
                "left": pair.left,
                "right": pair.right,
            }
            for pair in shown
        },
    }


def _render(content: dict) -> str:
    places = {"question": html.escape(content["question"]), "study": json.dumps(content).replace("<", "\\u003c")}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: places[place[1]], _TEMPLATE.read_text(encoding="utf-8"))
