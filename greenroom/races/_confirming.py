"""Confirming: a failure counts once it has come again, in a Trio run of its own; then it is made as small as it gets."""

from collections.abc import Callable, Iterable, Mapping

import attrs

from ._errors import ProgramChanged
from ._fit import difference
from ._result import Result
from ._shrink import shrink
from ._survey import Found


@attrs.frozen
class First:
    """Hold the first failure of a search, as it came.

    Attributes:
        number: of its schedule, from 1.
        result: what it did.
        by: what decided in it.
    """

    number: int
    result: Result
    by: str


def confirmed(
    finds: Iterable[Callable[[], First | None]],
    replay: Callable[[Mapping[int, int]], Result],
    noted: Callable[[Mapping[int, int]], Result],
    default: Callable[[], Result | None],
    way: str,
) -> Found | None:
    """Return the failure that the first of some ways to search finds, or the next of them if it cannot be had again; None if there is none.

    Args:
        finds: ways to search, the most careful one last.
        replay: runs a schedule alone.
        noted: does so as well, and takes notes.
        default: returns what the last of the searches saw under the default schedule, None if it did not look.
        way: what the failures were found by, with a place for what decided.

    Raises:
        ProgramChanged: the same schedule goes another way when it is run again.
    """
    doubt = ""
    for find in finds:
        failure = find()
        if failure is None:
            break
        first = failure.result
        by = way.format(failure.by)
        if first.verdict == "hung":  # it took a patience: each try to shrink it would, too
            return Found(first, failure.number, first, 0, False, by)
        again = replay(first.schedule.deviations)
        if first.failed and again.fingerprint == first.fingerprint:
            best, runs, is_least = shrink(first, replay)
            return Found(noted(best.schedule.deviations), failure.number, first, runs, is_least, by)
        # What ran before in the same Trio run may have had a part in it: once more, each in a run of its own.
        doubt = (
            difference(first, again)
            if first.failed
            else f"schedule {failure.number} failed in one process, and passes in another"
        )
    if not doubt:
        first, again = default() or replay({}), replay({})
        if first.fingerprint == again.fingerprint:
            return None
        doubt = difference(first, again)
    raise ProgramChanged(doubt)
