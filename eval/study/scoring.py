"""What the answers of a blind study say: preference with its exact binomial interval, and how far to trust it."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfclone.errors import UserError

from .writing import FORMAT

CAVEAT = (
    "Answers of one participant are not independent of each other: with few participants the pooled interval is "
    "too narrow, and the line by participant is the careful one."
)


@dataclass(frozen=True)
class Preference:
    """How often the first method was preferred to the second.

    Attributes:
        a: Answers for the first.
        b: Answers for the second.
        none: "No difference", which counts for neither.
        share: a / (a + b), in [0, 1]; None where nobody preferred either.
        low: Lower end of the share's 95 % interval (Clopper and Pearson, Biometrika 1934: exact, never too narrow).
        high: Its upper end.
        p: Two-sided exact binomial p-value against a share of one half.
    """

    a: int
    b: int
    none: int = 0
    share: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @classmethod
    def of(cls, a: int, b: int, none: int = 0) -> Preference:
        """Work out share, interval and p-value of counts."""
        from scipy.stats import binomtest

        if a + b == 0:
            return cls(a, b, none)
        test = binomtest(a, a + b, 0.5)
        interval = test.proportion_ci(0.95, method="exact")
        return cls(a, b, none, a / (a + b), float(interval.low), float(interval.high), float(test.pvalue))

    def text(self) -> str:
        """Say it in one line."""
        apart = f"; no difference: {self.none}" if self.none else ""
        if self.share is None:
            return f"no preference{apart}"
        bounds = f"95 % interval {100 * self.low:.1f}-{100 * self.high:.1f} %"
        p = "p < 0.0001" if self.p < 1e-4 else f"p = {self.p:.4f}"
        return f"{self.a} of {self.a + self.b} ({100 * self.share:.1f} %; {bounds}; {p}){apart}"


@dataclass(frozen=True)
class StudyResult:
    """What a study found; every preference is the first method's over the second's.

    Attributes:
        study: Which study.
        question: What was asked.
        methods: The first and the second.
        participants: Participant -> what they chose: counts "a", "b" and "none", "same" (the answer where both
            clips were one), "consistent" (whether the repeated pair got the same answer).
        overall: All answers pooled.
        clips: The same by clip.
        by_participant: Participants who chose the first more often, the second more often, or both equally (none).
        same: Answers to the pair whose sides were one clip: "none" is right; "left" or "right" was imagined.
        consistent: Participants who answered the repeated pair as before.
    """

    study: str
    question: str
    methods: tuple[str, str]
    participants: dict[str, dict[str, Any]]
    overall: Preference
    clips: dict[str, Preference]
    by_participant: Preference
    same: dict[str, int] = field(default_factory=dict)
    consistent: int = 0

    def to_dict(self) -> dict:
        """Return everything, made of what JSON has."""
        return {"format": FORMAT, **dataclasses.asdict(self), "caveat": CAVEAT}

    def text(self) -> str:
        """Say it for people."""
        people, same, (a, b) = len(self.participants), self.same, self.methods
        width = max(len(clip) for clip in self.clips)
        lines = [
            f"{self.question}",
            f"{people} participant{'s' * (people > 1)}; how often {a} was preferred to {b}:",
            f"  all answers   {self.overall.text()}",
            f"  participants  {self.by_participant.text()}",
            *(f"  {clip:{width}}  {found.text()}" for clip, found in self.clips.items()),
            f"Checks, not counted above: {self.consistent} of {people} answered the repeated pair as before; "
            f"one clip on both sides: {same['none']} no difference, {same['left']} left, {same['right']} right.",
            CAVEAT,
        ]
        return "\n".join(lines)


def score(answers: list[Path], key: Path) -> StudyResult:
    """Score what participants saved.

    Args:
        answers: Files that the page saved, one a participant.
        key: The key written beside the page.

    Raises:
        FileNotFoundError: A file is not there.
        UserError: A file is damaged, empty, of another study, or given twice.
    """
    secret = _read(key, "a key", ("study", "question", "methods", "pairs", "forced"))
    try:
        kinds = Counter(pair["kind"] for pair in secret["pairs"].values())
        if not (kinds["pair"] and kinds["same"] == kinds["repeat"] == 1):
            raise ValueError("a check is missing")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{key} is damaged ({error}); use the key as it was written beside the page.") from error
    chosen: dict[str, dict[str, str]] = {}
    for path in answers:
        who, given = _answers(path, secret)
        if who in chosen:
            raise UserError(f"{path} is a second file of participant {who!r}; give each participant's answers once.")
        chosen[who] = given
    return _result(chosen, secret)


def _result(chosen: dict[str, dict[str, str]], key: dict) -> StudyResult:
    """Count participant -> pair id -> "a", "b", "none"; "left" and "right" for the pair of one clip."""
    pairs = key["pairs"]
    counted = {name: pair["clip"] for name, pair in pairs.items() if pair["kind"] == "pair"}
    same = next(name for name, pair in pairs.items() if pair["kind"] == "same")
    repeat = next(name for name, pair in pairs.items() if pair["kind"] == "repeat")
    participants = {}
    for who, given in chosen.items():
        counts = Counter(given[name] for name in counted)
        participants[who] = {option: counts[option] for option in ("a", "b", "none")} | {
            "same": given[same],
            "consistent": given[repeat] == given[pairs[repeat]["of"]],
        }
    by_clip = {
        clip: Counter(given[name] for given in chosen.values() for name in counted if counted[name] == clip)
        for clip in sorted(set(counted.values()))
    }
    leaning = Counter(
        "a" if each["a"] > each["b"] else "b" if each["b"] > each["a"] else "none" for each in participants.values()
    )
    seen = Counter(each["same"] for each in participants.values())
    return StudyResult(
        study=key["study"],
        question=key["question"],
        methods=(key["methods"]["a"], key["methods"]["b"]),
        participants=participants,
        overall=_preference(sum(by_clip.values(), Counter())),
        clips={clip: _preference(counts) for clip, counts in by_clip.items()},
        by_participant=_preference(leaning),
        same={option: seen[option] for option in ("none", "left", "right")},
        consistent=sum(each["consistent"] for each in participants.values()),
    )


def _preference(counts: Counter) -> Preference:
    return Preference.of(counts["a"], counts["b"], counts["none"])


def _answers(path: Path, key: dict) -> tuple[str, dict[str, str]]:
    """Read one participant's file: who, and pair id -> what was chosen in truth."""
    saved = _read(path, "the answers of a study", ("study", "participant", "answers"))
    if saved["study"] != key["study"]:
        raise UserError(f"{path} answers another study ({saved['study']}) than the key's ({key['study']}).")
    if not saved["answers"]:
        raise UserError(f"{path} holds no answers; ask for the file that the page saves at its end.")
    options = {"left", "right"} if key["forced"] else {"left", "right", "none"}
    given: dict[str, str] = {}
    try:
        for each in saved["answers"]:
            name, choice = each["pair"], each["choice"]
            if choice not in options or name in given:
                raise ValueError(f"pair {name}: {choice!r}")
            pair = key["pairs"][name]
            given[name] = choice if choice == "none" or pair["kind"] == "same" else pair[choice]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); use the file as the page saved it.") from error
    if missing := len(key["pairs"]) - len(given):
        raise UserError(f"{path} leaves {missing} of {len(key['pairs'])} pairs open; take it as the page saved it.")
    return str(saved["participant"]), given


def _read(path: Path, what: str, wanted: tuple[str, ...]) -> dict:
    """Read a JSON object of ours."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give {what}.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged and cannot be read as JSON ({error}); save or copy it again.") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT or not set(wanted) <= value.keys():
        raise UserError(f"{path} is not {what} of this version; give the file that was saved for it.")
    return value
