"""The plainest way to all schedules of a program: each choice, each way. What cleverer ways are held against."""

from collections.abc import Iterator, Sequence
from typing import Any

from greenroom.races import Result
from greenroom.races._decider import Follow
from greenroom.races._run import Stage, Terms


def all_runs(scenario: Any, args: Sequence[Any] = (), *, most: int, terms: Terms | None = None) -> list[Result] | None:
    """Return the runs under all schedules of a program, None if there are more than so many."""
    results: list[Result] = []

    async def main() -> None:
        ways: list[tuple[int, ...]] = [()]
        while ways and len(results) < most:
            way = ways.pop()
            result = await stage.play(scenario, args, Follow(dict(enumerate(way))))
            results.append(result)
            ways += branches(result, len(way))
        if not ways:
            ended.append(True)

    ended: list[bool] = []
    stage = Stage(terms or Terms())
    stage.run(main)
    return results if ended else None


def branches(result: Result, after: int) -> Iterator[tuple[int, ...]]:
    """Return the ways that leave a run at a choice past the first so many."""
    way = tuple(choice.index for choice in result.choices)
    for at in range(after, len(way)):
        for index in range(1, len(result.choices[at].labels)):
            yield (*way[:at], index)


def deviates(result: Result) -> int:
    """Return how often a run deviates from the default."""
    return sum(1 for choice in result.choices if choice.index)
