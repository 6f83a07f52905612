"""Traffic: the requests of a trial, from their arrival to what becomes of them, and the mail that waits."""

from collections.abc import Callable
from math import fsum, nan
from typing import Final

import trio

from ._request import Request
from ._trial import Kind

#: Areas that are kept apart before they are summed; a sum of exact sums is as good.
MOST_AREAS: Final = 100_000


class Level:
    """Follow a number over time: its mean, and the most that it has been for any time at all."""

    def __init__(self, since: float) -> None:
        self.value = 0
        self.most = 0
        self._since = since
        self._begin = since
        self._areas: list[float] = []

    def add(self, step: int, now: float) -> None:
        """Change it by a step."""
        if now > self._since:
            if self.value:
                self.most = max(self.most, self.value)
                self._areas.append(self.value * (now - self._since))
            self._since = now
            if len(self._areas) > MOST_AREAS:
                self._areas = [fsum(self._areas)]
        self.value += step

    def mean(self, end: float) -> float:
        """Return the mean from its beginning to an end."""
        self.add(0, end)
        return fsum(self._areas) / (end - self._begin)


class Traffic:
    """Follow the requests of one trial.

    Args:
        warmup, horizon: seconds of the trial between which it measures.
        late: seconds after which an answer is late.
        now: the trial's clock.
        tell: is told of requests that come to nothing: whom it asked, the kind, and a text.
    """

    def __init__(
        self,
        warmup: float,
        horizon: float,
        late: float | None,
        now: Callable[[], float],
        tell: Callable[[str, Kind, str], None],
    ) -> None:
        self._begin, self._horizon, self._late, self._now, self._tell = warmup, horizon, late, now, tell
        #: past the horizon nothing counts.
        self.is_over = False
        self._counts = {"asked": 0, "answered": 0, "lost": 0, "late": 0}
        self._latencies: list[float] = []
        self._waits: list[float] = []
        self._queued = Level(warmup)
        self._inside = Level(warmup)
        #: what has neither been answered nor lost.
        self._open: dict[Request, None] = {}

    def arrive(self, request: Request) -> None:
        """Hear of a new request, which waits from now on."""
        if self.is_over:
            return
        request.counts = request.arrived >= self._begin
        if request.counts:
            self._counts["asked"] += 1
        self._open[request] = None
        self._queued.add(1, request.arrived)
        self._inside.add(1, request.arrived)

    def begin(self, request: Request) -> None:
        """Hear that one is in hand."""
        if self.is_over or request.stage not in {"waiting", "interrupted"}:
            return
        now = self._now()
        self._queued.add(-1, now)
        if not request.begun:
            request.begun = True
            if request.counts:
                self._waits.append(now - request.arrived)
        request.stage = "in hand"

    def interrupt(self, request: Request, error: BaseException) -> None:
        """Hear that its handling has come to nothing: it is lost, unless it is given again."""
        if self.is_over or request.stage != "in hand":
            return
        request.tries -= 1
        if request.tries < 0:
            self._leave(request, "lost")
            why = "it was cut off" if isinstance(error, trio.Cancelled) else str(error)
            self._tell(request.path, "request lost", f"of {request.source}: {why}")
            return
        request.stage = "interrupted"
        self._queued.add(1, self._now())

    def answer(self, request: Request) -> None:
        """Hear that it is answered."""
        if self.is_over or request.stage != "in hand":
            return
        self._leave(request, "answered")

    def lose(self, request: Request, why: str, *, refused: bool = False) -> None:
        """Hear that nobody will handle it."""
        if self.is_over or request.stage not in {"waiting", "interrupted"}:
            return
        self._queued.add(-1, self._now())
        self._leave(request, "lost")
        self._tell(request.path, "request refused" if refused else "request lost", f"of {request.source}: {why}")

    def lose_all(self, why: str) -> None:
        """Hear that nobody is there any more."""
        for request in [*self._open]:
            self.lose(request, why)

    def _leave(self, request: Request, stage: str) -> None:
        now = self._now()
        self._inside.add(-1, now)
        del self._open[request]
        request.stage = "answered" if stage == "answered" else "lost"
        if not request.counts:
            return
        self._counts[stage] += 1
        if stage == "answered":
            latency = now - request.arrived
            self._latencies.append(latency)
            if self._late is not None and latency > self._late:
                self._counts["late"] += 1

    def measures(self) -> dict[str, float]:
        """Return what it all came to, at the horizon."""
        counts = {name: float(many) for name, many in self._counts.items()}
        # Interrupted, and nobody has given them again.
        counts["lost"] += sum(request.stage == "interrupted" and request.counts for request in self._open)
        found = self.percentiles()
        shown = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
        return {
            **counts,
            "unanswered": counts["asked"] - counts["answered"] - counts["lost"],
            "latency mean": mean(self._latencies),
            **{f"latency {name}": found[at] if found else nan for name, at in shown.items()},
            "queued mean": self._queued.mean(self._horizon),
            "queued max": float(self._queued.most),
            "in system mean": self._inside.mean(self._horizon),
            "waiting mean": mean(self._waits),
        }

    def percentiles(self) -> tuple[float, ...]:
        """Return the percentiles of the latencies: the least of them that at least 0, 1, … 100 per cent do not exceed."""
        values = sorted(self._latencies)
        many = len(values)
        return tuple(values[max(0, -(-many * each // 100) - 1)] for each in range(101)) if many else ()


def mean(values: list[float]) -> float:
    """Return the mean; nan of nothing."""
    return fsum(values) / len(values) if values else nan
