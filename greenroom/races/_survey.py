"""What a search came to: a failure, or what has been tried without one."""

from collections.abc import Sequence
from math import inf
from typing import Any

import attrs

from ._result import Result, again_of
from ._schedule import Fidelity
from ._telling import told


@attrs.frozen
class Found:
    """Hold a failure that a search has found.

    Attributes:
        result: the failure as it was shrunk.
        schedules: which schedule it was, from 1.
        first: the failure as it was found.
        shrinking: how many runs it took to shrink.
        is_least: no schedule with fewer deviations fails in this way: all have been tried.
        way: what it was found by: of how many schedules, by what strategy, with what seed.
    """

    result: Result
    schedules: int
    first: Result
    shrinking: int
    is_least: bool = False
    way: str = ""

    @property
    def token(self) -> str:
        """What replays it."""
        return self.result.schedule.token

    def told(self, again: str) -> str:
        """Return it as lines, the last of which says how to see it again."""
        return told(self.result, again, *self._facts())

    def svg(self, again: str | None = None) -> str:
        """Return a picture of the failure, as `Result.svg` does, with how it was found."""
        from ._picture import draw

        return draw(self.result, again_of(self.result, again), *self._facts())

    def html(self, again: str | None = None) -> str:
        """Return the picture in an HTML page of its own, as `Result.html` does, with how it was found."""
        from ._page import make_page

        return make_page(self.result, again_of(self.result, again), *self._facts())

    def _facts(self) -> tuple[str, str]:
        """Return how it was found, and what is known of there being no smaller one."""
        found = f"found in schedule {self.schedules}{self.way}, and shrunk in {self.shrinking} runs"
        return found, "; no fewer do" if self.is_least else ""

    def __str__(self) -> str:
        """Say it in a few lines: what, where in the search, which choices, and how to see it again."""
        return self.told(again_of(self.result))


@attrs.frozen
class Survey:
    """Say what a search has done.

    Attributes:
        found: the failure, None if there was none.
        schedules: how many were tried.
        distinct: how many of them went another way than all before.
        covered: all schedules that deviate from the default at most so many times have been tried; infinity: all that there are; -1: not even the
            default has, which what draws alone comes to after eight.
        uncontrolled: what the runs used that is not controlled, and may decide as well: words such as "sockets or processes".
        seconds: of real time that it took.
        fidelity: which orders of steps there were to try.
    """

    found: Found | None
    schedules: int
    distinct: int
    covered: float
    uncontrolled: Sequence[str]
    seconds: float
    fidelity: Fidelity = "all"

    def __str__(self) -> str:
        """Say it in a line, or the failure in a few."""
        if self.found is not None:
            return str(self.found)
        return f"nothing found: {self.summary()}"

    def summary(self) -> str:
        """Return what has been tried, as one line."""
        parts = [f"{self.schedules:,} schedule{'' if self.schedules == 1 else 's'}, {self.distinct:,} of them distinct"]
        if self.covered == inf:
            parts.append("all that there are")
        elif self.covered > 0:
            parts.append(f"among them all with up to {self.covered:.0f} deviation{'' if self.covered == 1 else 's'}")
        if self.fidelity == "trio":
            parts.append("only orders that today's Trio may take")
        parts.append(f"not controlled: {', '.join(self.uncontrolled)}" if self.uncontrolled else "all of it controlled")
        return "; ".join(parts)


class Tally:
    """Count what a search has tried."""

    def __init__(self) -> None:
        self.schedules = 0
        #: a result under the default schedule; none if there was none, or in another process.
        self.default: Result | None = None
        #: a hash of the way of each.
        self.ways: set[int] = set()
        self.uncontrolled: set[str] = set()
        self.covered: float = -1

    def add(self, result: Result) -> None:
        """Count one."""
        if self.default is None and not result.schedule.deviations:
            self.default = result
        self.schedules += 1
        self.ways.add(hash(tuple([choice.index for choice in result.choices])))
        self.uncontrolled.update(result.uncontrolled)

    def merge(self, other: Any) -> None:
        """Take in what another process has counted of the same search; each has tried schedules of its own, but for the first."""
        self.schedules += other.schedules - (1 if self.schedules else 0)
        self.covered = other.covered if not self.ways else min(self.covered, other.covered)
        self.ways |= other.ways
        self.uncontrolled |= other.uncontrolled

    def survey(self, found: Found | None, seconds: float, fidelity: Fidelity) -> Survey:
        """Return what it came to."""
        seen = tuple(sorted(self.uncontrolled))
        return Survey(found, self.schedules, len(self.ways), self.covered, seen, seconds, fidelity)
