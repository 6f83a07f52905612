from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    Context,
    Ignore,
    Limits,
    Service,
    StartupFailed,
    Supervisor,
    open_supervisor,
)
from greenroom.testing import open_tree

from .step import CancelAt

Log = list[Any]


class Starts(Actor[Any]):
    def __init__(self, seconds: float = 1.0, error: BaseException | None = None) -> None:
        self.seconds, self.error = seconds, error

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(1)


class OwnStarts(Starts):
    own_task = True


class Plain(Actor[Any]):
    pass


class AgentStarts(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)


class Connection:
    async def __aenter__(self) -> int:
        await trio.sleep(1)
        return 1

    async def __aexit__(self, *_: object) -> None:
        await trio.sleep(1)


class Serves(Starts):
    def services(self) -> Any:
        return [Service("a", Connection), Service("b", Connection)]


class Parents(Starts):
    async def startup(self, ctx: Context) -> None:
        await ctx.start(Starts, 1.0)
        ctx.start_soon(Starts, 5.0)


async def function(_ctx: Context) -> None:
    await trio.sleep_forever()


FACTORIES: list[Callable[..., Any]] = [Starts, OwnStarts, Plain, AgentStarts, Serves, Parents, function]


@pytest.mark.parametrize("factory", FACTORIES)
async def test_start_returns_when_the_child_is_ready(factory: Callable[..., Any]) -> None:
    async with open_tree("stage") as root:
        ref: Any = await root.start(factory, name="a")
        assert ref.lifecycle == "ready"
        assert root.lookup("a") is ref


async def test_start_raises_what_the_startup_raised_posts_no_report_and_forgets_the_child() -> None:
    async with open_tree("stage") as root:
        error = OSError("no")
        for restart in ("permanent", "transient", "temporary"):
            with pytest.raises(StartupFailed, match="failed to initialize: OSError: no") as caught:
                await root.start(Starts, 1.0, error, name="a", restart=restart)
            assert caught.value.__cause__ is error
            assert caught.value.error is error
            assert caught.value.path == "/stage/a"
            assert root.which_children() == []
        assert trio.current_time() == 6.0, "a second each for startup and for the shutdown hook"
        assert root.reports.drain() == []


async def test_start_says_so_when_the_child_ended_before_it_was_ready() -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:

        async def stop_it() -> None:
            await trio.sleep(0.5)
            await root.lookup("a").stop()

        nursery.start_soon(stop_it)
        with pytest.raises(ActorStopped, match="ended before it was ready"):
            await root.start(Starts, name="a", restart="permanent")
        with pytest.raises(ActorStopped):
            await root.start(Starts, 1.0, Ignore(), restart="permanent")
        assert root.which_children() == []
        assert root.reports.drain() == []


async def test_start_of_a_child_that_was_ready_and_crashed_at_once_returns_it() -> None:
    class Fragile(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            raise OSError("broken")

    async with open_tree("stage") as root:
        ref = await root.start(Fragile, mail="now")
        await ref.wait_stopped()
        [report] = root.reports.drain()
        assert report.path == ref.path


async def test_start_from_a_cancelled_task_registers_nothing() -> None:
    async with open_tree("stage") as root:
        with trio.CancelScope() as scope:
            scope.cancel()
            await root.start(Starts, name="a")
        assert scope.cancelled_caught
        assert root.which_children() == []
        assert root.start_soon(Plain).uid == 2


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("gated", [False, True])
def test_p4_start_cancelled_at_any_step_leaves_no_child_or_a_ready_one_that_it_returned(
    factory: Callable[..., Any], restart: Any, *, gated: bool
) -> None:
    outcomes: set[str] = set()

    async def once(canceller: CancelAt) -> bool:
        got: Any = None
        limits = Limits(max_concurrent_startups=1 if gated else None)
        async with open_supervisor("stage", limits=limits) as root:
            if gated:
                root.start_soon(Starts, 2.5, name="holder")
                await wait_all_tasks_blocked()
            before = set(root.which_children())
            with canceller.scope:
                canceller.armed = True
                got = await root.start(factory, name="a", restart=restart)
            canceller.armed = False
            refs = set(root.which_children()) - before
            if got is None:
                assert canceller.scope.cancelled_caught
                assert refs == set()
                outcomes.add("cancelled")
            else:
                assert refs == {got}
                assert got.lifecycle == "ready"
                outcomes.add("returned")
            await trio.sleep(10)
            root.start_soon(Plain, name="b")
            launcher: Any = root._slot.runtime.launcher
            assert (launcher.in_use, launcher.waiting) == (0, 0)
        return bool(canceller.scope.cancel_called)

    n = 1
    while True:
        canceller = CancelAt(n)
        if not trio.run(once, canceller, clock=MockClock(autojump_threshold=0), instruments=[canceller]):
            break
        n += 1
    assert n > 2
    assert outcomes == {"cancelled", "returned"}


async def test_p4_cancelled_it_kills_the_child_waits_for_its_end_and_raises() -> None:
    async with open_tree("stage") as root:
        with trio.move_on_after(1.5) as scope:
            await root.start(Serves)
        assert scope.cancelled_caught
        assert trio.current_time() == 1.5 + 1.0 + 1.0
        assert root.which_children() == []


async def test_p4_a_child_started_by_an_actor_is_killed_when_that_actor_is_interrupted_in_its_start() -> None:
    class Boss(Agent[Any]):
        async def turn(self, turn: Any, ctx: Context) -> None:
            await ctx.start(Starts, 100.0, name="a")

    async with open_tree("stage") as root:
        boss: Any = await root.start(Boss, name="boss", mail=1)
        await trio.sleep(1)
        assert root.lookup("boss/a").lifecycle == "initializing"
        assert await boss.interrupt()
        supervisor: Supervisor = root
        assert [info.path for info in supervisor.snapshot().walk()] == ["/stage", "/stage/boss"]
        assert boss.lifecycle == "ready"


async def test_p4_many_starts_cancelled_together_leave_nothing() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=3)) as root:
        with trio.move_on_after(2.5):
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(partial(root.start, Starts, 2.0))
        lives = [ref.lifecycle for ref in root.which_children()]
        assert lives == ["ready"] * 3
