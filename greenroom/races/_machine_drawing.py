"""Drawing a machine's program, and the schedule that it runs under, from Hypothesis."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from hypothesis.errors import HypothesisException, StopTest
from hypothesis.internal.conjecture.data import UNIQUE_COLLECTION_LABEL
from hypothesis.internal.conjecture.engine import BUFFER_SIZE
from hypothesis.internal.conjecture.utils import calc_label_from_name

from ._course import Course, on_course
from ._decider import Decider, Follow
from ._errors import InvalidMachine
from ._machine import StateMachine
from ._search import MAKERS
from ._sim import Sim

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
        self._guide: Decider = makers[way - 1](seed, LENGTH) if way else Follow({})
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


class Program:
    """Draw the steps of a program while it runs.

    Args:
        machine: the class.
        data: that Hypothesis draws from.
        most: steps at most.
        drawn: what draws the schedule, if that comes from the same data; then a program has one rule at least.
    """

    def __init__(self, machine: type[StateMachine], data: Any, most: int, drawn: Drawn | None = None) -> None:
        self._machine = machine
        self._data = data
        self._most = most
        self._drawn = drawn
        self._course: Course | None = None
        #: where each step begins among the draws of the example; and where the last one ends.
        self.marks: list[int] = []

    @property
    def lines(self) -> list[str]:
        """The program, as lines of Python."""
        return [] if self._course is None else self._course.lines

    async def run(self, sim: Sim) -> None:
        """Be the scenario."""
        data = self._data
        data.start_span(WHOLE)
        async with on_course(self._machine, sim) as course:
            self._course = course
            machine = course.machine
            data.hypothesis_runner = machine
            machine._observability_predicates = data._observability_predicates  # noqa: SLF001 -- rules count there
            for number in range(self._most + 1):
                data.start_span(LABEL)
                self.marks.append(len(data.nodes))
                if data.draw_boolean(p=ENDS, forced=self._must_end(number, machine)):
                    break
                await self._step(course, machine)
                data.stop_span()

    def _must_end(self, number: int, machine: Any) -> bool | None:
        drawn = self._drawn
        if drawn is not None and drawn.stopped is not None:
            raise drawn.stopped
        if number >= self._most or self._data.length > FULL * BUFFER_SIZE:
            return True
        # Were it the first draw that leaves a choice, Hypothesis, which looks for new beginnings, would end many programs here.
        is_first = number == 0 or machine._initialize_rules_to_run or len(machine.setup_state().initializers) == number  # noqa: SLF001
        return False if drawn is not None and is_first else None

    async def _step(self, course: Course, machine: Any) -> None:
        data = self._data
        waiting = machine._initialize_rules_to_run  # noqa: SLF001 -- as Hypothesis's own runner does
        if waiting:
            rule = waiting[data.draw_integer(0, len(waiting) - 1)]
            arguments = {name: data.draw(strategy) for name, strategy in rule.arguments_strategies.items()}
            waiting.remove(rule)
        else:
            rules = machine._rules_strategy  # noqa: SLF001
            must_settle = None if any(map(rules.is_valid, rules.rules)) else True
            if course.calls.in_flight and data.draw_boolean(p=SETTLES, forced=must_settle):
                await course.take_settle()
                return
            rule, arguments = data.draw(rules)
        await course.take(rule, arguments)
