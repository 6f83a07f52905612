import gc
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Agent, ChildEnded, Context, Crashed, Killed, OwnTaskNeeded, Shutdown, StartupFailed, Turn
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
        assert await holder.stop() == Shutdown()


class Host(Actor[Any]):
    """Keep a nursery open from its startup to its shutdown."""

    own_task = True

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def startup(self, ctx: Context) -> None:
        self.manager = trio.open_nursery()
        self.nursery = await self.manager.__aenter__()
        self.nursery.start_soon(self.serve)

    async def serve(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self.log.append("served")

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            self.nursery.start_soon(self.fail, message)
            await trio.sleep_forever()
        if message == "hold":
            self.other = trio.open_nursery()
            (await self.other.__aenter__()).start_soon(self.serve)
        if message == "wait":
            await trio.sleep_forever()
        return message

    async def fail(self, error: Exception) -> None:
        raise error

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(0.5)
        self.log.append("shut down")
        self.nursery.cancel_scope.cancel()
        await self.manager.__aexit__(None, None, None)


class Forgetful(Host):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        """Leave all open."""


class Slow(Host):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep_forever()


async def test_what_startup_opens_is_open_over_messages_and_closed_by_shutdown() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Host, log)
        assert [await host.ask(n) for n in range(3)] == [0, 1, 2]
        assert log == []
        assert await host.stop() == Shutdown()
        assert log == ["shut down", "served"]


async def test_a_scope_that_startup_opens_is_left_by_shutdown() -> None:
    class Scoped(Actor[Any]):
        own_task = True

        async def startup(self, ctx: Context) -> None:
            self.scope = trio.CancelScope()
            self.scope.__enter__()

        async def receive(self, message: Any, ctx: Context) -> Any:
            await trio.sleep(1)
            return message

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(1)
            self.scope.__exit__(None, None, None)

    async with open_tree("stage") as root:
        scoped = await root.start(Scoped)
        assert await scoped.ask(1) == 1
        assert await scoped.stop() == Shutdown()


async def test_a_startup_that_is_cut_short_has_its_shutdown_all_the_same() -> None:
    log: list[Any] = []

    class Starting(Actor[Any]):
        own_task = True

        async def startup(self, ctx: Context) -> None:
            await trio.sleep_forever()

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(1)
            log.append("shut down")

    async with open_tree("stage") as root:
        starting = root.start_soon(Starting)
        await settle()
        await starting.stop()
        assert log == ["shut down"]


async def test_an_interrupted_message_leaves_open_what_startup_opened() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Host, log)
        host.tell("wait")
        await settle()
        await host.interrupt()
        assert await host.ask(1) == 1
        assert log == []
        assert await host.stop() == Shutdown()


async def test_what_a_shutdown_opens_and_leaves_open_in_a_task_of_its_own_is_closed() -> None:
    class Opening(Agent):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            """Do nothing."""

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            (await trio.open_nursery().__aenter__()).start_soon(trio.sleep_forever)

    async with open_tree("stage") as root:
        opening = await root.start(Opening)
        assert await opening.stop() == Shutdown()


async def test_a_kill_closes_what_startup_opened() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Host, log)
        host.tell("wait")
        await settle()
        await host.kill()
        assert log == ["shut down", "served"]


async def test_what_shutdown_leaves_open_is_closed_for_it() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Forgetful, log)
        assert await host.stop() == Shutdown()
        assert log == ["served"]


async def test_a_shutdown_that_takes_too_long_with_something_open_is_cancelled_and_that_is_closed() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Slow, log, shutdown=2.0)
        begun = trio.current_time()
        reason = await host.stop()
        assert trio.current_time() - begun == 2.0
        assert isinstance(reason, Killed)
        assert log == ["served"]


class Quick(Host):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await self.manager.__aexit__(None, None, None)


@pytest.mark.parametrize("kind", [Host, Quick, Forgetful])
async def test_a_task_that_fails_in_what_startup_opened_ends_the_actor_with_its_error(kind: type[Host]) -> None:
    """Whether its shutdown is cancelled by that as well, closes it, or leaves it open."""
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(kind, log)
        host.tell(OSError("task"))
        reason = await host.wait_stopped()
        assert isinstance(reason, Crashed)
        assert "OSError: task" in reason.cause
        root.reports.drain()


async def test_what_a_message_leaves_open_is_closed_and_the_actor_crashes_for_it() -> None:
    """The tree goes on; before, such an actor tore it down."""
    log: list[Any] = []
    async with open_tree("stage") as root:
        host = await root.start(Host, log, restart="permanent")
        host.tell("hold")
        await trio.sleep(1)
        assert log == ["served", "shut down", "served"]
        assert host.incarnation == 2
        assert await host.ask(1) == 1
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert isinstance(report.reason, Crashed)
        assert isinstance(report.reason.error, OwnTaskNeeded)
        assert "opened by `startup`" in str(report.reason.error)


async def test_a_tree_that_is_cancelled_closes_what_its_actors_have_open() -> None:
    log: list[Any] = []
    with trio.CancelScope() as scope:
        async with open_tree("stage") as root:
            await root.start(Host, log)
            scope.cancel()
    assert log == ["shut down", "served"]


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
