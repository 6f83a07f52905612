"""What a scenario gives to be called between two steps: who calls it, what it may do there, and how it is told and drawn."""

from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
import trio

from greenroom import Actor, Context, open_supervisor, races
from greenroom.races import Injection, Schedule, Sim

from .pictures import drawn, events_of, lanes_of, row_at, texts_of

each_backend = pytest.mark.parametrize("backend", ["gate", "hook"])


async def work(steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()


async def stopped(sim: Sim) -> None:
    """A handler stops a worker, which is one step too early at choice 1."""
    scope = trio.CancelScope()
    sim.external(scope.cancel)
    with scope:
        await work(3)
        return
    raise LookupError("stopped")


# -- who calls


@each_backend
@pytest.mark.parametrize("which", ["external", "always", "eventually"])
def test_it_is_called_by_no_task_whenever_that_is(which: str, backend: Any) -> None:
    def asks() -> bool:
        with pytest.raises(RuntimeError, match="must be called from async context"):
            trio.lowlevel.current_task()
        return True

    async def scenario(sim: Sim) -> None:
        options: dict[str, Any] = {"within": 1} if which == "eventually" else {}
        getattr(sim, which)(asks, **options)
        task = trio.lowlevel.current_task()
        await work(3)
        assert trio.lowlevel.current_task() is task

    for at in range(-1, 4):
        result = races.run(scenario, backend=backend, schedule=Schedule({at: 1} if at >= 0 else {}))
        assert result.error is None


@each_backend
def test_it_has_no_lock_of_the_task_that_took_the_last_step(backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        lock = trio.Lock()
        sim.external(lock.release)
        async with lock:
            await work(2)

    result = races.run(scenario, backend=backend, schedule=Schedule({0: 1}))
    assert str(result.error) == "must be called from async context"


@each_backend
def test_a_cancellation_that_is_tried_out_is_asked_for_by_nobody(backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        async def victim() -> None:
            with sim.scope("victim"):
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(victim)
            nursery.start_soon(work, 3)

    schedule = Schedule(injection=Injection("cancel", "victim", 2))
    result = races.run(scenario, backend=backend, schedule=schedule)
    assert result.error is None
    ended = [event for event in events_of(result) if event.kind == "step" and event.who == "1:victim"][-1]
    assert (ended.step, ended.woken, ended.since) == (5, "", 0)


class Hears(Actor[int]):
    async def receive(self, message: int, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()


async def told_from_outside(sim: Sim) -> None:
    async with open_supervisor("stage") as stage:
        ear = stage.start_soon(Hears, name="ear")
        sim.external(lambda: ear.tell(1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, 2)
            nursery.start_soon(work, 2)
        await trio.sleep(1)


@each_backend
def test_mail_from_outside_is_told_and_drawn_as_such_whenever_it_comes(backend: Any) -> None:
    times = 0
    for at, choice in enumerate(races.run(told_from_outside, backend=backend).choices):
        if "external 0:<lambda>" in choice.labels:
            times += 1
            there = choice.labels.index("external 0:<lambda>")
            result = races.run(told_from_outside, backend=backend, schedule=Schedule({at: there}))
            [send] = [event for event in events_of(result) if event.kind == "send"]
            assert (send.who, send.to) == ("outside", "/stage/ear")
            assert "outside" in lanes_of(drawn(result))
    assert times > 8


# -- how it is told, and drawn


@each_backend
def test_the_choice_is_of_what_was_called_and_of_no_step(backend: Any) -> None:
    result = races.run(stopped, backend=backend, schedule=Schedule({1: 1}))
    assert isinstance(result.error, LookupError)
    [called] = [event for event in events_of(result) if event.choice is result.choices[1]]
    assert (called.kind, called.who, called.what) == ("injection", "outside", "external 0:CancelScope.cancel is called")
    assert called.deviates
    assert (called.at, called.step) == (1, 2)
    assert result.notes is not None
    assert (1, "external 0:CancelScope.cancel is called") in result.notes.story
    root = drawn(result)
    row = row_at(root, "external 0:CancelScope.cancel is called")
    assert row.get("class") == "row deviates mark"
    assert not any("instead of" in text for text in texts_of(root))


@pytest.mark.parametrize("time", ["exact", "choice"])
def test_each_choice_that_a_task_was_chosen_at_has_its_place(time: Any) -> None:
    async def scenario(sim: Sim) -> None:
        sim.external(int)
        with trio.move_on_after(5):
            await work(2)
        await trio.sleep(1)

    result = races.run(scenario, time=time)
    assert result.notes is not None
    of_tasks = [at for at, choice in enumerate(result.choices) if choice.labels[choice.index] == "0:scenario"]
    assert len(of_tasks) >= 2
    assert [at for at in of_tasks if "test_callbacks.py" in result.notes.places[at]] == of_tasks


@each_backend
def test_what_breaks_a_run_between_two_steps_is_marked_in_the_lane_of_who_went_last(backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        state = [0]
        sim.always(lambda: state[0] < 2)

        async def count() -> None:
            await work(1)
            state[0] += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            nursery.start_soon(count)

    result = races.run(scenario, backend=backend)
    last = events_of(result)[-1]
    assert (last.kind, last.who, last.step) == ("raise", "2:count", result.steps)
    assert last.what.startswith("sim.always: <lambda> (test_callbacks.py:")
    row = row_at(drawn(result), "fails: sim.always: ")
    assert row.get("class") == "row error"


def test_of_a_deadlock_no_more_is_marked_than_who_waits() -> None:
    async def scenario(_sim: Sim) -> None:
        await trio.sleep_forever()

    assert [event.kind for event in events_of(races.run(scenario))] == ["step", "wait"]


# -- what may be given, and when


@each_backend
def test_a_mock_is_a_function_like_any_other(backend: Any) -> None:
    mock, predicate = Mock(), Mock(return_value=True)

    async def scenario(sim: Sim) -> None:
        sim.external(mock)
        sim.always(predicate)
        await trio.sleep(1)

    result = races.run(scenario, backend=backend)
    assert result.error is None
    mock.assert_called_once_with()
    assert predicate.called
    assert next(label for choice in result.choices for label in choice.labels) == "external 0:Mock object"


class NoText:
    def __repr__(self) -> str:
        raise ArithmeticError("no text")


class Calls(NoText):
    def __call__(self) -> bool:
        return False


def test_what_has_no_text_is_refused_or_told_all_the_same() -> None:
    async def scenario(sim: Sim) -> None:
        for wrong, text in (
            (NoText(), "<NoText, whose repr raises ArithmeticError> is no function"),
            (AsyncMock(), "async"),
        ):
            with pytest.raises(TypeError, match=text):
                sim.external(wrong)  # type: ignore[arg-type]
        sim.always(Calls())
        await work(1)

    assert "sim.always: Calls object does not hold after step 1" in str(races.run(scenario).error)


DOES: dict[str, Callable[[Sim], Any]] = {
    "always": lambda sim: sim.always(lambda: True),
    "eventually": lambda sim: sim.eventually(lambda: True, within=1),
    "external": lambda sim: sim.external(print),
    "scope": lambda sim: sim.scope("name").__enter__(),
}


ASKS: dict[str, Callable[[Sim], Any]] = {**DOES, "choose": lambda sim: sim.choose([1, 2])}


@each_backend
@pytest.mark.parametrize("name", DOES)
def test_a_predicate_asks_nothing_of_the_sim(name: str, backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        sim.always(lambda: DOES[name](sim) or True)
        await work(1)

    error = races.run(scenario, backend=backend).error
    assert isinstance(error, RuntimeError)
    assert str(error) == f"sim.{name}: called in a predicate, which may look at anything, and changes nothing"


@each_backend
def test_what_comes_from_outside_may_bring_more_and_may_promise(backend: Any) -> None:
    state = [0]

    async def scenario(sim: Sim) -> None:
        def first() -> None:
            state[0] = 1
            sim.external(second)
            sim.always(lambda: state[0])

        def second() -> None:
            state[0] = 2
            sim.eventually(lambda: state[0] == 0, within=1)

        state[0] = 0
        sim.external(first)
        await trio.sleep(1)

    result = races.run(scenario, backend=backend)
    assert state == [2]
    assert "sim.eventually: <lambda> (test_callbacks.py:" in str(result.error)


@pytest.mark.parametrize("name", ASKS)
def test_a_sim_whose_run_is_over_is_refused(name: str) -> None:
    does = ASKS[name]
    sims: list[Sim] = []

    async def scenario(sim: Sim) -> None:
        sims.append(sim)
        does(sims[0])

    text = f"sim.{name}: the run of this sim is over; use the one that the scenario has got"
    races.run(scenario)
    with pytest.raises(RuntimeError, match=text):
        does(sims[0])
    assert str(races.run(scenario).error) == text


@pytest.mark.parametrize("name", [None, True, 3, "", " ", "a b", "1st", b"name", ("a",), 1.5, "a-b", object()])
def test_what_names_no_scope_is_refused(name: Any) -> None:
    async def scenario(sim: Sim) -> None:
        with pytest.raises(ValueError, match=r"sim\.scope: .* is no name; give one of letters and digits"):
            sim.scope(name).__enter__()

    assert races.run(scenario).error is None


@pytest.mark.parametrize("within", [10**400, 1e400, -(10**400)])
def test_a_time_that_is_longer_than_any_number_is_refused(within: Any) -> None:
    async def scenario(sim: Sim) -> None:
        with pytest.raises(ValueError, match=r"sim\.eventually: within is .*; give a number of virtual seconds"):
            sim.eventually(lambda: True, within=within)

    assert races.run(scenario).error is None
