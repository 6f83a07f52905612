"""The feed of latest states: who reads it slowly, or not at all, delays nobody; and when things are quiet, it has told the true last state."""

import copy
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import Actor, ActorInfo, ActorRef, Agent, Context, Intensity, Limits, Supervisor, Turn, open_supervisor
from greenroom.supervisor import LatestTree


class Works(Actor[Any]):
    """Take its time for a number, and fail for a word."""

    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "fail":
            raise ValueError(message)
        await trio.sleep(message)


class WorksAlone(Works):
    own_task = True


class Starts(Works):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)


class Thinks(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            if mail.message == "fail":
                raise ValueError(mail.message)
            await trio.sleep(mail.message)
        return len(turn.mail)


def without_age(info: ActorInfo) -> Any:
    """Return what a state tells, but for what passes by itself and what no feed tells of: how much mail waits."""
    children = tuple(without_age(child) for child in info.children)
    return (
        info.path,
        info.uid,
        info.incarnation,
        info.lifecycle,
        repr(info.status),
        info.generation,
        children,
    )


# -- others


async def outcomes(seed: int, subscribers: str) -> list[Any]:
    """Return all that a tree of actors came to, with the times. No two things happen at the same time by chance."""
    random = Random(seed)
    log: list[str] = []
    begun = trio.current_time()
    limits = Limits(stale_after=1.0, max_running_turns=2)

    async def read_slowly(feed: LatestTree) -> None:
        async for tree in feed:
            assert tree.path == "/stage"
            await trio.sleep(0.35)

    async def follow(ref: ActorRef[Any]) -> None:
        reason = await ref.wait_stopped()
        log.append(f"{ref.name} {reason} at {trio.current_time() - begun:.6f}")

    async with AsyncExitStack() as stack:
        root = await stack.enter_async_context(
            open_supervisor("stage", intensity=Intensity(1_000, within=1.0), limits=limits)
        )
        nursery = await stack.enter_async_context(trio.open_nursery())
        if "dead" in subscribers:
            await stack.enter_async_context(root.subscribe())
        if "slow" in subscribers:
            nursery.start_soon(read_slowly, await stack.enter_async_context(root.subscribe()))
        for number in range(30):
            kind = random.choice([Works, WorksAlone, Thinks, Starts])
            args = (random.uniform(0, 3),) if kind is Starts else ()
            restart: Any = random.choice(["temporary", "transient", "permanent"])
            ref: Any = root.start_soon(kind, *args, name=f"a{number}", restart=restart)
            nursery.start_soon(follow, ref)
            for _ in range(random.randrange(4)):
                ref.tell("fail" if number % 5 == 0 and random.random() < 0.3 else random.uniform(0, 0.2))
            await trio.sleep(random.uniform(0, 0.3))
            match random.randrange(4):
                case 0:
                    ref.request_stop()
                case 1:
                    await ref.kill()
                case 2:
                    await ref.interrupt()
                case _:
                    pass
        await trio.sleep(5)
        log += [repr(report) for report in root.reports.drain()]
        log.append(repr(sorted(root.dead_letters.counts.items())))
        log += [repr((info.path, info.incarnation, info.lifecycle, info.status)) for info in root.snapshot().walk()]
        nursery.cancel_scope.cancel()
    return sorted(log)


@pytest.mark.parametrize("seed", range(5))
async def test_a_dead_and_a_slow_subscriber_change_no_outcome(seed: int) -> None:
    alone = await outcomes(seed, "")
    assert len(alone) > 30
    assert await outcomes(seed, "dead") == alone
    assert await outcomes(seed, "slow") == alone
    assert await outcomes(seed, "dead slow") == alone


# -- its reader


async def test_what_a_snapshot_shows_of_an_actor_cannot_be_written_to() -> None:
    """It is filled in while it is writable, and equal to what is made in one go; it can be told apart, copied and evolved."""
    async with open_supervisor("stage") as root:
        root.start_soon(Works, labels={"a": 1})
        info = root.snapshot().children[0]
        assert type(info) is ActorInfo
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            info.name = "other"  # type: ignore[misc]
        assert info == copy.copy(attrs.evolve(info)) == ActorInfo(**attrs.asdict(info, recurse=False))
        assert info != attrs.evolve(info, name="other")
        assert repr(info).startswith(f"ActorInfo(path='/stage/{info.name}', name=")


async def test_at_most_one_state_waits_whatever_the_burst() -> None:
    async with open_supervisor("stage") as root, root.subscribe() as feed:
        await anext(feed)
        for burst in range(1, 4):
            for number in range(500):
                root.start_soon(Works, name=f"a{burst}-{number}")
            await wait_all_tasks_blocked()
            # One is in flight from here on; what changes meanwhile is one more, however much it is.
            in_flight = await anext(feed)
            assert len(in_flight.children) == 500
            for ref in root.which_children():
                ref.tell(0.0)
                ref.request_stop()
            await wait_all_tasks_blocked()
            pending = await anext(feed)
            assert len(pending.children) == 0
            with trio.move_on_after(1) as scope:
                await anext(feed)
            assert scope.cancelled_caught
        root.reports.drain()


async def test_a_subscriber_holds_nothing_that_grows() -> None:
    async with open_supervisor("stage") as root, root.subscribe() as feed:
        before = {name: repr(value) for name, value in vars(feed).items() if name != "_lot"}
        for _ in range(1_000):
            root.start_soon(Works).request_stop()
        await wait_all_tasks_blocked()
        assert {name: repr(value) for name, value in vars(feed).items() if name != "_lot"} == before
        root.reports.drain()


async def test_a_feed_whose_delivery_was_dropped_at_any_step_converges() -> None:
    for steps in range(8):
        async with open_supervisor("stage") as root, root.subscribe() as feed:
            got: list[ActorInfo] = []

            async def take(into: list[ActorInfo], feed: LatestTree = feed) -> None:
                into.append(await anext(feed))

            await take(got)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(take, got)
                    root.start_soon(Works, name="one")
                    for _ in range(steps):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
            # It was given what there was, or has it still to come.
            with trio.move_on_after(1):
                while True:
                    await take(got)
            assert without_age(got[-1]) == without_age(root.snapshot())


async def test_a_feed_that_was_not_read_tells_the_last_state_and_then_ends() -> None:
    async with open_supervisor("stage") as root:
        feeds = [root.subscribe() for _ in range(2)]
        one, two = [await feed.__aenter__() for feed in feeds]
        await anext(one)
        ref = root.start_soon(Works)
        ref.tell("fail")
        await ref.wait_stopped()
        root.reports.drain()
    for feed in (one, two):
        states = [state async for state in feed]
        assert [state.lifecycle for state in states] == ["stopped"]
    for manager in feeds:
        await manager.__aexit__(None, None, None)


async def works_by_itself(ctx: Context) -> None:
    while True:
        await trio.sleep(await ctx.receive())


@pytest.mark.parametrize("kind", [Works, WorksAlone, Thinks, works_by_itself])
async def test_who_is_still_at_work_is_told_as_running_and_then_as_idle(kind: Any) -> None:
    """Once at each of several messages; one that is handled in a single step is not told at all."""
    async with open_supervisor("stage") as root, root.subscribe() as feed:
        ref = root.start_soon(kind)
        await wait_all_tasks_blocked()
        await anext(feed)
        for seconds in (1.0, 2.0):
            told: list[tuple[float, str]] = []
            begun = trio.current_time()
            ref.tell(seconds)
            ref.tell(seconds)
            with trio.move_on_after(10):
                async for info in feed:
                    at = trio.current_time() - begun
                    told.append((at, type(info.children[0].status).__name__))
            first = next(name for at, name in reversed(told) if at < seconds)
            assert first == "Running"
            assert told[-1][0] == 2 * seconds
            assert told[-1][1] != "Running"
            assert len(told) <= 8
        root.reports.drain()


async def test_the_steps_of_a_startup_are_no_changes() -> None:
    class Steps(Works):
        async def startup(self, ctx: Context) -> None:
            for _ in range(20):
                await trio.sleep(0.1)

    async with open_supervisor("stage") as root, root.subscribe() as feed:
        root.start_soon(Steps)
        await wait_all_tasks_blocked()
        await anext(feed)
        told = 0
        with trio.move_on_after(10):
            async for _ in feed:
                told += 1
        assert told == 1  # that it is ready


# -- against a model: a bit that says whether something has changed since the last state

STEPS = st.lists(
    st.sampled_from(["start", "tell", "fail", "stop", "kill", "pass", "read", "drop", "nothing"]), max_size=25
)


@given(steps=STEPS)
def test_a_feed_against_a_bit(steps: list[str]) -> None:
    async def main() -> None:
        limits, often = Limits(stale_after=0.5), Intensity(1_000, within=1.0)
        async with open_supervisor("stage", intensity=often, limits=limits) as root, root.subscribe() as feed:
            pending = True
            last: Any = None
            for step in steps:
                before = without_age(root.snapshot())
                await _do(step, root)
                await wait_all_tasks_blocked()
                pending = pending or without_age(root.snapshot()) != before
                if step == "drop":
                    with trio.CancelScope() as scope:
                        scope.cancel()
                        await anext(feed)
                    assert scope.cancelled_caught
                elif step == "read":
                    got = await _read(feed)
                    # More may be told than has come of it: a start that has ended meanwhile. Never less.
                    assert got is not None or not pending
                    last, pending = got or last, False
            last = await _read(feed) or last
            assert without_age(last) == without_age(root.snapshot())
            root.reports.drain()

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def _do(step: str, root: Supervisor) -> None:
    children: list[Any] = root.which_children()
    if step == "start":
        root.start_soon(Starts, (0.0, 1.0, 9.0)[len(children) % 3], restart="transient")
    elif step == "pass":
        await trio.sleep(1)
    elif children:
        match step:
            case "tell" | "fail":
                children[0].try_tell("fail" if step == "fail" else 0.25)
            case "stop":
                children[-1].request_stop()
            case "kill":
                await children[0].kill()
            case _:
                pass


async def _read(feed: LatestTree) -> ActorInfo | None:
    """Return the state that waits, if one does."""
    with trio.move_on_after(1e-9):
        return await anext(feed)
    return None
