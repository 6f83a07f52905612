"""A bug of the runtime itself tears the tree down: it has to end, whatever is being carried out, and say what happened."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorRef, Agent, Context, Service, Shutdown
from greenroom.actors import _pool
from greenroom.testing import open_tree

Log = list[Any]


class Bug(Exception):
    pass


class Sleeps(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep_forever()


class Closes(Actor[Any]):
    """Have a hook, so that its end is carried out by a worker, step by step."""

    def receive(self, message: Any, ctx: Context) -> None:
        ctx.stop()

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        pass


class Starts(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


@asynccontextmanager
async def connection(seconds: float, log: Log) -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
        finally:
            log.append("service")


async def clings() -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(60.0)


class Undoes(Actor[Any]):
    """Take its time for one part of its end."""

    own_task = True

    def __init__(self, part: str, log: Log) -> None:
        self.part, self.log = part, log

    def services(self) -> Any:
        return [Service("a", connect=lambda: connection(60.0 if self.part == "services" else 0.0, self.log))]

    async def receive(self, message: Any, ctx: Context) -> None:
        if self.part == "children":
            self.log.append(ctx.start_soon(Sleeps, shutdown=None, mail="sleep"))
        elif self.part == "background":
            ctx.run_in_background(clings)
        elif self.part == "start":
            await ctx.start(Starts, shutdown=None)
        elif self.part == "turn":
            await trio.sleep_forever()

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        try:
            if self.part == "hook":
                await trio.sleep_forever()
        finally:
            self.log.append("hook")


@pytest.mark.parametrize("part", ["background", "children", "hook", "services", "start", "turn", "nothing"])
@pytest.mark.parametrize("is_ending", [False, True])
async def test_p27_a_bug_of_a_worker_ends_the_tree_whatever_a_solo_is_carrying_out(
    part: str, monkeypatch: pytest.MonkeyPatch, *, is_ending: bool
) -> None:
    log: Log = []
    refs: list[ActorRef[Any]] = []

    async def raises(*_: object) -> None:
        raise Bug

    async def life() -> None:
        async with open_tree("stage") as root:
            refs.append(await root.start(Undoes, part, log, shutdown=None, name="solo"))
            refs[0].tell("begin")
            await wait_all_tasks_blocked()
            if is_ending:
                refs[0].request_stop()
                await wait_all_tasks_blocked()
            monkeypatch.setattr(_pool, "end_incarnation", raises)
            root.start_soon(Closes, mail="end")
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await life()
    found = caught.value.split(Bug)
    assert found[0] is not None
    assert found[1] is None
    refs += [each for each in log if isinstance(each, ActorRef)]
    assert [ref.lifecycle for ref in refs] == ["stopped"] * (2 if part == "children" else 1)
    assert "service" in log


class Rests(Agent[Any]):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep_forever()


async def test_p27_an_agent_that_is_being_put_to_rest_then_ends_as_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    refs: list[ActorRef[Any]] = []

    async def raises(*_: object) -> None:
        raise Bug

    async def life() -> None:
        async with open_tree("stage") as root:
            refs.append(await root.start(Rests, shutdown=None))
            refs[0].rest()
            await wait_all_tasks_blocked()
            monkeypatch.setattr(_pool, "end_incarnation", raises)
            root.start_soon(Closes, mail="end")
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await life()
    assert [(ref.lifecycle, ref.exit_reason) for ref in refs] == [("stopped", Shutdown())]
