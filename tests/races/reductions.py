"""What a reduction is held against: all schedules within a bound, each run."""

from typing import Any

from greenroom.races import Result
from greenroom.races._bounded import Bounded
from greenroom.races._decider import Follow
from greenroom.races._footprints import Footprints
from greenroom.races._reduced import Reduced
from greenroom.races._result import kind_of
from greenroom.races._run import Stage, Terms

Kinds = set[tuple[str, str]]


def plain_kinds(scenario: Any, bound: int) -> tuple[Kinds, int]:
    """Return how the schedules within a bound end, and how many there are."""
    stage = Stage(Terms())
    kinds: Kinds = set()

    async def main() -> int:
        number = 0
        bounded = Bounded()
        for number, deviations in enumerate(bounded.up_to(bound), 1):
            result = await stage.play(scenario, (), Follow(deviations))
            kinds.add(kind_of(result))
            bounded.learn(deviations, result)
        return number

    return kinds, stage.run(main)


def reduced_kinds(scenario: Any, bound: int | None) -> tuple[Kinds, int, int]:
    """Return how those end that are run with a reduction, how many these are, and how many are spared."""
    latest: list[Footprints] = []

    def listen(stepper: Any) -> Footprints:
        latest[:] = [Footprints(stepper)]
        return latest[0]

    stage = Stage(Terms(listen=listen))
    reduced = Reduced(bound, lambda: latest[0], lambda: False)
    kinds: Kinds = set()

    async def main() -> int:
        number = 0
        runs = reduced.runs()
        deviations = next(runs)
        while True:
            result: Result = await stage.play(scenario, (), Follow(deviations))
            number += 1
            kinds.add(kind_of(result))
            try:
                deviations = runs.send(result)
            except StopIteration:
                return number

    number = stage.run(main)
    assert not reduced.is_lost
    return kinds, number, reduced.spared
