"""What actors do is told between the choices: sends, receives, starts, crashes, restarts, ends."""

import sys
from typing import Any

import pytest
import trio

from greenroom import Actor, Agent, Context, Request, Turn, open_supervisor, races
from greenroom.races import Sim


class Get(Request[int]):
    def __repr__(self) -> str:
        return "Get()"


class Ugly:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Counter(Actor[Any]):
    n = 0

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        if isinstance(message, Get):
            return self.n
        if message == "boom":
            raise ValueError("boom")
        self.n += 1
        return None

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.lowlevel.checkpoint()


class Passes(Actor[Any]):
    def __init__(self, to: Any) -> None:
        self.to = to

    def receive(self, message: Any, ctx: Context) -> None:
        ctx.tell(self.to, message)


class Once(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        ctx.stop()


class Writer(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        await trio.lowlevel.checkpoint()


async def reads(ctx: Context) -> None:
    assert await ctx.receive() == "a line"


async def everything(sim: Sim) -> None:
    async with open_supervisor("stage") as stage:
        counter = stage.start_soon(Counter, name="counter", restart="permanent")
        passes = stage.start_soon(Passes, counter, name="passes")
        writer = stage.start_soon(Writer, name="writer")
        reader = stage.start_soon(reads, name="reader")
        passes.tell(1)
        counter.tell("boom", urgent=True)
        writer.tell("write")
        reader.tell("a line")
        await trio.sleep(1)
        counter.tell(Ugly())
        assert await counter.ask(Get()) >= 1
        await writer.run_turn("now")
        await passes.stop()
        passes.try_tell("late")


def story_of(scenario: Any, **options: Any) -> list[str]:
    result = races.run(scenario, **options)
    assert not result.failed, result.error
    assert result.notes is not None
    assert [at for at, _ in result.notes.story] == sorted(at for at, _ in result.notes.story)
    return [line for _, line in result.notes.story]


@pytest.mark.parametrize("backend", ["hook", "gate"])
def test_it_tells_who_did_what(backend: Any) -> None:
    story = story_of(everything, backend=backend)
    rest = iter(story)
    for line in (
        "0:everything registers /stage",
        "/stage is ready",
        "0:everything registers /stage/counter",
        "0:everything -> /stage/passes: 1",
        "0:everything -> /stage/counter: urgent 'boom'",
        "/stage/counter starts up",
        "/stage/counter is ready",
        "/stage/counter receives 'boom'",
        "/stage/counter is to end: crashed: ValueError: boom",
        "/stage/counter shuts down",
        "/stage/counter is restarting",
        "ChildEnded of /stage/counter is posted to /stage",
        "/stage/counter starts up",
        "0:everything -> /stage/counter: <Ugly, whose repr raises RuntimeError>",
        "0:everything -> /stage/counter: asks Get()",
        "/stage/counter receives <Ugly, whose repr raises RuntimeError>",
        "/stage/counter receives Get()",
        "/stage/counter answers: 2",
        "0:everything -> /stage/writer: starts a turn with 'now'",
        "/stage/writer has a turn",
        "0:everything tells /stage/passes to stop",
        "/stage/passes is stopped",
        "0:everything tells /stage to stop",
        "/stage/counter shuts down",
        "/stage is stopped",
    ):
        assert line in rest, f"{line!r} is not told, or not there:\n" + "\n".join(story)
    assert "/stage/passes -> /stage/counter: 1" in story
    assert "/stage/reader receives 'a line'" in story
    assert story.count("/stage/counter receives Get()") == 1  # not once for each time it goes on


def test_the_end_of_a_child_on_which_nothing_hangs_is_told_as_any_other() -> None:
    async def scenario(sim: Sim) -> None:
        async with open_supervisor("stage") as stage:
            light = stage.start_soon(Once, name="light")
            light.tell("go")
            await stage.reports.receive()

    story = story_of(scenario)
    told = ["/stage/light receives 'go'", "ChildEnded of /stage/light is posted to /stage", "/stage/light is stopped"]
    assert [line for line in story if line in told] == told


def test_a_profiler_of_the_user_is_back_afterwards() -> None:
    def profile(*_: Any) -> None: ...

    sys.setprofile(profile)
    try:
        races.run(everything)
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


def test_a_run_that_is_told_of_goes_the_same_way_as_one_that_is_not() -> None:
    from greenroom.races._decider import Follow
    from greenroom.races._run import run_once

    assert races.run(everything).fingerprint == run_once(everything, (), Follow({})).fingerprint


def test_without_actors_there_is_no_story() -> None:
    async def plain(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()

    assert story_of(plain) == []
