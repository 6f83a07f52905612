"""Shrinking: fewer deviations that lead to the same kind of failure."""

from collections.abc import Callable, Mapping
from typing import Final

from ._bounded import Bounded
from ._result import Result, kind_of

#: Runs after which no further schedule is tried for whether fewer deviations would do.
TRIES: Final = 2_000


def shrink(failure: Result, rerun: Callable[[Mapping[int, int]], Result]) -> tuple[Result, int, bool]:
    """Return the smallest failure of its kind that was found, how many runs that took, and whether none has fewer deviations.

    Deviations are left out, in parts that get smaller (ddmin), until none can be spared; then each is tried with a smaller index; then all
    schedules with no more deviations, the fewest first, as far as the tries go: so all failures of a kind end with the same one. What a run
    really did counts, not what it was asked for.
    """
    best, runs = failure, 0
    kind = kind_of(failure)

    def better(deviations: Mapping[int, int]) -> bool:
        nonlocal best, runs
        runs += 1
        result = rerun(deviations)
        if kind_of(result) != kind or _size(result) >= _size(best):
            return False
        best = result
        return True

    parts = 2
    while size := len(best.schedule.deviations):
        pairs = list(best.schedule.deviations.items())
        length = max(1, size // parts)
        if any(better(dict(pairs[:at] + pairs[at + length :])) for at in range(0, size, length)):
            parts = 2
        elif length == 1:
            break
        else:
            parts *= 2
    while any(
        better({**best.schedule.deviations, at: lower})
        for at, index in best.schedule.deviations.items()
        for lower in range(1, index)
    ):
        pass
    # Whatever this began with, it ends with the same one of those that deviate least: the first there is.
    least = len(best.schedule.deviations)
    tries = 0
    bounded = Bounded()
    for deviations in bounded.up_to(least):
        if tries == TRIES:
            return best, runs + tries, len(deviations) >= least
        tries += 1
        result = rerun(deviations)
        if kind_of(result) == kind:
            return result, runs + tries, True
        bounded.learn(deviations, result)
    return best, runs + tries, True


def _size(result: Result) -> tuple[int, int, int]:
    deviations = result.schedule.deviations
    return len(deviations), sum(deviations.values()), result.steps
