import gc
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Context, Crashed, OwnTaskNeeded, StartupFailed
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Holder(Actor[Any]):
    """Leave a nursery open after a message, as nobody in a shared task may."""

    def __init__(self, where: str = "suspended") -> None:
        self.where = where
        self.managers: list[Any] = []

    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "hold":
            manager = trio.open_nursery()
            nursery = await manager.__aenter__()
            self.managers.append(manager)
            nursery.start_soon(trio.sleep_forever)
            if self.where == "suspended":
                await trio.lowlevel.checkpoint()


class Plain(Actor[Any]):
    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        self.kept.append(message)


@pytest.mark.parametrize("where", ["suspended", "at once"])
async def test_a_plain_actor_that_leaves_a_nursery_open_is_told_to_have_its_own_task(where: str) -> None:
    """And the pool survives: the others go on, before and after."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        plain = root.start_soon(Plain, kept)
        holder = root.start_soon(Holder, where)
        plain.tell("before")
        await settle()
        holder.tell("hold")
        plain.tell("beside")
        await settle()
        reason = holder.exit_reason
        assert isinstance(reason, Crashed)
        assert isinstance(reason.error, OwnTaskNeeded)
        assert "own_task = True" in str(reason.error)
        assert holder.path in str(reason.error)
        for number in range(10):
            plain.tell(number)
        others = [root.start_soon(Plain, kept) for _ in range(10)]
        for other in others:
            other.tell("other")
        await settle()
        assert kept[:2] == ["before", "beside"]
        assert kept.count("other") == 10
        assert [each for each in kept if isinstance(each, int)] == list(range(10))
        root.reports.drain()
    gc.collect()


async def test_a_nursery_left_open_by_a_startup_is_found_too() -> None:
    kept: list[Any] = []

    class Opener(Plain):
        async def startup(self, ctx: Context) -> None:
            self.manager = trio.open_nursery()
            await self.manager.__aenter__()
            await trio.lowlevel.checkpoint()

    async with open_tree("stage", dead_letters={"startup failed": 1}) as root:
        opener = root.start_soon(Opener, kept)
        opener.tell("mail")
        plain = root.start_soon(Plain, kept)
        plain.tell("plain")
        await settle()
        reason = opener.exit_reason
        assert isinstance(reason, (Crashed, StartupFailed))
        assert isinstance(reason.error, OwnTaskNeeded)
        plain.tell("again")
        await settle()
        assert kept == ["plain", "again"]
        root.reports.drain()


async def test_an_actor_with_its_own_task_may_hold_what_it_likes() -> None:
    class OwnHolder(Holder):
        own_task = True

        async def receive(self, message: Any, ctx: Context) -> None:
            if message == "let go":
                manager = self.managers.pop()
                manager._nursery.cancel_scope.cancel()
                await manager.__aexit__(None, None, None)
            else:
                await super().receive(message, ctx)

        async def startup(self, ctx: Context) -> None:
            self.manager = trio.open_nursery()
            self.nursery = await self.manager.__aenter__()
            self.nursery.start_soon(trio.sleep_forever)

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            self.nursery.cancel_scope.cancel()
            await self.manager.__aexit__(None, None, None)

    async with open_tree("stage") as root:
        holder = root.start_soon(OwnHolder)
        holder.tell("mail")
        await settle()
        assert holder.lifecycle == "ready"
        await holder.stop()


async def test_a_nursery_that_a_handler_closes_itself_is_no_trouble() -> None:
    done: list[Any] = []

    class Tidy(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 1)
            done.append(message)

    async with open_tree("stage") as root:
        ref = root.start_soon(Tidy)
        ref.tell("a")
        ref.tell("b")
        await trio.sleep(5)
        assert done == ["a", "b"]


@pytest.mark.parametrize("end", ["interrupt", "crash", "stop"])
async def test_a_nursery_that_is_open_when_the_handler_is_cut_short_is_closed_too(end: str) -> None:
    kept: list[Any] = []

    class Waiting(Plain):
        async def receive(self, message: Any, ctx: Context) -> None:
            self.manager = trio.open_nursery()
            await self.manager.__aenter__()
            if end == "crash":
                raise OSError("crash")
            await trio.sleep_forever()

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            self.other = trio.open_nursery()
            await self.other.__aenter__()

    async with open_tree("stage") as root:
        waiting = root.start_soon(Waiting, kept, shutdown=1.0)
        waiting.tell("x")
        await settle()
        if end == "interrupt":
            await waiting.interrupt()
        elif end == "stop":
            await waiting.stop()
        await settle()
        assert waiting.lifecycle == "stopped"
        plain = root.start_soon(Plain, kept)
        plain.tell("plain")
        await settle()
        assert kept == ["plain"]
        root.reports.drain()
