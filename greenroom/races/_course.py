"""The course of a machine's program: its steps, one after the other, what they start, and its end."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, cast

import trio
from hypothesis.stateful import MultipleResults, VarReference
from trio.testing import wait_all_tasks_blocked

from ._brief import brief
from ._callbacks import is_to_await
from ._errors import InvalidMachine
from ._machine import StateMachine, awaited, is_at_each_step
from ._machine_checks import check_machine
from ._sim import Sim
from ._started import Calls

#: What the machine is called in the text of a program.
STATE: Final = "state"
SETTLE: Final = "settle"


class Course:
    """Take the steps of a program on a machine."""

    def __init__(self, machine: Any, nursery: trio.Nursery, stack: AsyncExitStack) -> None:
        self.machine = machine
        self.calls = Calls(nursery, machine.sim.history)
        self.stack = stack
        #: the steps so far, as lines of Python.
        self.lines: list[str] = []
        self.is_over = False

    async def settle(self) -> None:
        """Wait until nothing can go on."""
        await wait_all_tasks_blocked()

    async def take_settle(self) -> None:
        """Take the step that lets all go on."""
        self._begin(f"await {STATE}.{SETTLE}()")
        await self.settle()
        self.check_invariants()

    async def take(self, rule: Any, arguments: Mapping[str, Any]) -> Any:
        """Take the step of a rule; references to what is in bundles stand for that."""
        machine = self.machine
        name = rule.function.__name__
        told = ", ".join(f"{key}={machine._pretty_print(value)}" for key, value in arguments.items())  # noqa: SLF001
        at = len(self.lines)
        self._begin(f"await {STATE}.{name}({told})")
        result: Any = await awaited(
            rule.function(machine, **{key: self._value(each) for key, each in arguments.items()})
        )
        is_multiple = type(result) is MultipleResults
        if rule.targets:
            results: tuple[Any, ...] = result.values if is_multiple else (result,)
            machine._add_results_to_targets(rule.targets, results)  # noqa: SLF001 -- as Hypothesis's own runner does
            self.lines[at] = f"{self._names(rule.targets, results, is_multiple=is_multiple)}{self.lines[at]}"
        await trio.lowlevel.checkpoint()
        self.check_invariants()
        return tuple(result.values) if is_multiple else result

    def _begin(self, line: str) -> None:
        self.lines.append(line)
        self.machine.sim._play.tell(line)  # noqa: SLF001 -- a part of the kit

    def _value(self, drawn: Any) -> Any:
        values = self.machine.names_to_values
        if is_reference(drawn):
            return values[drawn.name]
        if isinstance(drawn, list):
            several: list[Any] = drawn  # pyright: ignore[reportUnknownVariableType]
            return [self._value(each) for each in several] if any(map(is_reference, several)) else several
        return drawn

    def _names(self, targets: tuple[str, ...], results: tuple[Any, ...], *, is_multiple: bool) -> str:
        """Return the names that the results have got, as assignments."""
        names = self.machine._last_names(len(targets) * len(results))  # noqa: SLF001
        if not names:
            return ""
        each = [names[at : at + len(results)] for at in range(0, len(names), len(results))]
        comma = "," if is_multiple else ""
        return "".join(f"{', '.join(some)}{comma if len(some) == 1 else ''} = " for some in each)

    def check_invariants(self) -> None:
        """Check the invariants that are to hold now."""
        machine = self.machine
        quiet: bool | None = None
        for each in machine.invariants:
            if machine._initialize_rules_to_run and not each.check_during_init:  # noqa: SLF001
                continue
            if not is_at_each_step(each.function):
                quiet = bool(looked(machine, "is_quiet", machine.__class__.is_quiet)) if quiet is None else quiet
                if not quiet:
                    continue
            name = each.function.__name__
            if all(looked(machine, f"a precondition of {name}", precondition) for precondition in each.preconditions):
                looked(machine, name, each.function)

    async def end(self) -> None:
        """Bring the program to its end, and check what has to hold then."""
        machine = self.machine
        self.machine.sim._play.tell("the end of the program")  # noqa: SLF001
        await awaited(machine.finish())
        await self.calls.join()
        self.check_invariants()
        self.is_over = True
        await self.stack.aclose()
        model = machine.machine_options.get("model")
        history = machine.sim.history
        if model is not None and any(each.outcome == "ok" for each in history.operations):
            history.check(model)


def looked(machine: Any, name: str, function: Callable[[Any], Any]) -> Any:
    """Return what a function of a machine returns that only looks.

    Raises:
        InvalidMachine: that is something to await.
    """
    result = function(machine)
    if is_to_await(result):
        raise InvalidMachine(
            f"{type(machine).__name__}: {name} returned {brief(result)}, and nobody awaits that; "
            "make it a plain function that only looks"
        )
    return result


def is_reference(drawn: object) -> bool:
    """Return whether it stands for what is in a bundle."""
    return isinstance(drawn, VarReference)


class Steps:
    """Be what a program that was told calls the steps of its machine on: each rule is an async function with the rule's arguments."""

    def __init__(self, course: Course) -> None:
        self._course = course
        state = course.machine.setup_state()
        self._rules = {rule.function.__name__: rule for rule in (*state.rules, *state.initializers)}

    async def settle(self) -> None:
        """Take the step that lets all go on that can."""
        await self._course.take_settle()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Return what takes the step of a rule."""
        rule = self._rules.get(name)
        if rule is None:
            known = ", ".join([*self._rules, SETTLE])
            raise AttributeError(f"{type(self._course.machine).__name__} has no rule {name!r}; there are {known}")

        async def step(**arguments: Any) -> Any:
            machine = self._course.machine
            if rule in machine._initialize_rules_to_run:  # noqa: SLF001
                machine._initialize_rules_to_run.remove(rule)  # noqa: SLF001
            return await self._course.take(rule, arguments)

        return step


@asynccontextmanager
async def on_course(machine_class: type[StateMachine], sim: Sim) -> AsyncGenerator[Course]:
    """Make a machine, and be within its program."""
    machine = machine_class.__new__(machine_class)
    machine.sim = sim
    machine.__init__()  # type: ignore[misc]  # `sim` is to be there before
    try:
        async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
            course = machine._course = Course(machine, nursery, stack)  # noqa: SLF001 -- a part of the machine
            try:
                course.check_invariants()
                yield course
                await course.end()
            except BaseException:
                course.is_over = True
                await course.calls.cancel()
                raise
    except BaseExceptionGroup as group:
        error = sole(group)
        if error is None:
            raise
        context = error.__context__
        try:
            raise error
        finally:
            error.__context__ = context  # and not the group: nobody needs to see that there was a nursery around it
    finally:
        await awaited(machine.teardown())


def sole(error: BaseException) -> BaseException | None:
    """Return the only error in a group; None if there are several."""
    while isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        if len(members) != 1:
            return None
        error = members[0]
    return error


@asynccontextmanager
async def open_machine(machine: type[StateMachine], sim: Sim) -> AsyncGenerator[Any]:
    """Open a state machine in a scenario: the way in which a program that has failed is told, and can be run again.

        async def program(sim):
            async with races.open_machine(Bank, sim) as state:
                await state.pays_in(client="ann", amount=3)

        races.check(program, schedule="r1:…")

    Args:
        machine: the class.
        sim: that the scenario got.

    Returns:
        What takes the steps: it has an async function for each rule, which returns what the rule does, and `settle`.

    Raises:
        InvalidMachine: the machine cannot be run.
        TypeError: the `sim` is none.

    Checkpoint: at its end, where what is in flight is waited for.
    Cancellation: what is in flight is cancelled, what was entered is left, and the machine is torn down.
    """
    check_machine(machine, StateMachine)
    if not isinstance(sim, Sim):
        raise TypeError(f"open_machine: the sim is {brief(sim)}; give the one that the scenario got")
    async with on_course(machine, sim) as course:
        yield Steps(course)
