"""State machines: Hypothesis draws a program of rules and its schedule, and the whole of it is one controlled run."""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, TypedDict, TypeVar, Unpack, cast

from hypothesis import stateful
from hypothesis.stateful import INVARIANT_MARKER, RuleBasedStateMachine

from ._brief import brief
from ._errors import InvalidMachine
from ._history import Errors, check_client, check_errors
from ._machine_checks import check_options
from ._model import SequentialModel
from ._run import Backend
from ._schedule import Time
from ._sim import Sim
from ._started import Started
from ._threads import Threads

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
#: Under which an invariant says that it holds at each step.
AT_EACH_STEP = "greenroom_races_at_each_step"


class MachineOptions(TypedDict, total=False):
    """Name the options of a machine's class; `StateMachine` says what they mean."""

    model: type[SequentialModel] | SequentialModel | None
    time: Time
    max_steps: int
    backend: Backend | None
    threads: Threads


def rule(**arguments: Any) -> Callable[[F], F]:
    """Have a function be a rule of a machine: `hypothesis.stateful.rule`, whose own types say that rules are not async."""
    return cast("Callable[[F], F]", stateful.rule(**arguments))


def initialize(**arguments: Any) -> Callable[[F], F]:
    """Have a function be a rule that comes first: `hypothesis.stateful.initialize`, whose own types say that rules are not async."""
    return cast("Callable[[F], F]", stateful.initialize(**arguments))


def at_each_step(invariant: F) -> F:
    """Have an invariant of a machine checked after each step of its program, whatever is in flight then.

    @invariant()
    @races.at_each_step
    def no_key_is_held_twice(self): ...
    """
    known = getattr(invariant, INVARIANT_MARKER, None)
    setattr(invariant if known is None else known.function, AT_EACH_STEP, True)
    return invariant


class StateMachine(RuleBasedStateMachine):
    """Describe what may be done to something, in any order and at the same time; Hypothesis draws programs of it, and their schedules.

        class Bank(races.StateMachine, model=OneAtATime):
            @races.initialize()
            async def opens(self):
                self.till = Till()

            @races.rule(client=st.sampled_from(["ann", "bob"]), amount=st.integers(1, 9))
            def pays_in(self, client, amount):
                self.start(client, self.till.pay_in, amount)

        TestBank = Bank.TestCase

    `precondition`, `invariant`, `Bundle`, `consumes` and `multiple` are those of `hypothesis.stateful`; so are `rule` and `initialize`, but for their
    types. Rules may be async. They follow one another, within one run of the kit, in virtual time; what they `start` goes on meanwhile. After each
    there is one step in which others may go on, and now and then `settle` is called. Who goes on at each choice is drawn, too, and shrunk together
    with the program.

    An invariant is a plain function. It is checked after a step if `is_quiet()`, or after each step with `at_each_step`.

    At the end of a program: `finish()`; all that has been started ends; the invariants; what was entered is left, the last first; the history is held
    against the model, if there is one and some operation has returned; and in any case `teardown()`. Both may be async.

    Options of the class, inherited by those derived from it:
        model: a `SequentialModel` for the history of all that is started; None: there is none.
        time: "exact", or "choice" to let timeouts fire early and late.
        max_steps: steps of tasks after which a program counts as a livelock.
        backend: "hook" or "gate"; None takes the faster one that works.
        threads: "inline", "refuse" or "real", as for `search`.

    Raises:
        InvalidMachine: when it is run: a rule, an invariant or a bundle of it cannot serve; the text says which, and what to do.
        TypeError, ValueError: when it is defined: an option is none.

    Source: rules and bundles are those of Hypothesis; calls of clients at the same time, held against a sequential model, are those of
    Claessen et al., "Finding Race Conditions in Erlang with QuickCheck and PULSE", ICFP 2009.
    """

    #: what knows of the run; there from before `__init__`.
    sim: Sim
    machine_options: ClassVar[MachineOptions] = {}
    _course: Any

    def __init_subclass__(cls, **options: Unpack[MachineOptions]) -> None:
        """Take the options."""
        super().__init_subclass__()
        check_options(cls.__name__, cast("dict[str, Any]", options))
        cls.machine_options = {**cls.machine_options, **options}

    # -- what rules call

    def start(
        self,
        client: str | int,
        call: Callable[..., Any],
        *args: Any,
        name: str | None = None,
        answers: Errors = (),
        fails: Errors = (),
    ) -> Started:
        """Start a call of a client as a task, recorded in `sim.history`, and return at once what knows of it. Plain function.

        A client does one thing at a time: if a call of it is still in flight, this one begins after that.

        Args:
            client: who asks: a name or a number.
            call: what is called, plain or async.
            args: given to it, and recorded.
            name: of the operation; None takes that of `call`.
            answers: errors that are results, as for `History.run`; they do not fail the machine.
            fails: errors that say that it certainly took no effect; they do not fail it either. All others do.

        Raises:
            TypeError: `client`, `call`, `answers` or `fails` is none, or nothing names the operation.
            InvalidMachine: the program has ended.
        """
        check_client("start", client)
        if not callable(call):
            raise TypeError(f"start: what to call is {brief(call)}; give a function, and its arguments after it")
        check_errors("start", answers, fails)
        name = getattr(call, "__name__", None) if name is None else name
        if not isinstance(name, str) or not name:
            raise TypeError(f"start: {brief(call)} has no name; give one, such as name='write'")
        started: Started = self._running("start").calls.start(client, call, args, name, answers, fails)
        return started

    @property
    def in_flight(self) -> tuple[Started, ...]:
        """What has been started and is not over, in the order in which it was started."""
        return tuple(self._running("in_flight").calls.in_flight)

    async def settle(self) -> None:
        """Wait until nothing can go on any more: all that is in flight is over, or waits for time to pass or for a later step.

        Checkpoint: always. No time passes.
        Cancellation: leaves all of it alone.
        """
        await self._running("settle").settle()

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context, such as a tree or a nursery, that is left at the end of the program; return what that returns.

        Checkpoint: as the context.
        Cancellation: as the context; what was not entered is not left.

        Raises:
            TypeError: it is no async context manager.
        """
        if not isinstance(cast("object", context), AbstractAsyncContextManager):
            raise TypeError(f"enter: {brief(context)} is no async context manager")
        entered: T = await self._running("enter").stack.enter_async_context(context)
        return entered

    def _running(self, what: str) -> Any:
        course = getattr(self, "_course", None)
        if course is None or course.is_over:
            when = "before its first step" if course is None else "after its end"
            raise InvalidMachine(f"{type(self).__name__}: {what} was asked for {when}; it is there for rules")
        return course

    # -- what machines may override

    def is_quiet(self) -> bool:
        """Return whether the invariants are to hold now: by default, if nothing is in flight."""
        return not self.in_flight

    def finish(self) -> Awaitable[None] | None:
        """Bring about the ends of what is still in flight, at the end of a program. By default they come by themselves."""
        return None

    def teardown(self) -> Awaitable[None] | None:  # type: ignore[override]  # may be async here
        """Clean up after a program, however it has ended. Nothing is in flight any more, and nothing can be started."""
        return None

    # -- what Hypothesis calls

    def check_invariants(self, *_args: Any, **_others: Any) -> None:
        """Refuse Hypothesis's own way of running a machine.

        Raises:
            InvalidMachine: always.
        """
        name = type(self).__name__
        raise InvalidMachine(
            f"{name}: Hypothesis's run_state_machine_as_test knows no Trio; run {name}.TestCase, or races.run_machine({name})"
        )

    @classmethod
    def _to_test_case(cls) -> Any:  # type: ignore[override]  # what remembers it is elsewhere
        from ._machine_examples import case_of

        return case_of(cls)


def is_at_each_step(function: Any) -> bool:
    """Return whether an invariant is to hold whatever is in flight."""
    return bool(getattr(function, AT_EACH_STEP, False))


async def awaited(result: Any) -> Any:
    """Return what was returned; what it comes to, if it is to be awaited."""
    return await result if inspect.isawaitable(result) else result
