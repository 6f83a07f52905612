"""Drawing a machine's program, and the schedule that it runs under, from Hypothesis."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import attrs
from hypothesis.errors import HypothesisException, StopTest
from hypothesis.internal.conjecture.data import UNIQUE_COLLECTION_LABEL, ConjectureData
from hypothesis.internal.conjecture.engine import BUFFER_SIZE
from hypothesis.internal.conjecture.utils import calc_label_from_name

from ._brief import brief
from ._course import Course, looked, on_course
from ._decider import Decider, Follow
from ._errors import InvalidMachine
from ._machine import StateMachine
from ._sim import Sim
from ._strategies import MAKERS, Learned

LABEL: Final = calc_label_from_name("a step of a race machine")
#: The label of the whole program. Hypothesis mutates no part of what is in a collection of this label: to copy one step over another leads to the
#: same order of steps again, more often than not.
WHOLE: Final = UNIQUE_COLLECTION_LABEL
#: How probable it is that a choice is the one of the strategy that guides a run. Some doubt keeps all schedules possible.
FAITH: Final = 0.95
#: The same where the default guides: a few deviations in each run.
DEFAULT_FAITH: Final = 0.9
#: Choices of a run that strategies of priorities reckon with.
LENGTH: Final = 60
#: Seeds of a strategy, from 0.
SEEDS: Final = 2**16
#: How probable a step is that lets all go on, where something is in flight.
SETTLES: Final = 0.15
#: How probable it is that a rule does not come in a program.
OFF: Final = 0.15
#: How probable the end of a program is after each step: next to never, but it may be, which is what shrinks it. As Hypothesis has it.
ENDS: Final = 2**-16
#: Of what Hypothesis keeps of an example, the part after which a program is not made longer, and no choice is drawn.
FULL: Final = 0.8


class Drawn:
    """Draw each choice; a strategy of the portfolio, which was drawn as well, says what is probable. What it shrinks to is the default.

    Strategies only weigh: a choice that was drawn once comes again when an example is run again or shrunk, whatever they say by then.
    """

    def __init__(self, data: Any) -> None:
        makers = MAKERS["portfolio"]
        way = data.draw_integer(0, len(makers))
        seed = data.draw_integer(0, SEEDS) if way else 0
        self._guide: Decider = makers[way - 1](seed, Learned(LENGTH)) if way else Follow({})
        self._faith = FAITH if way else DEFAULT_FAITH
        self._data = data
        #: whether a strategy guides it.
        self.is_guided = bool(way)
        #: the numbers of the schedule's draws among all draws of the example; the first say what guides it.
        self.numbers = [*range(len(data.nodes))]
        #: what Hypothesis has raised instead of a choice; it is not for whoever has asked for one.
        self.stopped: BaseException | None = None

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "Hypothesis"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Draw."""
        data = self._data
        if self.stopped is not None or data.length > FULL * BUFFER_SIZE:
            return 0
        probable = self._guide.decide(at, kind, labels)
        try:
            index: int = data.draw_integer(0, len(labels) - 1, weights={probable: self._faith})
        except BaseException as stop:  # noqa: BLE001 -- raised again as soon as the run is over
            self.stopped = stop
            return 0
        self.numbers.append(len(data.nodes) - 1)
        return index


def left_to_hypothesis(error: BaseException | None) -> Iterator[BaseException]:
    """Give what of an exception, or of a group, is no failure of a program: Hypothesis's own, and what refuses a machine."""
    if isinstance(error, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from left_to_hypothesis(each)
    elif isinstance(error, (StopTest, HypothesisException, InvalidMachine)):
        yield error


def parts_of(machine: type[StateMachine]) -> list[Any]:
    """Return all rules of a machine, those that initialize first; the number of a rule is its place here, and past the last is to settle."""
    state = machine.setup_state()
    return [*state.initializers, *state.rules]


@attrs.frozen
class Step:
    """Hold a step of a program: the number of its rule, and what Hypothesis has chosen for its arguments."""

    number: int
    choices: tuple[Any, ...]


class Program:
    """Run a program of a machine while its steps are drawn, or given."""

    def __init__(self, machine: type[StateMachine]) -> None:
        self.machine = machine
        self._parts = parts_of(machine)
        self._course: Course | None = None

    @property
    def lines(self) -> list[str]:
        """The program, as lines of Python."""
        return [] if self._course is None else self._course.lines

    async def run(self, sim: Sim) -> None:
        """Be the scenario."""
        async with on_course(self.machine, sim) as course:
            self._course = course
            await self._steps(course)

    async def _steps(self, course: Course) -> None:
        raise NotImplementedError

    def _waiting(self, course: Course) -> list[Any]:
        """Return the rules that have to come first, and have not."""
        waiting: list[Any] = course.machine._initialize_rules_to_run  # noqa: SLF001 -- as Hypothesis's own runner does
        return waiting

    async def _take(self, course: Course, rule: Any, data: Any) -> None:
        arguments = {name: data.draw(strategy) for name, strategy in rule.arguments_strategies.items()}
        waiting = self._waiting(course)
        if rule in waiting:
            waiting.remove(rule)
        await course.take(rule, arguments)


class DrawnProgram(Program):
    """Draw the steps of a program while it runs.

    Args:
        machine: the class.
        data: that Hypothesis draws from.
        most: steps at most.
        drawn: what draws the schedule from the same data.
    """

    def __init__(self, machine: type[StateMachine], data: Any, most: int, drawn: Drawn) -> None:
        super().__init__(machine)
        self._data = data
        self._most = most
        self._drawn = drawn
        #: of each step, the number of its rule, and where its arguments begin among the draws of the example.
        self._begun: list[tuple[int, int]] = []

    @property
    def steps(self) -> list[Step]:
        """The steps that have begun, without the schedule."""
        data = self._data
        choices = data.choices
        others = {*self._drawn.numbers}
        ends = [*(at for _, at in self._begun[1:]), len(choices)]
        return [
            Step(number, tuple(choices[each] for each in range(at, end) if each not in others))
            for (number, at), end in zip(self._begun, ends, strict=False)  # of no step, there is an end all the same
        ]

    async def _steps(self, course: Course) -> None:
        data = self._data
        data.hypothesis_runner = course.machine
        data.start_span(WHOLE)
        rules = course.machine.rules
        # In each program some rules do not come: others come more often then. As Hypothesis has it (swarm testing, Groce et al. 2012).
        off = [rule for rule in rules if data.draw_boolean(p=OFF)]
        for number in range(self._most + 1):
            data.start_span(LABEL)
            if data.draw_boolean(p=ENDS, forced=self._must_end(number, course)):
                break
            waiting = self._waiting(course)
            possible = waiting or [rule for rule in rules if is_possible(course.machine, rule)]
            must_settle = None if possible else True
            if course.calls.in_flight and not waiting and data.draw_boolean(p=SETTLES, forced=must_settle):
                self._begin(len(self._parts))
                await course.take_settle()
            elif not possible:
                names = ", ".join(rule.function.__name__ for rule in rules)
                raise InvalidMachine(
                    f"{self.machine.__name__}: there is no rule that could be next, as all have preconditions or bundles that do not "
                    f"allow it ({names}); the program so far: {'; '.join(course.lines)}"
                )
            else:
                likely = [rule for rule in possible if rule not in off] or possible
                rule = likely[data.draw_integer(0, len(likely) - 1)]
                self._begin(self._parts.index(rule))
                await self._take(course, rule, data)
            data.stop_span()

    def _begin(self, number: int) -> None:
        # What is drawn from here on, up to the next step, is for its arguments, or for the schedule.
        self._begun.append((number, len(self._data.nodes)))

    def _must_end(self, number: int, course: Course) -> bool | None:
        if self._drawn.stopped is not None:
            raise self._drawn.stopped
        if number >= self._most or self._data.length > FULL * BUFFER_SIZE:
            return True
        # Were it the first draw that leaves a choice, Hypothesis, which looks for new beginnings, would end many programs here.
        return False if self._waiting(course) or number <= len(self._parts) - len(course.machine.rules) else None


class GivenProgram(Program):
    """Run a program of given steps; each has its own choices, so that any of them may be left out."""

    def __init__(self, machine: type[StateMachine], steps: Sequence[Step]) -> None:
        super().__init__(machine)
        self.steps = steps

    async def _steps(self, course: Course) -> None:
        for step in self.steps:
            if step.number == len(self._parts):
                await course.take_settle()
                continue
            waiting = self._waiting(course)
            rule = self._parts[step.number] if 0 <= step.number < len(self._parts) else None
            if rule is None or (waiting and rule not in waiting) or not is_possible(course.machine, rule):
                raise InvalidMachine("these choices make no program of this machine")
            data = ConjectureData.for_choices(step.choices)
            data.hypothesis_runner = course.machine
            await self._take(course, rule, data)


def is_possible(machine: Any, rule: Any) -> bool:
    """Return whether a rule could be next: there is something in its bundles, and its preconditions hold.

    Raises:
        InvalidMachine: a precondition raises: no step of a program would say so.
    """
    if not all(machine.bundle(each.name) for each in rule.bundles):
        return False
    name = f"a precondition of {rule.function.__name__}"
    try:
        return all(looked(machine, name, each) for each in rule.preconditions)
    except InvalidMachine:
        raise
    except Exception as error:
        raise InvalidMachine(
            f"{type(machine).__name__}: {name} raised {brief(error)}; it only looks, so let it say False; "
            f"the program so far: {'; '.join(machine._course.lines)}"  # noqa: SLF001 -- a part of the machine
        ) from error
