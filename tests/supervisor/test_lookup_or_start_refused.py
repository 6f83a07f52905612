"""What `lookup_or_start` refuses: deadlocks, wrong starts, and parents that stop."""

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    Deadlock,
    InvalidSpec,
    LimitReached,
    Limits,
    NameInUse,
    Turn,
)
from greenroom.testing import open_tree

from .lookup import Slow

Log = list[Any]


async def test_p18_a_turn_that_would_wait_for_one_that_waits_for_it_is_told_so() -> None:
    out: Log = []

    class Boss(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await ctx.registry.lookup_or_start("db", AsksBack, ctx.ref, parent=ctx)

    class AsksBack(Actor[Any]):
        def __init__(self, boss: ActorRef[Any]) -> None:
            self.boss = boss

        async def startup(self, ctx: Context) -> None:
            with pytest.raises(Deadlock) as caught:
                await self.boss.ask("anything")
            out.append(caught.value.cycle)
            with pytest.raises(Deadlock):
                await ctx.registry.lookup_or_start("db", Slow, [], parent=ctx)

        def receive(self, message: Any, ctx: Context) -> None:
            pass

    for _ in range(12):  # in whichever order the two go on
        out.clear()
        async with open_tree("stage") as root:
            boss = root.start_soon(Boss, name="boss", mail="go")
            await trio.sleep(1)
            below = f"/stage/boss/asks-back-{boss.uid + 1}"
            assert out == [(below, "/stage/boss", below)]
            root.reports.drain()


async def test_a_turn_cannot_wait_for_the_end_of_one_that_it_is_below() -> None:
    out: Log = []

    class Below(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            ctx.parent.request_stop()
            with pytest.raises(Deadlock):
                await ctx.registry.lookup_or_start("above", Slow, [], parent=ctx)
            out.append("told")

    class Above(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await ctx.start(Below, mail="go")

        def receive(self, message: Any, ctx: Context) -> None:
            pass

    async with open_tree("stage") as root:
        ref = root.start_soon(Above, keys=["above"])
        await ref.wait_stopped()
        assert out == ["told"]


async def test_what_is_refused_is_refused_as_by_any_start_and_nothing_is_changed() -> None:
    async with open_tree("stage", limits=Limits(max_actors=3)) as root:
        registry = root.registry
        await root.start(Slow, [], name="taken")
        with pytest.raises(NameInUse):
            await registry.lookup_or_start("db", Slow, [], parent=root, name="taken")
        with pytest.raises(InvalidSpec, match="did you mean"):
            await registry.lookup_or_start("db", Slow, [], parent=root, nme="x")  # type: ignore[call-arg]
        with pytest.raises(InvalidSpec, match="given twice"):
            await registry.lookup_or_start("db", Slow, [], parent=root, keys=["db"])
        with pytest.raises(InvalidSpec):
            await registry.lookup_or_start("db", Slow, parent=root)
        other = await root.start(Slow, [], name="other")
        with pytest.raises(LimitReached):
            await registry.lookup_or_start("db", Slow, [], parent=root)
        await other.stop()
        with pytest.raises(ActorStopped):
            await registry.lookup_or_start("db", Slow, [], parent=other)
        assert registry.count() == 0
        assert registry._flights == {}


async def test_a_parent_that_stops_refuses_and_one_that_stops_meanwhile_ends_the_start() -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        boss = await root.start(Slow, [], name="boss")
        out: Log = []

        async def wait() -> None:
            with pytest.raises(ActorStopped) as caught:
                await root.registry.lookup_or_start("db", Slow, [], parent=boss)
            out.append(caught.value)

        nursery.start_soon(wait)
        await trio.sleep(0.5)
        nursery.start_soon(boss.stop)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ActorStopping):
            await root.registry.lookup_or_start("other", Slow, [], parent=boss)
        await boss.wait_stopped()
        await trio.testing.wait_all_tasks_blocked()
        assert len(out) == 1
        assert root.registry.count() == 0


@pytest.mark.parametrize("how", ["start", "lookup_or_start"])
async def test_a_stop_that_comes_before_a_startup_has_failed_is_what_who_waits_is_told_with_the_failure_as_its_cause(
    how: str,
) -> None:
    class Stubborn(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("on its way out")

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        begin: Any = root.start if how == "start" else partial(root.registry.lookup_or_start, "k", parent=root)

        async def wait() -> None:
            with pytest.raises(ActorStopped) as caught:
                await begin(Stubborn, name="a")
            assert isinstance(caught.value.__cause__, OSError)

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        root.lookup("a").request_stop()
