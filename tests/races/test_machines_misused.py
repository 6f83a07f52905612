"""Machines that cannot be run, and what is asked of them wrongly: a clear word each, and no hang."""

import re
import time
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.stateful import Bundle, invariant, precondition, run_state_machine_as_test

from greenroom import races
from greenroom.races import InvalidMachine, InvalidModel, RaceFound, StateMachine, StepEndless

from .machines import RUNS, LockOrder, run

NAMES: Bundle[str] = Bundle("names")


def made(**members: Any) -> type[StateMachine]:
    """Return a machine `Bad` of these."""
    members.setdefault("fine", races.rule()(named("fine")))
    return type("Bad", (StateMachine,), members)


def named(name: str, function: Callable[..., Any] | None = None) -> Any:
    """Return a function under a name."""

    def nothing_at_all(_self: Any) -> None:
        pass

    function = function or nothing_at_all
    function.__name__ = function.__qualname__ = name
    return function


def has_a_yield(_self: Any) -> Generator[None]:
    yield


async def is_async(_self: Any) -> None:
    await trio.lowlevel.checkpoint()


async def async_generator(_self: Any) -> Any:
    yield


ASYNC: Any = is_async


def takes_one(_self: Any, one: int) -> None:
    assert one


def plain(_self: Any) -> None:
    pass


class NeedsMore(StateMachine):
    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    @races.rule()
    def step(self) -> None:
        pass


BAD: list[tuple[Any, str]] = [
    (type("Empty", (StateMachine,), {}), "Empty has no rules; give it some, by @rule()"),
    (made(has_a_yield=races.rule()(has_a_yield)), "Bad.has_a_yield has a `yield`, so it is no rule"),
    (made(async_generator=races.rule()(async_generator)), "Bad.async_generator has a `yield`, so it is no rule"),
    (made(is_async=invariant()(is_async)), "Bad.is_async is async, and nothing may happen while an invariant looks"),
    (made(has_a_yield=invariant()(has_a_yield)), "Bad.has_a_yield has a `yield`, and nothing may happen while an"),
    (
        made(takes_one=races.rule(one=NAMES)(takes_one)),
        "Bad.takes_one draws from the bundle 'names', into which no rule puts anything; give some rule target=names",
    ),
    (made(start=races.rule()(named("start"))), "Bad.start hides a part of races.StateMachine; give the rule"),
    (made(settle=races.rule()(named("settle"))), "Bad.settle hides a part of races.StateMachine"),
    (made(sim=invariant()(named("sim"))), "Bad.sim hides a part of races.StateMachine"),
    (made(other=races.rule()(named("another"))), "Bad.other is named 'another'; a step is told"),
    (made(takes_one=races.rule()(takes_one)), "Bad.takes_one cannot be called with what is drawn for it (nothing): "),
    (
        made(plain=races.rule(two=st.none())(plain)),
        "Bad.plain cannot be called with what is drawn for it (two): got an unexpected keyword argument 'two'",
    ),
    (
        made(plain=races.rule(target=Bundle("no name"))(plain)),
        "Bad.plain puts into the bundle 'no name'; name it as a variable",
    ),
    (made(plain=precondition(ASYNC)(races.rule()(plain))), "Bad.plain has a precondition that is async"),
    (made(plain=precondition(ASYNC)(invariant()(plain))), "Bad.plain has a precondition that is async"),
    (made(plain=precondition(lambda _: True)(plain)), "with @precondition, but not @rule (or @invariant)"),
    (NeedsMore, "NeedsMore() cannot be called: missing a required argument: 'more'; a machine is made without"),
    (StateMachine, "is no machine; give a class of races.StateMachine"),
    (LockOrder(), "is no machine; give a class of races.StateMachine"),
    (dict, "is no machine; give a class of races.StateMachine"),
]


@pytest.mark.parametrize(("machine", "text"), BAD)
def test_a_machine_that_cannot_be_run_is_told_before_anything_runs(machine: Any, text: str) -> None:
    with pytest.raises(InvalidMachine, match=re.escape(text)) as caught:
        races.run_machine(machine)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"model": 3}, InvalidModel, "Bad: the model is 3; give a class of SequentialModel, or an instance"),
        ({"time": "later"}, ValueError, "time is 'later'; give 'exact' or 'choice'"),
        ({"max_steps": 0}, ValueError, "max_steps is 0; give a number from 1"),
        ({"backend": "asyncio"}, ValueError, "backend is 'asyncio'; give 'gate' or 'hook'"),
        ({"threads": "many"}, ValueError, "threads is 'many'; give 'inline', 'refuse' or 'real'"),
        ({"schedules": 3}, TypeError, "Bad: a machine has no option 'schedules'; give some of model, time, max_steps"),
    ],
)
def test_options_of_the_class_are_checked_when_it_is_defined(options: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        types.new_class("Bad", (StateMachine,), options)


def test_options_are_inherited() -> None:
    class First(LockOrder, time="choice", max_steps=50):
        pass

    class Second(First, max_steps=60):
        pass

    assert Second.machine_options == {"time": "choice", "max_steps": 60}
    assert LockOrder.machine_options == {}


def failing(body: Callable[[Any], Any], **members: Any) -> type[StateMachine]:
    """Return a machine with one rule."""
    return type("Bad", (StateMachine,), {"step": races.rule()(named("step", body)), **members})


def nothing(*_: Any) -> None:
    pass


NOTHING: Any = nothing
WRONG: list[tuple[Callable[[Any], Any], str]] = [
    (lambda self: self.start("ann", 3), "TypeError: start: what to call is 3; give a function, and its arguments"),
    (lambda self: self.start("ann", nothing, answers="x"), "TypeError: start: answers is 'x'; give a class of errors"),
    (lambda self: self.start("ann", nothing, name=""), "TypeError: start: <function nothing"),
    (lambda self: self.start("ann", nothing, name=3), "has no name; give one, such as name='write'"),
    (lambda self: self.start(None, nothing), "TypeError: history: the client is None; give a name or a number"),
    (lambda self: self.enter(3), "TypeError: enter: 3 is no async context manager"),
    (lambda _: trio.run(trio.sleep, 0), "RuntimeError: Attempted to call run() from inside a run()"),
    (lambda _: races.run(NOTHING), "TypeError: run: nothing is no async function"),
    (
        lambda _: races.run_machine(LockOrder),
        "RuntimeError: run_machine: called within Trio; each run is a Trio run of",
    ),
]


@pytest.mark.parametrize(("body", "text"), WRONG)
def test_what_a_rule_does_wrongly_fails_it_with_a_clear_word(body: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(RaceFound) as caught:
        run(failing(body), settings(RUNS, max_examples=3))
    assert text in str(caught.value)


def test_a_rule_that_blocks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenroom.races._watcher.STEP_PATIENCE", 0.05)
    ends = time.monotonic() + 20

    def blocks(_self: Any) -> None:
        while time.monotonic() < ends:
            pass

    with pytest.raises(RaceFound, match="hung: ") as caught:
        run(failing(blocks), settings(RUNS, max_examples=1, stateful_step_count=1))
    assert isinstance(caught.value.__cause__, StepEndless)


def test_an_invariant_that_returns_something_to_await_is_no_failure_but_a_wrong_machine() -> None:
    text = re.escape("Bad: looks returned <coroutine object is_async")

    def looks(self: Any) -> Any:
        return is_async(self)

    bad = failing(nothing_of, looks=invariant()(looks))
    with pytest.raises(InvalidMachine, match=text):
        run(bad, settings(RUNS, max_examples=3))


def nothing_of(_self: Any) -> None:
    pass


def test_a_program_that_cannot_go_on_is_told_with_its_steps() -> None:
    class Once(StateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.is_done = False

        @precondition(lambda self: not self.is_done)
        @races.rule()
        def once(self) -> None:
            self.is_done = True

    text = (
        "Once: there is no rule that could be next, as all have preconditions or bundles that do not allow it (once); "
        "the program so far: await state.once()"
    )
    with pytest.raises(InvalidMachine, match=re.escape(text)):
        run(Once, settings(RUNS, max_examples=3))


def test_where_a_rule_is_possible_only_after_what_is_in_flight_it_is_waited_for() -> None:
    class Later(StateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.is_free = True

        async def use(self) -> None:
            await trio.lowlevel.checkpoint()
            self.is_free = True

        @precondition(lambda self: self.is_free)
        @races.rule()
        def uses(self) -> None:
            self.is_free = False
            self.start("ann", self.use)

    lines: list[str] = []
    run(Later, settings(RUNS, max_examples=20), lambda _, told: lines.extend(told))
    assert set(lines) == {"await state.uses()", "await state.settle()"}


@pytest.mark.parametrize("when", ["before its first step", "after its end"])
def test_what_is_for_rules_is_refused_before_and_after(when: str) -> None:
    class Early(StateMachine):
        def __init__(self) -> None:
            super().__init__()
            if when.startswith("before"):
                self.start("ann", nothing)

        @races.rule()
        def step(self) -> None:
            pass

        def teardown(self) -> None:
            self.start("ann", nothing)

    with pytest.raises(InvalidMachine, match=f"Early: start was asked for {when}; it is there for rules"):
        run(Early, settings(RUNS, max_examples=2))


def test_hypothesiss_own_runner_is_refused() -> None:
    text = (
        "LockOrder: Hypothesis's run_state_machine_as_test knows no Trio; run LockOrder.TestCase, or races.run_machine"
    )
    with pytest.raises(InvalidMachine, match=re.escape(text)):
        run_state_machine_as_test(LockOrder, settings=settings(RUNS, max_examples=2))


def test_settings_that_are_none_are_refused() -> None:
    with pytest.raises(TypeError, match=r"run_machine: the settings are 3; give an instance of hypothesis.settings"):
        races.run_machine(LockOrder, settings=3)  # type: ignore[arg-type]


def test_what_is_no_bundle_is_refused_by_hypothesis() -> None:
    with pytest.raises(InvalidArgument):
        races.rule(name="names")
    with pytest.raises(InvalidArgument):
        races.rule(target="names")(nothing_of)


def test_a_program_that_is_pasted_is_checked() -> None:
    async def program(sim: Any, machine: Any, step: str, arguments: Any) -> None:
        async with races.open_machine(machine, sim) as state:
            await getattr(state, step)(**arguments)

    def error_of(*args: Any) -> str:
        result = races.run(program, *args)
        return f"{type(result.error).__name__}: {result.error}"

    assert error_of(LockOrder, "takes", {"client": "ann", "first": 0}) == "NoneType: None"
    assert error_of(LockOrder, "gives", {}) == "AttributeError: LockOrder has no rule 'gives'; there are takes, settle"
    assert "missing" in error_of(LockOrder, "takes", {"client": "ann"})
    assert error_of(dict, "takes", {}).startswith("InvalidMachine: <class 'dict'> is no machine")

    async def without_sim(_sim: Any) -> None:
        async with races.open_machine(LockOrder, None):  # type: ignore[arg-type]
            pass

    assert str(races.run(without_sim).error) == "open_machine: the sim is None; give the one that the scenario got"
