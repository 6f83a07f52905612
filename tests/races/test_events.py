"""Events: what a run notes of itself, one by one, from which the story and the pictures are made."""

from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Event, Schedule, Sim
from greenroom.races._event import LINES

from .pictures import events_of
from .test_story import everything


@pytest.mark.parametrize("backend", ["hook", "gate"])
def test_all_kinds_of_events_know_who_and_to_whom(backend: Any) -> None:
    events = events_of(races.run(everything, backend=backend))
    told = [(event.kind, event.who, event.to, event.what) for event in events]
    me = "0:everything"
    for fact in (
        ("register", me, "/stage", ""),
        ("ready", "/stage", "", "ready"),
        ("send", me, "/stage/passes", "1"),
        ("urgent", me, "/stage/counter", "'boom'"),
        ("startup", "/stage/counter", "", ""),
        ("receive", "/stage/counter", "", "'boom'"),
        ("crash", "/stage/counter", "", "crashed: ValueError: boom"),
        ("shutdown", "/stage/counter", "", ""),
        ("restart", "/stage/counter", "", "restarting"),
        ("report", "/stage/counter", "/stage", "ChildEnded"),
        ("ask", me, "/stage/counter", "Get()"),
        ("answer", "/stage/counter", me, "2"),
        ("turn", me, "/stage/writer", "'now'"),
        ("has a turn", "/stage/writer", "", ""),
        ("order", me, "/stage/passes", "stop"),
        ("end", "/stage/passes", "", "stopped"),
        ("life", "/stage", "", "stopping"),
    ):
        assert fact in told, f"{fact} is not among {told}"


def test_the_story_is_made_of_the_events() -> None:
    result = races.run(everything)
    assert result.notes is not None
    events = [event for event in events_of(result) if event.kind in LINES]
    assert result.notes.story == tuple((event.at, str(event)) for event in events)
    assert str(Event("step", "0:a", place="at x.py:1 in a")) == ""


def test_each_step_is_noted_with_its_number_its_choice_and_its_place() -> None:
    result = races.run(everything)
    steps = [event for event in events_of(result) if event.kind == "step"]
    assert [event.step for event in steps] == list(range(1, result.steps + 1))
    chosen = [event for event in steps if event.choice is not None]
    assert [event.choice for event in chosen] == [each for each in result.choices if each.kind == "task"]
    assert all(event.choice is result.choices[event.at] for event in chosen)
    assert all(event.choice is not None and event.who == event.choice.labels[event.choice.index] for event in chosen)
    assert result.notes is not None
    assert {event.at: event.place for event in chosen} == dict(result.notes.places)
    assert not any(event.deviates for event in steps)


def test_the_time_is_that_of_the_run() -> None:
    async def sleeps(sim: Sim) -> None:
        await trio.sleep(1.5)
        await trio.sleep(2)

    events = events_of(races.run(sleeps))
    assert [(event.kind, event.time) for event in events] == [
        ("step", 0.0), ("time", 1.5), ("step", 1.5), ("time", 3.5), ("step", 3.5),
    ]  # fmt: skip


async def wakes(sim: Sim) -> None:
    event = trio.Event()

    async def waiter() -> None:
        await event.wait()
        await trio.lowlevel.checkpoint()
        await trio.sleep(1)

    async def setter() -> None:
        await trio.lowlevel.checkpoint()
        event.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter)
        nursery.start_soon(setter)


@pytest.mark.parametrize("backend", ["hook", "gate"])
def test_who_makes_whom_ready_is_noted(backend: Any) -> None:
    events = events_of(races.run(wakes, backend=backend))
    steps = [(event.step, event.who, event.woken, event.since) for event in events if event.kind == "step"]
    assert steps == [
        (1, "0:wakes", "", 0),
        (2, "1:waiter", "0:wakes", 1),
        (3, "2:setter", "0:wakes", 1),
        (4, "2:setter", "", 0),
        (5, "1:waiter", "2:setter", 4),
        (6, "1:waiter", "", 0),
        (7, "1:waiter", "", 0),  # by time
        (8, "0:wakes", "1:waiter", 7),
    ]


def test_other_choices_than_of_steps_are_noted_in_the_task_that_came_to_them() -> None:
    async def chooses(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        sim.choose("ab")

    result = races.run(chooses, schedule=Schedule({0: 1}))
    [event] = [event for event in events_of(result) if event.kind == "choice"]
    assert (event.who, event.what, event.at, event.step, event.deviates) == ("0:chooses", "data: 'b'", 0, 2, True)


def test_what_the_kit_does_to_end_a_run_is_not_noted() -> None:
    async def stuck(sim: Sim) -> None:
        try:
            await trio.sleep_forever()
        finally:
            sim.choose("ab")

    result = races.run(stuck)
    assert result.verdict == "deadlock"
    kinds = [event.kind for event in events_of(result)]
    assert kinds == ["step", "wait"]


def test_of_a_group_each_error_is_noted_in_its_task() -> None:
    async def both(sim: Sim) -> None:
        async def breaks(error: Exception) -> None:
            raise error

        async with trio.open_nursery() as nursery:
            nursery.start_soon(breaks, KeyError("one"))
            nursery.start_soon(breaks, ValueError("two"))

    events = [event for event in events_of(races.run(both)) if event.kind == "raise"]
    assert [(event.who, event.what) for event in events] == [
        ("1:breaks", "KeyError: 'one'"),
        ("2:breaks", "ValueError: two"),
    ]


def test_what_is_raised_again_elsewhere_is_of_the_task_that_raised_it_first() -> None:
    async def outer(sim: Sim) -> None:
        async def breaks() -> None:
            raise KeyError("one")

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(breaks)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    [event] = [event for event in events_of(races.run(outer)) if event.kind == "raise"]
    assert (event.who, event.what, event.step) == ("1:breaks", "KeyError: 'one'", 2)
    assert event.place.endswith(" in breaks")


def test_each_of_many_asked_at_once_is_noted_with_its_answer() -> None:
    """Also where they lie in one mailbox as one thing."""
    from greenroom import Actor, Context, ask_many, open_supervisor

    class Hears(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            return message.upper() if message != "what" else ctx.mail and ctx.mail.seq

    async def asks(sim: Sim) -> None:
        async with open_supervisor("hall") as hall:
            ears: list[Any] = [hall.start_soon(Hears, name=name) for name in ("left", "right")]
            requests: list[Any] = [(ears[0], "who"), (ears[1], "when"), (ears[0], "what"), (ears[0], "why")]
            await ask_many(requests)

    events = events_of(races.run(asks))
    asked = [(event.who, event.to, event.what) for event in events if event.kind == "direct ask"]
    assert asked == [
        ("0:asks", "/hall/left", "'who'"),
        ("0:asks", "/hall/left", "'what'"),
        ("0:asks", "/hall/left", "'why'"),
        ("0:asks", "/hall/right", "'when'"),
    ]
    answers = [(event.who, event.to, event.what) for event in events if event.kind == "answer"]
    assert sorted(answers) == [
        ("/hall/left", "0:asks", "'WHO'"),
        ("/hall/left", "0:asks", "'WHY'"),
        ("/hall/left", "0:asks", "2"),
        ("/hall/right", "0:asks", "'WHEN'"),
    ]


def test_who_asks_past_the_long_way_is_noted_and_not_told() -> None:
    """The story had no line of it before there were events, and tokens say nothing of it."""
    from greenroom import Actor, Context, open_supervisor

    class Hears(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            return message

    async def asks(sim: Sim) -> None:
        async with open_supervisor("hall") as hall:
            ear: Any = hall.start_soon(Hears, name="ear")
            await ear.ask("who?")

    result = races.run(asks)
    [event] = [event for event in events_of(result) if event.kind == "direct ask"]
    assert (event.who, event.to, event.what, str(event)) == ("0:asks", "/hall/ear", "'who?'", "")
    assert result.notes is not None
    assert not any("asks" in line for _, line in result.notes.story if "->" in line)
