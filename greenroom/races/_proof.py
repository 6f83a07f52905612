"""What a proof within a bound has come to: never more than what has been run."""

from collections.abc import Sequence
from math import inf

import attrs

from ._survey import Found


@attrs.frozen
class Proof:
    """Say how far a scenario has been tried, and what came of it.

    Attributes:
        found: the failure with the fewest deviations, None if there was none; nothing is tried past it.
        deviations: the bound that was asked for; infinity for none.
        covered: no schedule that deviates from the default at most so many times is left; infinity: none at all; -1: not even the default was run.
        schedules: how many were run.
        distinct: how many of them went another way than all before.
        spared: how many were not run, as each only changes the order of steps that do not meet, in a schedule that was run. With a reduction.
        sampled: how many that might have been spared were run all the same, to see that they go as expected; they are among `schedules`.
        reduction: whether steps that do not meet were taken to commute: it holds if actors share nothing but mail.
        uncontrolled: what the runs used that is not controlled, and may decide as well: words such as "sockets or processes".
        seconds: of real time that it took.
    """

    found: Found | None
    deviations: float
    covered: float
    schedules: int
    distinct: int
    spared: int
    sampled: int
    reduction: bool
    uncontrolled: Sequence[str]
    seconds: float

    @property
    def is_complete(self) -> bool:
        """True if there was no failure and all schedules within the bound have been run, or are equivalent to one that was."""
        return self.found is None and self.covered >= self.deviations

    def __str__(self) -> str:
        """Say it in a line, or the failure in a few."""
        if self.found is not None:
            return str(self.found)
        head = "no schedule fails" if self.is_complete else "no failure so far, and not done"
        return f"{head}: {self.summary()}"

    def summary(self) -> str:
        """Return what has been tried, within which bound and under which assumption, as one line."""
        parts = [f"{counted(self.schedules, 'schedule')}, {self.distinct:,} of them distinct"]
        if self.covered == inf:
            parts.append("all that there are")
        elif self.covered >= 0:
            parts.append(f"all with up to {counted(int(self.covered), 'deviation')}, and nothing is said of more")
        if self.reduction:
            parts.append(
                f"{self.spared:,} more are equivalent to these if actors share nothing but mail, which is assumed "
                f"(tried out on {self.sampled:,})"
            )
        parts.append(f"not controlled: {', '.join(self.uncontrolled)}" if self.uncontrolled else "all of it controlled")
        return "; ".join(parts)


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
