"""P6 below one that starts: who is covered by its permit, and who takes one of its own."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, Context, Limits, open_supervisor

from .queued import Starts, permits


class Nests(Actor[Any]):
    def __init__(self, depth: int) -> None:
        self.depth = depth

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)
        if self.depth:
            await ctx.start(Nests, self.depth - 1)


class OwnNests(Nests):
    own_task = True


@pytest.mark.parametrize("kind", [Nests, OwnNests])
async def test_p6_a_child_of_a_starting_actor_starts_under_its_ancestors_permit(kind: type[Nests]) -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        ref = root.start_soon(kind, 4)
        other = root.start_soon(kind, 0)
        await ref.wait_ready()
        assert trio.current_time() == 5.0
        await other.wait_ready()
        assert trio.current_time() == 6.0
        assert permits(root) == (0, 0)


class Covered(Actor[Any]):
    """Start a child in its own startup, after as many seconds, and another one for each message."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)
        await ctx.start(Starts, 1.0)

    def receive(self, message: Any, ctx: Context) -> None:
        ctx.start_soon(Starts, 1.0, name=message)


class Covers(Actor[Any]):
    """Have begun to start a child when it is ready."""

    async def startup(self, ctx: Context) -> None:
        ctx.start_soon(Covered, 1.0, name="covered")


async def test_p6_a_starting_actor_covers_its_child_also_when_the_ancestor_with_the_permit_is_ready() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        await root.start(Covers, name="boss")
        root.start_soon(Starts, 100.0, startup_timeout=None)
        covered = root.lookup("boss/covered")
        await covered.wait_ready()
        assert trio.current_time() == 2.0
        assert permits(root) == (1, 0)
        covered.tell("late")
        await wait_all_tasks_blocked()
        assert root.lookup("boss/covered/late").lifecycle == "queued"


async def test_p6_a_startup_that_was_cancelled_under_anothers_permit_leaves_nothing_at_the_gate() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        await root.start(Covers, name="boss")
        gate: Any = root._slot.runtime.launcher
        assert (permits(root), gate.covered) == ((0, 0), 1)
        await root.lookup("boss/covered").kill()
        assert (permits(root), gate.covered) == ((0, 0), 0)


async def test_p6_a_child_of_a_ready_actor_takes_a_permit_of_its_own() -> None:
    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            pass

        def receive(self, message: Any, ctx: Context) -> None:
            ctx.start_soon(Starts, 1.0, name="a")

    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        boss = await root.start(Boss, name="boss")
        root.start_soon(Starts, 1.0)
        boss.tell(1)
        await wait_all_tasks_blocked()
        assert root.lookup("boss/a").lifecycle == "queued"
        await root.lookup("boss/a").wait_ready()
        assert trio.current_time() == 2.0
