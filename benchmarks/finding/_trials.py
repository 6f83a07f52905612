"""Trials: after how many schedules each strategy finds each bug of the catalogue."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import fmean
from typing import Any, Final

import attrs

from greenroom.races._search import first_failure
from greenroom.races._strategies import MAKERS
from greenroom.races.catalogue import CATALOGUE

STRATEGIES: Final = tuple(MAKERS)
BUGS: Final = {bug.name: bug for bug in CATALOGUE}


@attrs.frozen
class Trials:
    """Hold the trials of one strategy with one bug, each with a seed of its own.

    Attributes:
        limit: schedules that each trial had.
        found: at which schedule it was found, one for each trial; None where it was not within the limit.
        in_twin: 1 if something was found in the fixed twin.
    """

    bug: str
    strategy: str
    limit: int
    found: tuple[int | None, ...]
    in_twin: int

    @property
    def mean(self) -> float:
        """Schedules to the first failure; a trial that found nothing counts as the limit, so the real mean is higher."""
        return fmean(self.limit if number is None else number for number in self.found)

    @property
    def missed(self) -> int:
        """How many trials found nothing."""
        return self.found.count(None)


def take_trials(bug: str, strategy: Any, trials: int, limit: int) -> Trials:
    """Search a bug with so many seeds, and its twin once, each for at most so many schedules."""
    found: list[int | None] = []
    for seed in range(trials):
        failure = first_failure(BUGS[bug].broken, strategy=strategy, schedules=limit, seed=seed)
        found.append(None if failure is None else failure[0])
        if strategy == "bounded":  # it draws nothing: each seed is the same
            found *= trials
            break
    wrong = first_failure(BUGS[bug].fixed, strategy=strategy, schedules=limit) is not None
    return Trials(bug, strategy, limit, tuple(found), int(wrong))


def take_all(
    bugs: Sequence[str], strategies: Sequence[str], trials: int, limit: int, done: Callable[[int, int], None]
) -> Mapping[tuple[str, str], Trials]:
    """Take the trials of all, on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        waiting = {
            (bug, strategy): pool.submit(take_trials, bug, strategy, trials, limit)
            for bug in bugs
            for strategy in strategies
        }
        results: dict[tuple[str, str], Trials] = {}
        for number, (key, future) in enumerate(waiting.items(), 1):
            results[key] = future.result()
            done(number, len(waiting))
        return results
