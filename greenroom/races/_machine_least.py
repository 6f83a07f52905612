"""The least failure of a machine: steps that are not needed are left out, and then deviations of the schedule.

Hypothesis shrinks the program together with its schedule, and stops where a step cannot be spared without another deviation in its place. From there
on the program is held fixed but for one step that is left out, and schedules are searched for the same failure, as for any scenario.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

import attrs
from hypothesis.internal.conjecture.data import ConjectureData

from ._bounded import Bounded
from ._decider import Decider, Follow
from ._errors import InvalidMachine
from ._machine import StateMachine
from ._machine_drawing import Program, left_to_hypothesis
from ._result import Result, kind_of
from ._run import MAX_STEPS, Scenario, Terms, run_once
from ._search import MAKERS, terms_of
from ._shrink import shrink

#: Schedules that are searched for the same failure of a program without one of its steps: with few deviations, and drawn ones.
FEW: Final = 60
DRAWN: Final = 60
#: What is drawn, and comes to the end of a program.
THE_END: Final = True


def terms_for(machine: type[StateMachine]) -> Terms:
    """Return the terms of a machine's runs."""
    options = machine.machine_options
    return terms_of(
        options.get("max_steps", MAX_STEPS),
        options.get("time", "exact"),
        options.get("backend"),
        options.get("threads", "inline"),
    )


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
        choices: that Hypothesis makes the program of.
        marks: where each step begins in them, and where the last one ends.
        lines: the program.
        is_least: no schedule with fewer deviations makes this program fail so.
    """

    result: Result
    choices: Sequence[Any]
    marks: Sequence[int]
    lines: Sequence[str]
    is_least: bool = False


def run_program(machine: type[StateMachine], choices: Sequence[Any], decider: Decider, terms: Terms) -> Failing:
    """Run the program that is made of such choices; where they make none, that is what it fails by."""
    data = ConjectureData.for_choices(choices)
    drawing = Program(machine, data, len(choices))
    result = run_once(as_scenario(drawing), (), decider, terms)
    if next(left_to_hypothesis(result.error), None) is not None:
        result = attrs.evolve(result, verdict="failed", error=InvalidMachine("these choices make no program"))
    return Failing(result, data.choices, [*drawing.marks, len(data.choices)], drawing.lines)


class Least:
    """Look for the least failure of a kind.

    Args:
        machine: the class.
        failing: the failure to begin with.
    """

    def __init__(self, machine: type[StateMachine], failing: Failing) -> None:
        self._machine = machine
        self._terms = terms_for(machine)
        self._best = failing
        self._kind = kind_of(failing.result)

    def find(self) -> Failing:
        """Return it; the failure as it was, if it does not come again."""
        first = self._best
        again = self._run(first.choices, Follow(first.result.schedule.deviations))
        if again.result.fingerprint != first.result.fingerprint:
            return first
        at = len(first.lines) - 1
        while at >= 0:
            shorter = self._without(at)
            if shorter is not None:
                self._best = shorter
                at = len(shorter.lines)  # what was needed before may not be any more
            at -= 1
        return self._with_fewer_deviations()

    def _run(self, choices: Sequence[Any], decider: Decider, terms: Terms | None = None) -> Failing:
        return run_program(self._machine, choices, decider, terms or self._terms)

    def _without(self, step: int) -> Failing | None:
        """Return a failing run without a step, None if none was found."""
        best = self._best
        # A run that failed within its last step has not drawn its end yet.
        choices = [*best.choices[: best.marks[step]], *best.choices[best.marks[step + 1] :], THE_END]
        bounded = Bounded()
        for deviations in islice(bounded.up_to(1), FEW):
            failing = self._run(choices, Follow(deviations))
            if self._is_shorter(failing):
                return failing
            if kind_of(failing.result)[1] == InvalidMachine.__name__:
                return None
            bounded.learn(deviations, failing.result)
        makers = MAKERS["portfolio"]
        for seed in range(DRAWN):
            failing = self._run(choices, makers[seed % len(makers)](seed, bounded.length))
            if self._is_shorter(failing):
                return failing
        return None

    def _is_shorter(self, failing: Failing) -> bool:
        return kind_of(failing.result) == self._kind and len(failing.lines) < len(self._best.lines)

    def _with_fewer_deviations(self) -> Failing:
        best = self._best

        def rerun(deviations: Mapping[int, int]) -> Result:
            failing = self._run(best.choices, Follow(deviations))
            if failing.lines != best.lines[: len(failing.lines)]:
                return attrs.evolve(failing.result, verdict="failed", error=InvalidMachine("it is another program"))
            return failing.result

        result, _, is_least = shrink(best.result, rerun)
        noting = attrs.evolve(self._terms, takes_notes=True)
        return attrs.evolve(self._run(best.choices, Follow(result.schedule.deviations), noting), is_least=is_least)
