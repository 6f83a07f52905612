from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ActorStopped, Agent, Context, MailboxSpec, Timer, Turn
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Clockwork(Actor[Any]):
    """Run what it is told on its context; keep everything else with the time it came."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def receive(self, message: Any, ctx: Context) -> None:
        if callable(message):
            result = message(ctx)
            if result is not None and not isinstance(result, Timer):
                await result
        else:
            self.kept.append((trio.current_time(), message))


class OwnClockwork(Clockwork):
    own_task = True


class AgentClockwork(Agent[Any]):
    def __init__(self, kept: list[Any]) -> None:
        self.clockwork = Clockwork(kept)

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            await self.clockwork.receive(mail.message, ctx)


async def function_clockwork(ctx: Context, kept: list[Any]) -> None:
    clockwork = Clockwork(kept)
    async for message in ctx:
        await clockwork.receive(message, ctx)


KINDS: list[Any] = [Clockwork, OwnClockwork, AgentClockwork, function_clockwork]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_tick_comes_at_its_time(kind: Any) -> None:
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, kept)
        for seconds in (3, 1, 2, 0):
            ref.tell(lambda ctx, seconds=seconds: ctx.send_after(seconds, f"after {seconds}"))
        await settle()
        before = trio.current_time()
        await trio.sleep(10)
        assert [message for _, message in kept] == ["after 0", "after 1", "after 2", "after 3"]
        assert [at - before for at, _ in kept] == pytest.approx([0, 1, 2, 3])
        assert len(root._slot.runtime.deadlines) == 0


async def test_timers_due_at_one_time_fire_in_the_order_they_were_set() -> None:
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Clockwork, kept)

        def begin(ctx: Context) -> None:
            for number in range(20):
                ctx.send_after(5, number)

        ref.tell(begin)
        await trio.sleep(6)
        assert [message for _, message in kept] == list(range(20))


async def test_ticks_keep_their_order_with_the_mail() -> None:
    """P12: in the normal lane, and exempt from the capacity."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Clockwork, kept, mailbox=MailboxSpec(2))
        go = trio.Event()

        async def block(ctx: Context) -> None:
            ctx.send_after(1, "tick")
            await go.wait()

        ref.tell(block)
        await settle()
        ref.tell("before")
        await trio.sleep(2)
        ref.tell("after")
        go.set()
        await settle()
        assert [message for _, message in kept] == ["before", "tick", "after"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_timer_sends_nothing(kind: Any) -> None:
    kept: list[Any] = []
    timers: list[Timer] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, kept)
        ref.tell(lambda ctx: timers.append(ctx.send_after(5, "tick")))
        await settle()
        assert repr(timers[0]).startswith(f"<Timer of {ref.path} due at ")
        timers[0].cancel()
        timers[0].cancel()
        assert len(root._slot.runtime.deadlines) == 0
        await trio.sleep(10)
        assert kept == []
        assert root.dead_letters.total == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("urgent", [False, True])
async def test_a_cancelled_timer_takes_its_queued_tick_back(kind: Any, urgent: bool) -> None:
    """P19: in the fast mode, and when an urgent mail has sealed the mailbox."""
    kept: list[Any] = []
    timers: list[Timer] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, kept)

        async def block(ctx: Context) -> None:
            timers.append(ctx.send_after(1, "tick"))
            await trio.sleep(5)

        ref.tell(block)
        await trio.sleep(2)
        ref.tell("mail", urgent=urgent)
        timers[0].cancel()
        await trio.sleep(5)
        assert [message for _, message in kept] == ["mail"]
        assert dict(root.dead_letters.counts) == {"cancelled": 1}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_timer_with_the_same_key_replaces_the_other(kind: Any) -> None:
    """P19: set again before it is due, and when its tick is queued already."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, kept)

        async def begin(ctx: Context) -> None:
            ctx.send_after(1, "first", key="k")
            ctx.send_after(1, "other", key=1)
            ctx.send_after(2, "second", key="k")
            await trio.sleep(3)
            ctx.send_after(1, "third", key="k")

        ref.tell(begin)
        await trio.sleep(10)
        assert [message for _, message in kept] == ["other", "third"]
        assert dict(root.dead_letters.counts) == {"cancelled": 1}
        more = ref._slot.more
        assert more is not None
        assert not more.timers


@pytest.mark.parametrize("end", ["stop", "crash"])
@pytest.mark.parametrize("kind", [Clockwork, OwnClockwork])
async def test_timers_end_with_their_incarnation(kind: Any, end: str) -> None:
    """P19: what was queued is dropped when it is taken, and counted."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, kept, restart="permanent")

        async def begin(ctx: Context) -> None:
            ctx.send_after(1, "queued")
            ctx.send_after(10, "later")
            await trio.sleep(5)

        ref.tell(begin)
        await trio.sleep(2)
        if end == "crash":
            ref.crash(OSError("crash"))
        else:
            await ref.stop()
        await settle()
        assert len(root._slot.runtime.deadlines) == 0
        if end == "crash":
            ref.tell("mail")
        await trio.sleep(20)
        assert [message for _, message in kept] == (["mail"] if end == "crash" else [])
        assert dict(root.dead_letters.counts) == {"old incarnation": 1}
        root.reports.drain()


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", None, True, 1j, [1], b"1", -0.1])
async def test_a_wrong_time_is_refused(seconds: Any) -> None:
    errors: list[ValueError] = []

    def begin(ctx: Context) -> None:
        with pytest.raises(ValueError, match="send_after: seconds") as caught:
            ctx.send_after(seconds, "tick")
        errors.append(caught.value)

    async with open_tree("stage") as root:
        root.start_soon(Clockwork, []).tell(begin)
        await settle()
        assert len(errors) == 1
        assert len(root._slot.runtime.deadlines) == 0


@pytest.mark.parametrize("key", [1.5, True, ("a",), [1], b"k", object()])
async def test_a_wrong_key_is_refused(key: Any) -> None:
    errors: list[TypeError] = []

    def begin(ctx: Context) -> None:
        with pytest.raises(TypeError, match="send_after: key") as caught:
            ctx.send_after(1, "tick", key=key)
        errors.append(caught.value)

    async with open_tree("stage") as root:
        root.start_soon(Clockwork, []).tell(begin)
        await settle()
        assert len(errors) == 1


async def test_the_context_of_an_ended_incarnation_sets_no_timer() -> None:
    contexts: list[Context] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Clockwork, [], restart="permanent")
        ref.tell(contexts.append)
        await settle()
        ref.crash(OSError("crash"))
        await settle()
        with pytest.raises(ActorStopped, match="this incarnation has ended"):
            contexts[0].send_after(1, "tick")
        assert len(root._slot.runtime.deadlines) == 0
        root.reports.drain()


async def test_many_deadlines_called_off_do_not_pile_up() -> None:
    """The list of deadlines is cleaned when most of it is dead."""
    async with open_tree("stage") as root:
        deadlines = root._slot.runtime.deadlines
        first = deadlines.add(trio.current_time() + 1, lambda: None)
        for number in range(10_000):
            deadlines.add(trio.current_time() + 100 + number, lambda: None).cancel()
        assert len(deadlines) == 1
        assert len(deadlines._heap) < 200
        first.cancel()
        assert len(deadlines) == 0


async def test_the_clock_never_jumps_to_a_deadline_that_was_called_off() -> None:
    """An answered ask must not make a test's clock run ahead."""
    async with open_tree("stage") as root:
        deadlines = root._slot.runtime.deadlines
        fired: list[float] = []
        near = deadlines.add(trio.current_time() + 1, lambda: fired.append(trio.current_time()))
        far = trio.current_time() + 50
        deadlines.add(far, lambda: fired.append(trio.current_time()))
        await settle()
        near.cancel()
        await trio.sleep(100)
        assert fired == [far]


async def test_a_deadline_may_set_and_call_off_others_when_it_fires() -> None:
    async with open_tree("stage") as root:
        deadlines = root._slot.runtime.deadlines
        now = trio.current_time()
        fired: list[str] = []

        def first() -> None:
            fired.append("first")
            victim.cancel()
            deadlines.add(now + 1, lambda: fired.append("at once"))
            deadlines.add(now + 2, lambda: fired.append("later"))

        deadlines.add(now + 1, first)
        victim = deadlines.add(now + 1, lambda: fired.append("victim"))
        await trio.sleep(5)
        assert fired == ["first", "at once", "later"]
        assert len(deadlines) == 0
