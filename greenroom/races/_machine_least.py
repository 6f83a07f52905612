"""The least failure of a machine: steps that are not needed are left out, and then deviations of the schedule.

Hypothesis shrinks the program together with its schedule, and stops where a step cannot be spared without another deviation in its place. From there
on the program is held fixed but for a step, or two, that are left out, and schedules are searched for the same failure, as for any scenario. So a
program is least in that no two of its steps can be spared, by any of the schedules that were tried.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import Any, Final

import attrs

from ._bounded import Bounded
from ._decider import Decider, Follow
from ._errors import InvalidMachine
from ._machine import StateMachine
from ._machine_checks import terms_from
from ._machine_drawing import GivenProgram, Program, Step, left_to_hypothesis
from ._result import Result, kind_of
from ._run import Scenario, Terms, run_once
from ._shrink import shrink
from ._strategies import MAKERS, Learned

#: Schedules that are searched for the same failure of a program without one of its steps: with few deviations, and drawn ones.
FEW: Final = 40
DRAWN: Final = 40
#: Runs after which no more steps are left out.
RUNS: Final = 3_000


def as_scenario(drawing: Program) -> Scenario:
    """Return a scenario that runs a program while it is drawn, once."""

    async def program(sim: Any) -> None:  # of the name that it is told by: the fingerprint has it
        await drawing.run(sim)

    return program


@attrs.frozen
class Failing:
    """Hold a failing run of a program.

    Attributes:
        result: the failure.
        steps: the program.
        lines: the same as lines of Python.
        is_least: no schedule with fewer deviations makes this program fail so.
        comes_again: it does by itself, too, and not only while Hypothesis draws it.
    """

    result: Result
    steps: Sequence[Step]
    lines: Sequence[str]
    is_least: bool = False
    comes_again: bool = True


def run_program(machine: type[StateMachine], steps: Sequence[Step], decider: Decider, terms: Terms) -> Failing:
    """Run a program of given steps; where they make none, that is what it fails by."""
    program = GivenProgram(machine, steps)
    result = run_once(as_scenario(program), (), decider, terms)
    if next(left_to_hypothesis(result.error), None) is not None:
        result = attrs.evolve(result, verdict="failed", error=InvalidMachine("these choices make no program"))
    return Failing(result, steps, program.lines)


class Least:
    """Look for the least failure of a kind.

    Args:
        machine: the class.
        failing: the failure to begin with.
    """

    def __init__(self, machine: type[StateMachine], failing: Failing) -> None:
        self._machine = machine
        self._terms = terms_from(machine.machine_options)
        self._best = failing
        self._kind = kind_of(failing.result)
        self._runs = 0

    def find(self) -> Failing:
        """Return it; the failure as it was, if it does not come again."""
        first = self._best
        again = self._run(first.steps, Follow(first.result.schedule.deviations))
        if again.result.fingerprint != first.result.fingerprint:
            return attrs.evolve(first, comes_again=False)
        while self._shorten():
            pass
        return self._with_fewer_deviations()

    def _shorten(self) -> bool:
        """Leave out one step, or two, and say whether that was possible."""
        places = range(len(self._best.steps))
        for out in (*((at,) for at in reversed(places)), *combinations(places, 2)):
            if self._runs > RUNS:
                return False
            shorter = self._without(out)
            if shorter is not None:
                self._best = shorter
                return True
        return False

    def _run(self, steps: Sequence[Step], decider: Decider, terms: Terms | None = None) -> Failing:
        self._runs += 1
        return run_program(self._machine, steps, decider, terms or self._terms)

    def _without(self, out: Sequence[int]) -> Failing | None:
        """Return a failing run without some steps, None if none was found."""
        steps = [step for at, step in enumerate(self._best.steps) if at not in out]
        bounded = Bounded()
        longest = 0
        for deviations in islice(bounded.up_to(1), FEW):
            failing = self._run(steps, Follow(deviations))
            if self._is_same(failing):
                return failing
            if kind_of(failing.result)[1] == InvalidMachine.__name__:
                return None
            bounded.learn(deviations, failing.result)
            longest = max(longest, len(failing.result.choices))
        makers = MAKERS["portfolio"]
        for seed in range(DRAWN):
            failing = self._run(steps, makers[seed % len(makers)](seed, Learned(longest)))
            if self._is_same(failing):
                return failing
        return None

    def _is_same(self, failing: Failing) -> bool:
        return kind_of(failing.result) == self._kind

    def _with_fewer_deviations(self) -> Failing:
        best = self._best

        def rerun(deviations: Mapping[int, int]) -> Result:
            return self._run(best.steps, Follow(deviations)).result

        result, _, is_least = shrink(best.result, rerun)
        noting = attrs.evolve(self._terms, takes_notes=True)
        return attrs.evolve(self._run(best.steps, Follow(result.schedule.deviations), noting), is_least=is_least)
