"""Timelines: who was where, from a trial's changes; and the window of time in which the fewest were up."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from attrs import frozen

from ._trial import State, Trial

#: Of a window's mean: what is less apart than this is equal, and the earlier one counts.
_EQUAL = 1e-9


@frozen
class Span:
    """From `start` to `end`, in seconds, an actor was in `state`."""

    start: float
    end: float
    state: State


@frozen
class Window:
    """Be a piece of a trial: `up` of `actors` were up on average, and all of them at once in a share `whole` of it."""

    start: float
    end: float
    up: float
    whole: float
    actors: int

    @property
    def share(self) -> float:
        """Get the share of actors that were up on average."""
        return self.up / self.actors


class Timeline:
    """Know where each actor of a trial was at each moment that the trial has records of."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        #: seconds: until when there are records; to the horizon, unless some were dropped.
        self.end = trial.horizon if not trial.dropped else max((change.at for change in trial.changes), default=0.0)
        self.spans: dict[str, list[Span]] = {}
        #: moments at which the number of actors that are up changes, the number from then on, and their sums up to then over time.
        self._times: list[float] = [0.0]
        self._ups: list[int] = [0]
        self._go_through()
        self._sums = self._summed([float(up) for up in self._ups])
        self._wholes = self._summed([float(up == len(self.spans)) for up in self._ups])

    def _go_through(self) -> None:
        now: dict[str, tuple[float, State]] = {}
        up = 0
        for change in self.trial.changes:
            if change.at > self.end:
                break
            since, before = now.get(change.path, (change.at, None))
            if before == change.state:
                continue
            spans = self.spans.setdefault(change.path, [])
            if before is not None and change.at > since:
                spans.append(Span(since, change.at, before))
            now[change.path] = change.at, change.state
            up += (change.state == "up") - (before == "up")
            if change.at == self._times[-1]:
                self._ups[-1] = up
            else:
                self._times.append(change.at)
                self._ups.append(up)
        for path, (since, state) in now.items():
            if self.end > since:
                self.spans[path].append(Span(since, self.end, state))

    def _summed(self, values: list[float]) -> list[float]:
        sums, total = [0.0], 0.0
        for index, begin in enumerate(self._times[1:]):
            total += values[index] * (begin - self._times[index])
            sums.append(total)
        return sums

    def states_before(self, at: float) -> dict[str, State]:
        """Return where each actor is just before a moment, or at the begin of the trial."""
        found: dict[str, State] = {}
        for path, spans in self.spans.items():
            index = max(bisect_left(spans, at, key=lambda span: span.start) - 1, 0)
            if spans:
                found[path] = spans[index].state
        return found

    def steps(self) -> Iterator[tuple[float, int]]:
        """Yield moments, and how many actors are up from then on."""
        yield from zip(self._times, self._ups, strict=True)

    def window(self, start: float, end: float) -> Window:
        """Return what is to be said of a piece of the trial."""
        long = end - start
        up = (self._up_to(end, self._sums, is_whole=False) - self._up_to(start, self._sums, is_whole=False)) / long
        whole = (self._up_to(end, self._wholes, is_whole=True) - self._up_to(start, self._wholes, is_whole=True)) / long
        return Window(start, end, max(up, 0.0), min(max(whole, 0.0), 1.0), len(self.spans))

    def worst(self, long: float) -> Window | None:
        """Return the piece of so many seconds in which the fewest were up on average, the earliest of those; None if there are no records.

        A trial that is shorter is taken as a whole.
        """
        if not self.spans or self.end <= 0:
            return None
        long = min(long, self.end)
        last = self.end - long
        # The mean changes evenly between moments at which either end meets a change, so it is least at one of them.
        starts = {0.0, last, *self._times, *(at - long for at in self._times)}
        least, best = math.inf, 0.0
        times, ups, sums = self._times, self._ups, self._sums
        first = second = 0
        for start in sorted(start for start in starts if 0 <= start <= last):
            end = start + long
            while first + 1 < len(times) and times[first + 1] <= start:
                first += 1
            while second + 1 < len(times) and times[second + 1] <= end:
                second += 1
            up = sums[second] + ups[second] * (end - times[second]) - sums[first] - ups[first] * (start - times[first])
            if up < least - _EQUAL * len(self.spans) * long:
                least, best = up, start
        return self.window(best, best + long)

    def _up_to(self, at: float, sums: list[float], *, is_whole: bool) -> float:
        """Return how many actors were up, times seconds, or for how long all were, from the begin to a moment."""
        index = bisect_right(self._times, at) - 1
        rate = float(self._ups[index] == len(self.spans)) if is_whole else self._ups[index]
        return sums[index] + rate * (at - self._times[index])
