"""What others see and hold of one that rests (section 8): pinned refs, feeds, outcomes."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ActorRef, ActorStopped, Context, Rested
from greenroom.testing import open_tree

from .sleeper import Say, Sleeper, own_kind, put_to_bed

Log = list[Any]
settle = wait_all_tasks_blocked


@pytest.fixture
def kind() -> type[Sleeper]:
    return own_kind()


# -- pins


async def test_a_pinned_ref_is_over_from_the_step_in_which_its_incarnation_is_put_to_rest(kind: Any) -> None:
    kind.ending = 1.0
    calls: list[Callable[[ActorRef[Any]], Any]] = [
        lambda pin: pin.tell("x"), lambda pin: pin.start_turn("x"), lambda pin: pin.steer("x"), lambda pin: pin.rest(),
    ]  # fmt: skip
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind)
        pin = ref.pin()
        ended: Log = []

        async def follow() -> None:
            ended.append((await pin.wait_stopped(), trio.current_time()))

        nursery.start_soon(follow)
        await settle()
        before = trio.current_time()
        ref.rest()
        for lying in (False, True):
            for call in calls:
                with pytest.raises(ActorStopped, match="has ended" if lying else "is being put to rest"):
                    call(pin)
            with pytest.raises(ActorStopped):
                await pin.ask(Say())
            assert not pin.is_alive
            await trio.sleep(2)
        assert ended == [(Rested(), before + 1)]
        assert ref.pin().incarnation == ref.incarnation == 2
        assert await pin.stop() == Rested()
        assert ref.lifecycle == "resting"
        assert await ref.pin().ask(Say())
        root.reports.drain()


async def test_queue_only_mail_to_a_pinned_ref_ends_with_its_incarnation(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log)
        ref.pin().tell("old", trigger_turn=False)
        await put_to_bed(ref)
        ref.tell("new")
        await settle()
        assert log[-1] == (2, ["new"])
        root.expect_dead_letters("old incarnation", 1)
        root.reports.drain()


# -- looking


async def test_feeds_and_subscriptions_show_each_step(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind)
        async with ref.subscribe() as feed, root.subscribe() as trees:
            ref.rest()
            await settle()
            ref.tell("x")
            await settle()
            shown = [change.lifecycle for change in feed._changes]
            assert list(dict.fromkeys(shown)) == ["resting", "initializing", "ready"]
            async for tree in trees:
                assert tree == root.snapshot()
                break
        root.reports.drain()


async def test_others_that_wait_for_its_outcome_have_it_while_it_rests(kind: Any) -> None:
    """P25: an agent that rests has settled."""
    kind.ending = 5.0

    async def wait(ctx: Context) -> Any:
        return await ctx.wait([other], timeout=100.0)

    async with open_tree("stage") as root:
        other = await root.start(kind)
        await other.run_turn("x")
        ref = await root.start(kind)
        for seconds in (1, 10):
            if seconds == 1:
                other.rest()
            await trio.sleep(seconds)
            before = trio.current_time()
            waited = await ref.run_turn(wait)
            assert waited.settled == (other,)
            assert trio.current_time() == before
        root.reports.drain()


async def test_a_resting_agent_keeps_no_task_and_no_actor(kind: Any) -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(kind) for _ in range(20)]
        nursery = root._slot.runtime.nursery
        assert nursery is not None
        before = len(nursery.child_tasks)
        for ref in refs:
            ref.rest()
        await settle()
        assert len(nursery.child_tasks) == before - 20
