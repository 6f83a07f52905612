"""One of two tools, in a process of its own, as each is slowed down by what the other has in memory: it prints what it measured as JSON."""

import json
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from time import process_time
from typing import TYPE_CHECKING, Any

from ._programs import PROGRAMS, Asyncio

if TYPE_CHECKING:
    from greenroom.races._strategies import Strategy

#: Ways of exploring, the default first: those that simloom has, as it calls them, and ours: of the same kinds, and walks at drawn speeds, which it
#: has not.
SCHEDULERS = (None, "pct:auto,d=2", "pct:auto,d=3")
STRATEGIES: "tuple[Strategy, ...]" = ("portfolio", "walk", "speeds", "pct")
SCHEDULES = 300

#: Run schedules of what has no bug, from a seed, and say how many; and say after how many each way finds what has one, within a limit.
Side = tuple[Callable[[Any, int], int], Callable[[Any, int, int], dict[str, int]]]


def ours() -> Side:
    """Return how greenroom does it."""
    from greenroom import races
    from greenroom.races._search import first_failure

    from ._under_trio import under_trio

    def run(program: Any, seed: int) -> int:
        count = 0
        while count < SCHEDULES:  # a search ends sooner once it has tried all that there are
            seed += 1
            fixed = partial(under_trio, program=program, fixed=True)
            surveyed = races.survey(fixed, strategy="walk", schedules=SCHEDULES, seed=seed)
            assert surveyed.found is None
            count += surveyed.schedules
        return count

    def find(program: Any, seed: int, limit: int) -> dict[str, int]:
        main = partial(under_trio, program=program, fixed=False)
        found = {way: first_failure(main, strategy=way, schedules=limit, seed=seed) for way in STRATEGIES}
        return {way: limit if first is None else first[0] for way, first in found.items()}

    return run, find


def theirs() -> Side:
    """Return how simloom does it."""
    simloom: Any = import_module("simloom")  # only where this is run

    def run(program: Any, seed: int) -> int:
        explored = simloom.explore(
            partial(program, Asyncio, fixed=True), runs=SCHEDULES, start_seed=seed * SCHEDULES, world=False
        )
        assert not explored.failed
        return int(explored.runs)

    def find(program: Any, seed: int, limit: int) -> dict[str, int]:
        main = partial(program, Asyncio, fixed=False)
        return {
            str(each): simloom.explore(main, runs=limit, start_seed=seed * limit, scheduler=each, world=False).runs
            for each in SCHEDULERS
        }

    return run, find


def main(side: str, seed: int, trials: int, limit: int) -> None:
    """Measure schedules each second, and then, in so many trials, schedules to the first failure."""
    run, find = {"ours": ours, "theirs": theirs}[side]()
    told: dict[str, Any] = {}
    for program in PROGRAMS:
        begun = process_time()
        count = run(program, seed)
        rate = count / (process_time() - begun)
        found = [find(program, number, limit) for number in range(trials)]
        means = {way: sum(each[way] for each in found) / trials for way in (found[0] if found else ())}
        told[program.__name__] = {"rate": rate, "means": means}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
