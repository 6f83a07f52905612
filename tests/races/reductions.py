"""What a reduction is held against: all schedules within a bound, each run."""

from collections.abc import Generator, Sequence
from typing import Any

from greenroom.races import Result
from greenroom.races._bounded import Bounded
from greenroom.races._decider import Decider, Follow
from greenroom.races._footprints import Footprints
from greenroom.races._reduced import Reduced
from greenroom.races._result import kind_of
from greenroom.races._run import Terms

from .brute_force import branches, in_one_run
from .small_trees import draw_tree

Kinds = set[tuple[str, str]]


class Windowed(Reduced):
    """Try out only choices among actors: without a bound, the begin and the end of a tree have too many orders to run them all."""

    def branches(self, options: Any) -> Sequence[int]:
        return super().branches(options) if is_of_actors(*options) else ()


def is_of_actors(kind: str, labels: Sequence[str]) -> bool:
    return kind == "run" or all("/" in label.removeprefix("3:/t") or "worker" in label for label in labels)


def plain_kinds(scenario: Any, bound: int | None) -> tuple[Kinds, int]:
    """Return how the schedules within a bound end, and how many there are; without one, those that only deviate among actors."""
    bounded = Bounded()
    kinds: Kinds = set()

    def each() -> Generator[Decider, Result, None]:
        if bound is not None:
            for deviations in bounded.up_to(bound):
                result = yield Follow(deviations)
                kinds.add(kind_of(result))
                bounded.learn(deviations, result)
            return
        ways: list[tuple[int, ...]] = [()]
        while ways:
            way = ways.pop()
            result = yield Follow(dict(enumerate(way)))
            kinds.add(kind_of(result))
            ways += [
                branch
                for branch in branches(result, len(way))
                if is_of_actors(result.choices[len(branch) - 1].kind, result.choices[len(branch) - 1].labels)
            ]

    return kinds, in_one_run(scenario, each(), Terms())


def reduced_kinds(scenario: Any, bound: int | None) -> tuple[Kinds, int, int]:
    """Return how those end that are run with a reduction, how many these are, and how many are spared."""
    latest: list[Footprints] = []
    kinds: Kinds = set()

    def listen(stepper: Any) -> Footprints:
        latest[:] = [Footprints(stepper)]
        return latest[0]

    make = Windowed if bound is None else Reduced
    reduced = make(bound, lambda: latest[0], lambda: False)

    def each() -> Generator[Decider, Result, None]:
        runs = reduced.runs()
        deviations = next(runs)
        while True:
            result = yield Follow(deviations)
            kinds.add(kind_of(result))
            try:
                deviations = runs.send(result)
            except StopIteration:
                return

    number = in_one_run(scenario, each(), Terms(listen=listen))
    assert not reduced.is_lost
    return kinds, number, reduced.spared


def compare(seed: int, bound: int | None, most: int = 3, draw: Any = draw_tree) -> tuple[int, int]:
    """Go through a drawn tree with and without a reduction; returns how many schedules there are, and how many were run.

    Raises AssertionError if a way to fail is lost, or a schedule.
    """
    kinds, number = plain_kinds(draw(seed, most=most), bound)
    found, runs, spared = reduced_kinds(draw(seed, most=most), bound)
    assert found == kinds, f"tree {seed}, bound {bound}: {len(kinds)} ways to fail, {len(found)} with a reduction"
    assert runs + spared == number, f"tree {seed}, bound {bound}: {number} schedules, {runs} and {spared}"
    return number, runs
