"""Testing a machine: Hypothesis's examples, each a controlled run, and what is told of the least one that fails."""

import unittest
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, cast

import attrs
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as Settings  # noqa: N812 -- `settings` is what they are called where they are given
from hypothesis import strategies as st
from hypothesis.control import BuildContext, current_build_context, reject
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.internal.reflection import function_digest

from ._checks import check_scenario
from ._decider import Follow
from ._explore import RaceFound, draw_failure, pytest_again
from ._fit import check_fit
from ._machine import StateMachine
from ._machine_checks import check_machine, terms_from
from ._machine_drawing import Drawn, DrawnProgram, left_to_hypothesis
from ._machine_least import Failing, Least, as_scenario, run_program
from ._machine_token import machine_token, read_machine_token
from ._result import Result
from ._run import prepared, run_once
from ._settings import settings as known
from ._telling import named, told

Hears = Callable[[Result, list[str]], None]
MARGIN: Final = "    "
#: What is said of a failure that does not come again by its token.
ANEW: Final = (
    "run the test anew, for Hypothesis to draw it; by itself the program went another way: "
    "a rule draws from the `st.data()` of an earlier step, or something outside of the machine decides"
)
#: Choices of a run up to which a strategy may well have chosen the default each time.
SOME: Final = 4


class Example:
    """Be one example: a program and a schedule that Hypothesis draws."""

    def __init__(self, machine: type[StateMachine], data: Any, most: int) -> None:
        self.drawn = Drawn(data)
        self.program = DrawnProgram(machine, data, most, self.drawn)
        self.result = run_once(as_scenario(self.program), (), self.drawn, terms_from(machine.machine_options))

    @property
    def is_like_another(self) -> bool:
        """True if a strategy was to guide it and did not: the same comes without one, and Hypothesis tries that more often than it is worth."""
        choices = self.result.choices
        if self.result.failed:
            return False
        return self.drawn.is_guided and len(choices) > SOME and not any(choice.index for choice in choices)

    def as_failing(self) -> Failing:
        """Return the failure, with the program by itself."""
        return Failing(self.result, self.program.steps, self.program.lines)


def as_program(machine: type[StateMachine], lines: Sequence[str]) -> str:
    """Return the steps of a program as a scenario that can be run."""
    head = ["async def program(sim):", f"{MARGIN}async with races.open_machine({machine.__name__}, sim) as state:"]
    steps = [f"{MARGIN * 2}{line}" for text in lines or ["pass"] for line in text.splitlines()]
    return "\n".join(f"{MARGIN}{line}" for line in (*head, *steps))


def race_found(machine: type[StateMachine], failing: Failing) -> RaceFound:
    """Return the error that tells of a failure, found with notes."""
    lines = failing.lines
    count = f"{len(lines)} step{'' if len(lines) == 1 else 's'}"
    program = f"the program, {count}:\n{as_program(machine, lines)}\nits schedule:"
    schedule = failing.result.schedule
    token = machine_token(failing.steps, schedule)
    again = (
        f"races.run(program, schedule={schedule.token!r})\nor: {pytest_again(token)}" if failing.comes_again else ANEW
    )
    text = told(failing.result, again, program, "; no fewer do" if failing.is_least else "")
    drawn = draw_failure(machine.__name__, failing.result, pytest_again(token) if failing.comes_again else ANEW)
    return RaceFound(f"{machine.__name__}: {text}{drawn}", token)


def examples_of(machine: type[StateMachine], options: Settings, hears: Hears | None = None) -> Callable[[], None]:
    """Return the test of a machine, as a function without arguments."""

    def run_machine_example(data: Any) -> None:
        example = Example(machine, data.conjecture_data, options.stateful_step_count)
        if example.drawn.stopped is not None:
            raise example.drawn.stopped
        result = example.result
        for error in left_to_hypothesis(result.error):
            raise error
        if example.is_like_another:
            reject()
        if hears is not None:
            hears(result, example.program.lines)
        if not result.failed:
            return
        if not current_build_context().is_final:
            raise RaceFound(named(result), "") from result.error  # for Hypothesis alone
        least = Least(machine, example.as_failing()).find()
        raise race_found(machine, least) from least.result.error

    test: Any = options(given(st.data())(run_machine_example))
    # As Hypothesis does for its own machines: by what it knows failures of this one, and @seed and @reproduce_failure on the class.
    test.hypothesis.inner_test._hypothesis_internal_add_digest = function_digest(machine)  # noqa: SLF001
    for name in ("_hypothesis_internal_use_seed", "_hypothesis_internal_use_reproduce_failure"):
        setattr(test, name, getattr(machine, name, None))
    test._hypothesis_internal_print_given_args = False  # noqa: SLF001
    return cast("Callable[[], None]", test)


def run_machine(machine: type[StateMachine], *, settings: Settings | None = None) -> None:
    """Draw programs of a machine and schedules, and run each once; the test of `machine.TestCase`. Not within Trio.

    Args:
        machine: a class of `StateMachine`.
        settings: of Hypothesis; None takes those of `machine.TestCase`. `stateful_step_count` is how long programs are.

    Raises:
        RaceFound: one failed; the text has the least program, its schedule, and how to see it again.
        InvalidMachine: the machine cannot be run.
        TypeError: the settings are none.
        RuntimeError: this was called within Trio.
    """
    check_machine(machine, StateMachine)
    check_scenario("run_machine", on_no_account)
    options: Any = cast("Any", machine.TestCase).settings if settings is None else settings
    if not isinstance(options, Settings):
        raise TypeError(f"run_machine: the settings are {options!r}; give an instance of hypothesis.settings")
    if known.replay is not None:
        run_again(machine, known.replay)
    else:
        run_examples(examples_of(machine, options))


def run_again(machine: type[StateMachine], token: str) -> None:
    """Run the program and the schedule of a token.

    Raises:
        RaceFound: it fails.
        InvalidToken: the token is none of a machine.
        ProgramChanged: the run is another one than it was taken from.
    """
    steps, schedule = read_machine_token(token)
    follow = Follow(schedule.deviations)
    terms = attrs.evolve(terms_from(machine.machine_options), time=schedule.time, takes_notes=True)
    with BuildContext(ConjectureData.for_choices(()), wrapped_test=run_again):  # for `assume` and `note` of rules
        failing = run_program(machine, steps, follow, terms)
    check_fit(schedule, follow, failing.result)
    if failing.result.failed:
        raise race_found(machine, failing) from failing.result.error


async def on_no_account(_sim: Any) -> None:
    """Stand for the scenario that is yet to be drawn."""


@prepared()
def run_examples(test: Callable[[], None]) -> None:
    """Run the examples of a test."""
    test()


@lru_cache
def case_of(machine: type[StateMachine]) -> type[unittest.TestCase]:
    """Return the test case of a machine; one for each class."""

    class MachineTestCase(unittest.TestCase):
        # To explain, Hypothesis would trace each line of the kit and of the runtime, many times over.
        settings = Settings(
            deadline=None,
            suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
            phases=[each for each in Phase if each is not Phase.explain],
        )

        def runTest(self) -> None:  # noqa: N802 -- as unittest has it
            run_machine(machine, settings=self.settings)

        runTest.is_hypothesis_test = True  # type: ignore[attr-defined]
        runTest._hypothesis_state_machine_class = machine  # type: ignore[attr-defined]  # noqa: SLF001 -- as Hypothesis has it

    MachineTestCase.__name__ = f"{machine.__name__}.TestCase"
    MachineTestCase.__qualname__ = f"{machine.__qualname__}.TestCase"
    return MachineTestCase
