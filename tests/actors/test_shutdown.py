from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Context,
    Killed,
    Limits,
    Service,
    Shutdown,
    Supervisor,
    open_supervisor,
)
from greenroom.testing import open_tree

from .closes import Closes, OwnCloses, nothing_left
from .step import CancelAt

Log = list[Any]


def tasks() -> set[str]:
    """Return the names of all tasks but this one and Trio's own."""
    found: set[str] = set()
    root = trio.lowlevel.current_root_task()
    assert root is not None
    open_ = [root]
    while open_:
        for nursery in open_.pop().child_nurseries:
            for task in nursery.child_tasks:
                found.add(task.name)
                open_.append(task)
    return found


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p27_children_end_before_their_parents_whatever_the_depth(kind: type[Closes]) -> None:
    log: Log = []

    def leaf() -> Any:
        return kind(log, 1.0)

    def middle() -> Any:
        return kind(log, 1.0, (("leaf", "temporary", leaf),))

    def top() -> Any:
        return kind(log, 1.0, (("middle", "temporary", middle),))

    async with open_tree("stage") as root:
        await root.start(top, name="top", shutdown=None)
        await wait_all_tasks_blocked()
        keep = root
    assert [text for text, _ in log] == [
        "/stage/top/middle/leaf closes",
        "/stage/top/middle/leaf closed",
        "/stage/top/middle closes",
        "/stage/top/middle closed",
        "/stage/top closes",
        "/stage/top closed",
    ]
    nothing_left(keep)


async def test_p27_when_an_end_is_visible_all_descendants_have_ended_before() -> None:
    log: Log = []

    def leaf() -> OwnCloses:
        return OwnCloses(log, 2.0)

    def top() -> Closes:
        return Closes(log, 0.0, tuple((f"leaf{i}", "temporary", leaf) for i in range(3)))

    async with open_tree("stage") as root:
        for end in ("stop", "kill", "crash"):
            ref = await root.start(top, name=end)
            leaves = [root.lookup(f"{end}/leaf{i}") for i in range(3)]
            await wait_all_tasks_blocked()
            if end == "crash":
                ref.crash(OSError("x"))
                await ref.wait_stopped()
            else:
                await getattr(ref, end)()
            assert [leaf.lifecycle for leaf in leaves] == ["stopped"] * 3
        root.reports.drain()


async def test_p27_a_stop_takes_the_temporary_ones_in_parallel_then_the_order_in_reverse() -> None:
    log: Log = []

    def child() -> Closes:
        return Closes(log, 1.0)

    async with open_tree("stage") as root:
        await root.start(child, name="p1", restart="permanent")
        await root.start(child, name="t1")
        await root.start(child, name="p2", restart="transient")
        await root.start(child, name="t2")
        await root.start(child, name="p3", restart="permanent")
    closes = [(text.removeprefix("/stage/"), at) for text, at in log if text.endswith("closes")]
    assert sorted(closes[:2]) == [("t1 closes", 0.0), ("t2 closes", 0.0)]
    assert closes[2:] == [("p3 closes", 1.0), ("p2 closes", 2.0), ("p1 closes", 3.0)]


async def test_p27_leaving_the_block_stops_finishing_messages_in_hand() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Closes, log, 1.0)
        ref.tell(3.0)
        await wait_all_tasks_blocked()
    assert ref.exit_reason == Shutdown()
    assert log[-1] == ("/stage/closes-2 closed", 4.0)


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p27_a_cancellation_from_outside_is_a_kill_of_the_whole_tree_in_order(kind: type[Closes]) -> None:
    log: Log = []

    def leaf() -> Any:
        return kind(log, 1.0)

    def top() -> Any:
        return kind(log, 1.0, (("leaf", "temporary", leaf),))

    refs: list[ActorRef[Any]] = []
    with trio.move_on_after(2) as scope:
        async with open_tree("stage") as root:
            refs += [await root.start(top, name="top"), root.lookup("top/leaf")]
            for ref in refs:
                ref.tell(100.0)
            keep = root
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == 4.0
    assert [text for text, _ in log] == [
        "/stage/top/leaf closes",
        "/stage/top/leaf closed",
        "/stage/top closes",
        "/stage/top closed",
    ]
    assert all(isinstance(ref.exit_reason, Killed) for ref in refs)
    nothing_left(keep)


async def test_p27_a_cancellation_is_bounded_by_the_shutdown_times_an_unlimited_one_means_5_seconds() -> None:
    log: Log = []
    with trio.move_on_after(1):
        async with open_tree("stage") as root:
            await root.start(Closes, log, 1e9, shutdown=None)
            await root.start(OwnCloses, log, 1e9, shutdown=2.0)
            await trio.sleep_forever()
    assert trio.current_time() == 6.0


async def test_p27_a_cancellation_while_the_block_is_being_left_hastens_and_passes() -> None:
    log: Log = []
    with trio.move_on_after(3) as scope:
        async with open_tree("stage") as root:
            ref = await root.start(Closes, log, 1.0, shutdown=None)
            ref.tell(1e9)
            await wait_all_tasks_blocked()
    assert scope.cancelled_caught
    assert trio.current_time() == 4.0
    assert isinstance(ref.exit_reason, Killed)


async def test_p27_a_block_cancelled_before_it_was_entered_leaves_nothing() -> None:
    log: Log = []
    before = tasks()
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_supervisor("stage"):
            log.append("never")
    assert scope.cancelled_caught
    assert log == []
    assert tasks() == before


@asynccontextmanager
async def connection() -> AsyncGenerator[int]:
    await trio.sleep(0.5)
    yield 1
    await trio.sleep(0.5)


class Serves(Closes):
    def services(self) -> Any:
        return [Service("a", connection), Service("b", connection)]


def test_p27_a_tree_cancelled_at_any_step_ends_in_order_and_leaves_nothing() -> None:
    async def once(canceller: CancelAt) -> bool:
        log: Log = []
        before = tasks()

        def leaf() -> Closes:
            return Closes(log, 1.0)

        def top() -> OwnCloses:
            return OwnCloses(log, 1.0, (("a", "temporary", leaf), ("b", "permanent", leaf)))

        keep: list[Supervisor] = []
        with canceller.scope:
            canceller.armed = True
            async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
                keep.append(root)
                ref: Any = root.start_soon(top, name="top", mail=1.0)
                root.start_soon(Serves, log, 1.0)
                with trio.move_on_after(2):
                    await ref.ask(2.0)
                await ref.stop()
        canceller.armed = False
        assert tasks() == before
        for root in keep:
            nothing_left(root)
        closed = [text for text, _ in log if text.endswith("closed")]
        assert len(closed) == sum(1 for text, _ in log if text.endswith("closes"))
        if "/stage/top closed" in closed:
            at = closed.index("/stage/top closed")
            assert not any(text.startswith("/stage/top/") for text in closed[at:])
        return bool(canceller.scope.cancel_called)

    n = 1
    while True:
        canceller = CancelAt(n)
        if not trio.run(once, canceller, clock=MockClock(autojump_threshold=0), instruments=[canceller]):
            break
        n += 1
    assert n > 40


async def test_p27_a_start_that_races_the_stop_is_refused_or_its_child_ends_too() -> None:
    outcomes: set[str] = set()
    for delay in range(8):

        class Boss(Actor[Any]):
            async def startup(self, ctx: Context) -> None:
                self.nursery = trio.lowlevel.current_task().parent_nursery
                assert self.nursery is not None
                self.nursery.start_soon(self.starts, ctx)

            async def starts(self, ctx: Context, delay: int = delay) -> None:
                for _ in range(delay):
                    await trio.lowlevel.checkpoint()
                try:
                    ctx.start_soon(Closes, [], 1.0)
                    outcomes.add("accepted")
                except (ActorStopping, ActorStopped):
                    outcomes.add("refused")

            own_task = True

            async def shutdown(self, ctx: Context, reason: Any) -> None:
                await trio.lowlevel.checkpoint()

        async with open_tree("stage") as root:
            await root.start(Boss)
            keep = root
            if delay == 0:
                await wait_all_tasks_blocked()  # the one that is early for certain; the others race
        await wait_all_tasks_blocked()
        nothing_left(keep)
    assert outcomes == {"accepted", "refused"}


@pytest.mark.parametrize("how", ["stop", "crash"])
@pytest.mark.parametrize("order", [(2.0, 1.0), (1.0, 2.0)])
async def test_p27_who_ends_waits_for_each_of_its_temporary_children(order: tuple[float, float], how: str) -> None:
    class Slow(Actor[Any]):
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(self.seconds)

    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            for number, seconds in enumerate(order):
                await ctx.start(Slow, seconds, name=f"c{number}")

    async with open_tree("stage") as root:
        boss = await root.start(Boss, name="boss")
        children = [root.lookup(f"boss/c{number}") for number in range(2)]
        begin = trio.current_time()
        boss.request_stop() if how == "stop" else boss.crash(OSError())
        await boss.wait_stopped()
        assert trio.current_time() == begin + 2
        assert [child.exit_reason is not None for child in children] == [True, True]
        root.reports.drain()
