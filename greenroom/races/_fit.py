"""Whether a run is the one that its schedule was taken from, and if not, where it differs."""

from collections.abc import Iterator, Sequence
from typing import Any

from ._decider import Follow
from ._errors import ProgramChanged
from ._result import Result
from ._schedule import Schedule


def check_fit(schedule: Schedule, follow: Follow, result: Result) -> None:
    """Refuse a result that is not of the run that the schedule was taken from; of one that was not run, one without its injection.

    Raises:
        ProgramChanged: with what differs.
    """
    seen = _seen_of(result)
    if follow.misfit is not None:
        at, index, among = follow.misfit
        raise ProgramChanged(
            f"the program changed: choice {at} takes number {index} of those that are ready, and there are {among}{seen}"
        )
    last = max(schedule.deviations, default=-1)
    if schedule.fingerprint and last >= len(result.choices):
        raise ProgramChanged(
            f"the program changed: the schedule has a choice {last}, and the run has {len(result.choices)} choices{seen}"
        )
    if schedule.injection != result.injection:
        raise ProgramChanged(f"the program changed: it does not come to {schedule.injection}{seen}")
    if schedule.fingerprint not in ("", result.fingerprint):
        raise ProgramChanged(
            f"the program changed: the schedule leads to a run {result.fingerprint} ({result.verdict}), and was taken from "
            f"{schedule.fingerprint}{seen}; or the token has been cut off"
        )


def _seen_of(*results: Result) -> str:
    """Return what else may have had a part in a difference."""
    seen = sorted(frozenset[str]().union(*(result.uncontrolled for result in results)))
    return f"; it has to do with {' and '.join(seen)}, whose order is not controlled" if seen else ""


def difference(first: Result, again: Result) -> str:
    """Return in words how two runs under one schedule differ."""
    seen = _seen_of(first, again)
    pairs: Iterator[tuple[int, Sequence[Any]]] = enumerate(zip(first.choices, again.choices, strict=False))
    for at, (one, other) in pairs:
        if one != other:
            return f"the same schedule went another way at choice {at}: first {one}; then {other}; what else decides there?{seen}"
    return (
        f"the same schedule ended in another way: first {first.verdict} after {first.steps} steps, "
        f"then {again.verdict} after {again.steps}{seen}"
    )
