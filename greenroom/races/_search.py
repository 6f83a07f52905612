"""Searching: many schedules of one scenario, until one fails or the number is reached."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Final

import attrs

from ._bounded import Bounded
from ._decider import Batches, Decider, Follow, Lottery, Priorities, Walk
from ._errors import ProgramChanged
from ._run import MAX_STEPS, Result, Scenario, run_once
from ._schedule import Schedule
from ._shrink import shrink

SCHEDULES: Final = 500
#: No strategy finds everything soon; each of these makes a decider of a seed and the number of choices that a run has.
ROTATION: Final[tuple[Callable[[int, int], Decider], ...]] = (
    lambda seed, _: Walk(seed),
    lambda seed, length: Priorities(seed, 2, length),
    lambda seed, _: Lottery(seed),
    lambda seed, length: Priorities(seed, 3, length),
    lambda seed, _: Batches(seed),
    lambda seed, length: Priorities(seed, 4, length),
)


@attrs.frozen
class Found:
    """Hold a failure that a search has found.

    Attributes:
        result: the failure as it was shrunk.
        schedules: which schedule it was, from 1.
        first: the failure as it was found.
        shrinking: how many runs it took to shrink.
    """

    result: Result
    schedules: int
    first: Result
    shrinking: int

    @property
    def token(self) -> str:
        """What replays it."""
        return self.result.schedule.token

    def __str__(self) -> str:
        """Say it in a few lines: what, where in the search, which choices, and how to see it again."""
        result = self.result
        error = result.error
        lines = [
            f"{result.verdict} in schedule {self.schedules}: {type(error).__name__}: {error}",
            f"{len(result.schedule.deviations)} deviations from the default, in {result.steps} steps:",
        ]
        for at, choice in enumerate(result.choices):
            mark = ">" if choice.index else " "
            lines.append(f"{mark} {at:4} {choice}")
        lines.append(f"to see it again: races.run(scenario, schedule={self.token!r})")
        return "\n".join(lines)


def search(
    scenario: Scenario, *args: Any, schedules: int = SCHEDULES, seed: int = 0, max_steps: int = MAX_STEPS
) -> Found | None:
    """Run a scenario under one schedule after the other until one fails; None if none does. Not within Trio: each runs in a Trio run of its own.

    First come all schedules that deviate from the default once; then, in rotation, random walks, priorities that change two, three or four times
    (PCT), a lottery at each step (POS), and batches as Trio has them.

    Args:
        scenario: an async function `scenario(sim, *args)`; nothing outside may depend on its runs.
        args: given to it each time.
        schedules: how many to try at most.
        seed: of all that is drawn; the same seed tries the same schedules.
        max_steps: steps after which a run counts as a livelock.

    Raises:
        ProgramChanged: the same schedule went another way when it was run again: something that is not controlled decides.
        ValueError: `schedules` or `max_steps` is below 1.
    """
    for name, value in (("schedules", schedules), ("max_steps", max_steps)):
        if value < 1:
            raise ValueError(f"search: {name} is {value}; give 1 or more")
    bounded = Bounded(1)
    for number, decider in zip(range(1, schedules + 1), _deciders(bounded, seed), strict=False):
        result = run_once(scenario, args, decider, max_steps=max_steps)
        if result.failed:
            again = run_once(scenario, args, Follow(result.schedule.deviations), max_steps=max_steps)
            if again.fingerprint != result.fingerprint:
                raise ProgramChanged(_difference(result, again))
            best, runs = shrink(
                result, lambda deviations: run_once(scenario, args, Follow(deviations), max_steps=max_steps)
            )
            return Found(best, number, result, runs)
        if isinstance(decider, Follow):
            bounded.learn(decider.deviations, result)
    return None


def _deciders(bounded: Bounded, seed: int) -> Iterator[Decider]:
    for deviations in bounded:
        yield Follow(deviations)
    for number in count(seed * 1_000_003, len(ROTATION)):
        for offset, make in enumerate(ROTATION):
            yield make(number + offset, bounded.length)


def run(scenario: Scenario, *args: Any, schedule: Schedule | str | None = None, max_steps: int = MAX_STEPS) -> Result:
    """Run a scenario once, under a schedule or its token; under the default one without. Not within Trio.

    Returns:
        How it ended; a failure is not raised.

    Raises:
        InvalidToken: the token is none.
        ProgramChanged: the schedule was taken from another run than the one that it leads to now.
    """
    if isinstance(schedule, str):
        schedule = Schedule.from_token(schedule)
    follow = Follow({} if schedule is None else schedule.deviations)
    result = run_once(scenario, args, follow, max_steps=max_steps)
    if schedule is not None:
        _check_fit(schedule, follow, result)
    return result


def _check_fit(schedule: Schedule, follow: Follow, result: Result) -> None:
    if follow.misfit is not None:
        at, index, among = follow.misfit
        raise ProgramChanged(
            f"the program changed: choice {at} takes number {index} of those that are ready, and there are {among}"
        )
    last = max(schedule.deviations, default=-1)
    if last >= len(result.choices):
        raise ProgramChanged(
            f"the program changed: the schedule has a choice {last}, and the run has {len(result.choices)} choices"
        )
    if schedule.fingerprint and schedule.fingerprint != result.fingerprint:
        raise ProgramChanged(
            f"the program changed: the schedule leads to a run {result.fingerprint} ({result.verdict}), and was taken from "
            f"{schedule.fingerprint}"
        )


def _difference(first: Result, again: Result) -> str:
    pairs: Iterator[tuple[int, Sequence[Any]]] = enumerate(zip(first.choices, again.choices, strict=False))
    for at, (one, other) in pairs:
        if one != other:
            return f"the same schedule went another way at choice {at}: first {one}; then {other}; what else decides there?"
    return (
        f"the same schedule ended in another way: first {first.verdict} after {first.steps} steps, "
        f"then {again.verdict} after {again.steps}"
    )
