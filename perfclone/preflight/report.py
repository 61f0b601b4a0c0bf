"""What a check found: text for people, a dictionary for machines."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["pass", "warn", "fail"]
_SYMBOLS: dict[Status, str] = {"pass": "✓", "warn": "!", "fail": "✗"}
_SEVERITY: tuple[Status, ...] = ("pass", "warn", "fail")


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        name: What was checked, such as "camera still".
        status: "pass", "warn" (it will do, but could be better) or "fail" (it cannot work).
        value: The measured figure the status rests on; its unit is in the message.
        message: What was found, with figures.
        advice: One sentence on how to film it better; empty for a pass.
    """

    name: str
    status: Status
    value: float
    message: str
    advice: str = ""


def graded(name: str, value: float, message: str, advice: str, *, warn: float, low: bool = False) -> Finding:
    """A finding that passes or warns by its value.

    Args:
        name: What was checked.
        value: The figure.
        message: What was found.
        advice: How to do better; dropped where the check passes.
        warn: A value below this is a warning (above it, if `low`).
        low: Whether low values are good.
    """
    status = "warn" if (value > warn if low else value < warn) else "pass"
    return Finding(name, status, round(float(value), 4), message, "" if status == "pass" else advice)


@dataclass(frozen=True)
class Report:
    """Everything that was checked of one video.

    Attributes:
        title: What was looked at, in a few words.
        findings: One for each check, in the order to read them.
        ranges: Stretches of the video that deserve a look, worst first: (start s, end s, why).
        purpose: What the video is for, ending the sentence "ready for ...".
    """

    title: str
    findings: tuple[Finding, ...]
    ranges: tuple[tuple[float, float, str], ...] = ()
    purpose: str = "training"

    @property
    def status(self) -> Status:
        """The worst status of all findings."""
        return max((finding.status for finding in self.findings), key=_SEVERITY.index, default="pass")

    def to_dict(self) -> dict:
        """The report as JSON-native values, with its status."""
        ranges = [{"start": start, "end": end, "why": why} for start, end, why in self.ranges]
        findings = [asdict(finding) for finding in self.findings]
        return {"title": self.title, "status": self.status, "findings": findings, "ranges": ranges}

    def text(self, width: int = 100) -> str:
        """The report for reading, in lines of at most `width` characters (as far as names allow)."""
        column = max((len(finding.name) for finding in self.findings), default=0) + 6
        lines = [self.title]
        for finding in self.findings:
            head = f"  {_SYMBOLS[finding.status]} {finding.name}".ljust(column)
            lines += textwrap.wrap(
                f"{head}{finding.message}",
                width,
                subsequent_indent=" " * column,
                drop_whitespace=True,
                break_on_hyphens=False,
            )
            if finding.advice:
                indent = " " * column
                lines += textwrap.wrap(
                    finding.advice, width, initial_indent=f"{indent}→ ", subsequent_indent=f"{indent}  "
                )
        if self.ranges:
            lines += ["", "  Look at these stretches first:"]
            lines += [f"    {start:7.1f} - {end:.1f} s  {why}" for start, end, why in self.ranges]
        return "\n".join([*lines, "", self._summary()])

    def _summary(self) -> str:
        count = {status: sum(f.status == status for f in self.findings) for status in _SEVERITY}
        warnings = f"{count['warn']} warning{'s' * (count['warn'] != 1)}"
        if count["fail"]:
            failures = f"{count['fail']} check{'s' * (count['fail'] != 1)} failed"
            return f"✗ Not ready for {self.purpose}: {failures}, {warnings}."
        if count["warn"]:
            return f"! Ready for {self.purpose}, with {warnings}."
        return f"✓ Ready for {self.purpose}: all {count['pass']} checks passed."
