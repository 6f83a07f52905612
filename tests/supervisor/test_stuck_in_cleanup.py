"""Who does not come to an end is reported with what it is stuck in, and not before it has been cancelled (P28)."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorRef, Agent, Context, Killed, Service, Supervisor, Turn
from greenroom.testing import open_tree

PREFIX = "still running 5 s after it was cancelled; "


async def clings(seconds: float) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)


@asynccontextmanager
async def closes_slowly(seconds: float) -> AsyncGenerator[int]:
    yield 1
    await clings(seconds)


class Ends(Actor[Any]):
    """Take `seconds` for each part of what it is, whatever cancels that."""

    own_task = True

    def __init__(self, seconds: float = 0.0, *, shielded: bool = True) -> None:
        self.seconds, self.shielded = seconds, shielded

    async def cling(self) -> None:
        with trio.CancelScope(shield=self.shielded):
            await trio.sleep(self.seconds)

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep_forever()


class Hook(Ends):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await self.cling()


class PoolHook(Hook):
    own_task = False


class Services(Ends):
    def services(self) -> Iterable[Service[Any]]:
        return [Service("db", partial(closes_slowly, self.seconds)), Service("quick", partial(closes_slowly, 0.0))]


class Works(Ends):
    async def startup(self, ctx: Context) -> None:
        ctx.run_in_background(clings, self.seconds, name="sweep")


class Parent(Ends):
    async def startup(self, ctx: Context) -> None:
        ctx.start_soon(partial(Hook, self.seconds), name="kid", shutdown=0.0)
        ctx.start_soon(Hook, name="quick")


class Starts(Ends):
    async def startup(self, ctx: Context) -> None:
        await self.cling()


class Handles(Ends):
    async def receive(self, message: Any, ctx: Context) -> None:
        await self.cling()


class Turns(Agent[Any]):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        await clings(self.seconds)


async def function(ctx: Context, seconds: float) -> None:
    await ctx.receive()
    await clings(seconds)


STUCK: list[tuple[Any, str, str]] = [
    (Hook, "its shutdown hook", "in Ends.cling"),
    (PoolHook, "its shutdown hook", "in Ends.cling"),
    (Services, "the closing of its services (service db)", "service db, at\n"),
    (Works, "its background work", "background work 1 (sweep), at\n"),
    (Parent, "the end of its children (/stage/a/kid)", "conclude"),
    (Starts, "its startup", "in Ends.cling"),
    (Handles, "its message", "in Ends.cling"),
    (Turns, "its turn", "in clings"),
    (function, "its function", "in clings"),
]


def stragglers(caplog: pytest.LogCaptureFixture, path: str = "/stage/a") -> list[logging.LogRecord]:
    return [each for each in caplog.records if PREFIX in each.getMessage() and each.__dict__["path"] == path]


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize(("factory", "what", "where"), STUCK, ids=[what for _, what, _ in STUCK])
async def test_p28_what_is_stuck_is_named_and_its_stack_shown(
    factory: Any, what: str, where: str, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, 100.0, name="a", shutdown=2.0)
        if factory in (Handles, Turns, function):
            ref.tell("work")
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(getattr(ref, end))
            await trio.sleep(8)
            text = ref.warnings["straggler"]
            assert text.startswith(f"{PREFIX}{what} is shielded, or swallows the cancellation, at\n")
            assert where in text
            found = root.snapshot().find("/stage/a")
            assert found is not None
            assert found.warnings["straggler"] == text
        [record] = stragglers(caplog)
        assert record.levelno == logging.ERROR
        assert where in record.__dict__["stack"] or where in text
        assert trio.current_time() == pytest.approx(100, abs=8)
        root.reports.drain()


@pytest.mark.parametrize("end", ["stop", "kill", "crash", "parent"])
@pytest.mark.parametrize("kind", [Hook, PoolHook])
async def test_p28_an_end_that_keeps_to_its_time_is_nobodys_straggler(
    kind: Any, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(partial(kind, 30.0, shielded=False), name="a", shutdown=60.0)
        if end == "crash":
            ref.crash(OSError("x"))
            await ref.wait_stopped()
        elif end == "parent":
            root.request_stop()
            await ref.wait_stopped()
        else:
            await getattr(ref, end)()
        assert trio.current_time() == 30
        assert stragglers(caplog) == []
        assert "straggler" not in ref.warnings
        root.reports.drain()


@pytest.mark.parametrize("end", ["kill", "crash", "stop"])
@pytest.mark.parametrize("kind", [Hook, PoolHook])
async def test_p28_one_that_does_not_is_reported_5_s_after_its_time_was_over_whatever_ended_it(
    kind: Any, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, 100.0, name="a", shutdown=60.0)
        if end == "crash":
            ref.crash(OSError("x"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.wait_stopped if end == "crash" else getattr(ref, end))
            await trio.sleep(64.9)
            assert stragglers(caplog) == []
            await trio.sleep(0.2)
            assert len(stragglers(caplog)) == 1
        assert trio.current_time() == 100
        assert len(stragglers(caplog)) == 1
        root.reports.drain()


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("kind", [Hook, PoolHook])
async def test_p28_one_with_all_the_time_in_the_world_is_reported_once_its_parent_has_no_more(
    kind: Any, is_killed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Above(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(partial(kind, 100.0), name="kid", shutdown=1_000.0 if is_killed else None)

    async with open_tree("stage") as root:
        above = await root.start(Above, name="a", shutdown=10.0)
        await wait_all_tasks_blocked()
        kid: ActorRef[Any] = root.lookup("a/kid")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kid.kill if is_killed else kid.stop)
            await trio.sleep(20)
            assert stragglers(caplog, "/stage/a/kid") == []
            nursery.start_soon(above.stop)
            await trio.sleep(14.9)
            assert stragglers(caplog, "/stage/a/kid") == []
            await trio.sleep(0.2)
            assert len(stragglers(caplog, "/stage/a/kid")) == 1
            assert len(stragglers(caplog, "/stage/a")) == 1
            assert "the end of its children (/stage/a/kid)" in above.warnings["straggler"]
        assert trio.current_time() == 100
        root.reports.drain()


async def test_p28_a_kill_that_comes_while_an_end_takes_all_its_time_bounds_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Hook, 100.0, name="a", shutdown=None)
        ref.request_stop()
        await trio.sleep(20)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.kill)  # an unlimited time means 5 s then
            await trio.sleep(9.9)
            assert stragglers(caplog) == []
            await trio.sleep(0.2)
            assert len(stragglers(caplog)) == 1
        assert trio.current_time() == 100
        root.reports.drain()


async def test_p28_a_parent_that_is_killed_without_time_leaves_its_children_none() -> None:
    async with open_tree("stage") as root:
        above = await root.start(partial(AboveFree, 50.0), shutdown=1.0)
        await wait_all_tasks_blocked()
        await above.kill()
        assert trio.current_time() == 1
        assert isinstance(above.exit_reason, Killed)
        root.reports.drain()


class AboveFree(Ends):
    """Have a child with more time than itself."""

    async def startup(self, ctx: Context) -> None:
        ctx.start_soon(partial(Hook, self.seconds, shielded=False), name="kid", shutdown=60.0)


async def test_p28_the_root_says_who_holds_it_up(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[Supervisor] = []
    with trio.move_on_after(1):
        async with open_tree("stage") as root:
            kept.append(root)
            await root.start(Hook, 50.0, name="a", shutdown=0.0)
            await trio.sleep_forever()
    assert len(stragglers(caplog)) == 1
    [record] = stragglers(caplog, "/stage")
    assert "the end of its children (/stage/a)" in record.getMessage()
    assert trio.current_time() == 51
