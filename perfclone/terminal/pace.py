"""A stage of a long job: how much of it is done, and how long the rest will take."""

from __future__ import annotations

from collections import deque

#: The pace is that of so many seconds, or of so many reports where they come more slowly.
_LATELY, _FEW = 30.0, 5
#: Seconds before which a pace says nothing.
_SOON = 2.0


class Pace:
    """How far a stage is, in its own unit, and its pace of late.

    Args:
        name: What is done, such as "train".
        now: Seconds on a steady clock.

    Attributes:
        name: As given.
        began: Seconds on that clock.
        done: What is done.
        total: How much there is; 0 where that is not known.
        finished: Whether it has ended; until then it is not shown as complete.
    """

    def __init__(self, name: str, now: float):
        self.name, self.began = name, now
        self.done = self.total = 0
        self.finished = False
        self._reports: deque[tuple[float, int]] = deque()

    def report(self, done: int, total: int, now: float) -> None:
        """Take what the job says."""
        if done > self.done:  # the wait for the first says nothing of the pace, nor does a report of nothing new
            self._reports.append((now, done))
        self.done, self.total = done, max(total, done) if total else 0
        while len(self._reports) > _FEW and self._reports[1][0] < now - _LATELY:
            self._reports.popleft()

    def left(self, now: float) -> float | None:
        """Seconds that the rest takes at the pace of late; None where nothing can be said of it yet.

        Between two reports it counts down; from the moment on at which the next one is overdue it grows.
        """
        if not self.total or len(self._reports) < 2 or now - self._reports[0][0] < _SOON:
            return None
        (since, before), (last, _) = self._reports[0], self._reports[-1]
        gained, usual = self.done - before, (self.done - before) / (len(self._reports) - 1)
        unreported = min((now - last) * gained / (last - since), usual) if last > since else 0.0
        gained += unreported
        return max(0.0, (now - since) / gained * (self.total - self.done - unreported))

    def figures(self, now: float) -> tuple[str, str, str]:
        """What to show: the share done, or the count of what is done, the time taken, and a word about the rest."""
        took = duration(now - self.began)
        if not self.total or self.finished:
            return "100%" if self.total else str(self.done), took, ""
        left = 0.0 if self.done == self.total else self.left(now)
        rest = "" if left is None else f"{duration(left)} left" if left >= 0.5 else "finishing"
        return f"{min(99, 100 * self.done // self.total)}%", took, rest


def duration(seconds: float) -> str:
    """Seconds as on a clock, such as 1:07 or 1:02:07."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
