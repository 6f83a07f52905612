"""The plainest way to all schedules of a program: each choice, each way. What cleverer ways are held against."""

from collections.abc import Generator, Iterator
from typing import Any

from greenroom.races import Result
from greenroom.races._decider import Decider, Follow
from greenroom.races._run import Stage, Terms


def in_one_run(scenario: Any, each: Generator[Decider, Result, None], terms: Terms, *args: Any) -> int:
    """Run what a generator gives out, and tell it what comes of it; returns how many there were."""

    async def main() -> int:
        number = 0
        decider = next(each, None)
        while decider is not None:
            number += 1
            result = await stage.play(scenario, args, decider)
            try:
                decider = each.send(result)
            except StopIteration:
                break
        return number

    stage = Stage(terms)
    number: int = stage.run(main)
    return number


def all_runs(scenario: Any, *args: Any) -> list[Result]:
    """Return the runs under all schedules of a program."""
    results: list[Result] = []

    def each() -> Generator[Decider, Result, None]:
        ways: list[tuple[int, ...]] = [()]
        while ways:
            way = ways.pop()
            result = yield Follow(dict(enumerate(way)))
            results.append(result)
            ways.extend(branches(result, len(way)))

    in_one_run(scenario, each(), Terms(), *args)
    return results


def branches(result: Result, after: int) -> Iterator[tuple[int, ...]]:
    """Return the ways that leave a run at a choice past the first so many."""
    way = tuple(choice.index for choice in result.choices)
    for at in range(after, len(way)):
        for index in range(1, len(result.choices[at].labels)):
            yield (*way[:at], index)


def deviates(result: Result) -> int:
    """Return how often a run deviates from the default."""
    return sum(1 for choice in result.choices if choice.index)
