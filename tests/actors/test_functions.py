from itertools import count
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    Completed,
    Context,
    Errored,
    Finished,
    Idle,
    Killed,
    MailboxSpec,
    NoReply,
    Request,
    Running,
    Shutdown,
    open_supervisor,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[int]):
    pass


async def keeper(ctx: Context, kept: list[Any]) -> str:
    async for message in ctx:
        if message == "return":
            return "returned"
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Get):
            ctx.defer_reply().reply(len(kept))
        else:
            kept.append(message)
    raise AssertionError


async def test_a_function_receives_its_mail_in_order() -> None:
    """P12."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, kept)
        ref.tell("a")
        ref.tell("b", urgent=True)
        await settle()
        assert ref.status == Idle()
        ref.tell("c")
        assert await ref.ask(Get()) == 3
        assert kept == ["b", "a", "c"]


async def test_what_a_function_returns_is_its_result() -> None:
    """P23."""
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, [])
        ref.tell("return")
        await settle()
        assert ref.exit_reason == Finished("returned")
        assert ref.status == Completed("returned")


async def test_what_a_function_raises_is_its_crash() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, [])
        error = OSError("raised")
        ref.tell(error)
        await settle()
        assert ref.status == Errored(error)
        root.reports.drain()


async def test_a_restarted_function_begins_anew_with_what_waits() -> None:
    """P14: what was in hand is done with."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, kept, restart="permanent")
        await settle()
        ref.tell("a")
        ref.tell(OSError("crash"))
        ref.tell("b")
        await settle()
        assert kept == ["a", "b"]
        assert (ref.incarnation, root.dead_letters.total) == (2, 0)
        root.reports.drain()


async def test_a_function_shows_whether_it_waits_or_works() -> None:
    """P24."""
    go = trio.Event()

    async def worker(ctx: Context) -> None:
        await ctx.receive()
        await go.wait()
        await ctx.receive()

    async with open_tree("stage") as root:
        ref = root.start_soon(worker)
        await settle()
        assert ref.status == Idle()
        ref.tell("a")
        await settle()
        assert ref.status == Running()
        go.set()
        await settle()
        assert ref.status == Idle()


@pytest.mark.parametrize("busy", [False, True])
async def test_a_stop_is_delivered_at_receive_as_a_cancellation(busy: bool) -> None:
    """P26: what is in hand is finished first; nothing more is taken."""
    log: list[Any] = []

    async def worker(ctx: Context) -> None:
        try:
            async for message in ctx:
                log.append(message)
                await trio.sleep(1)
                log.append("done")
        finally:
            log.append("cleanup")

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(worker)
        await settle()
        if busy:
            ref.tell("a")
            await settle()
            ref.tell("b")
        reason = await ref.stop()
        assert reason == Shutdown()
        assert log == (["a", "done", "cleanup"] if busy else ["cleanup"])
        assert root.dead_letters.total == int(busy)


async def test_a_drain_lets_a_function_take_what_waits() -> None:
    """P26."""
    log: list[Any] = []

    async def worker(ctx: Context) -> None:
        async for message in ctx:
            await trio.sleep(1)
            log.append(message)

    async with open_tree("stage") as root:
        ref = root.start_soon(worker)
        await settle()
        for message in "abc":
            ref.tell(message)
        assert await ref.drain() == Shutdown()
        assert log == ["a", "b", "c"]
        assert root.dead_letters.total == 0


async def test_an_idle_function_that_is_drained_ends() -> None:
    """P26."""
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, [])
        await settle()
        assert await ref.drain() == Shutdown()


@pytest.mark.parametrize("idle", [False, True])
async def test_a_function_is_killed_wherever_it_is(idle: bool) -> None:
    """P26."""

    async def worker(ctx: Context) -> None:
        await ctx.receive()
        await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = root.start_soon(worker)
        await settle()
        if not idle:
            ref.tell("a")
            await settle()
        assert await ref.kill() == Killed("by outside")
        root.reports.drain()


async def test_a_function_that_does_not_come_back_is_cancelled_when_its_time_is_over() -> None:
    """P28."""

    async def worker(ctx: Context) -> None:
        await ctx.receive()
        await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = root.start_soon(worker, shutdown=3.0)
        ref.tell("a")
        await settle()
        before = trio.current_time()
        reason = await ref.stop()
        assert trio.current_time() - before == pytest.approx(3.0)
        assert isinstance(reason, Killed)
        root.reports.drain()


async def test_a_function_may_end_in_its_own_way_when_it_is_stopped() -> None:
    """P26: it gets no more mail, and its result counts."""

    async def worker(ctx: Context) -> str:
        try:
            await ctx.receive()
        except trio.Cancelled:
            return "my own way"
        raise AssertionError

    async with open_tree("stage") as root:
        ref = root.start_soon(worker)
        await settle()
        assert await ref.stop() == Finished("my own way")


async def test_ctx_stop_ends_a_function_at_its_next_receive() -> None:
    async def worker(ctx: Context) -> None:
        await ctx.receive()
        ctx.stop("result")
        await trio.sleep(1)
        await ctx.receive()
        raise AssertionError

    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref = root.start_soon(worker)
        ref.tell("a")
        ref.tell("b")
        with trio.fail_after(100):
            await ref.wait_stopped()
        assert ref.exit_reason == Finished("result")
        assert dict(root.dead_letters.counts) == {"stopped": 1}


async def test_a_function_that_does_not_answer_fails_its_asker() -> None:
    """P23: at the next receive, at its end, at its crash."""

    async def forgetful(ctx: Context, then: str) -> None:
        await ctx.receive()
        if then == "receive":
            await ctx.receive()
        elif then == "raise":
            raise OSError("crash")

    async with open_tree("stage") as root:
        for then, kind in (("receive", NoReply), ("raise", ActorCrashed), ("return", NoReply)):
            ref = root.start_soon(forgetful, then)
            with pytest.raises(kind):
                await ref.ask(Get())
        root.reports.drain()


async def test_a_function_asks_and_is_bounded_by_the_deadline_in_hand() -> None:
    """P17."""

    class Slow(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> int:
            await trio.sleep(100)
            return 1

    waited: list[float] = []

    async def middle(ctx: Context, slow: Any) -> None:
        while True:
            await ctx.receive()
            token = ctx.defer_reply()
            before = trio.current_time()
            try:
                token.reply(await slow.ask(Get()))
            except TimeoutError as error:
                waited.append(trio.current_time() - before)
                token.fail(error)

    async with open_tree("stage") as root:
        slow = root.start_soon(Slow)
        ref = root.start_soon(middle, slow)
        with pytest.raises(TimeoutError):
            await ref.ask(Get(), timeout=2)
        await settle()
        assert waited == pytest.approx([2.0])


async def test_cancelling_receive_loses_no_mail() -> None:
    """P14: a sweep over the steps in which mail and a timeout meet."""
    for steps in range(8):
        kept: list[Any] = []
        attempts = count()

        async def worker(ctx: Context) -> None:
            while len(kept) < 3:  # noqa: B023
                assert next(attempts) < 1_000  # noqa: B023
                with trio.CancelScope() as scope:
                    nursery.start_soon(cancel_after, scope, steps)  # noqa: B023
                    kept.append(await ctx.receive())  # noqa: B023

        async with trio.open_nursery() as nursery, open_supervisor("stage") as root:
            ref = root.start_soon(worker)
            for message in "abc":
                for _ in range(2):
                    await trio.lowlevel.checkpoint()
                ref.tell(message)
            with trio.fail_after(100):
                await ref.wait_stopped()
            assert kept == ["a", "b", "c"]


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    await trio.sleep(steps)
    scope.cancel()


async def test_receive_belongs_to_functions() -> None:
    errors: list[TypeError] = []

    class Plain(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            with pytest.raises(TypeError, match="actors that are functions") as caught:
                await ctx.receive()
            errors.append(caught.value)

    async with open_tree("stage") as root:
        root.start_soon(Plain).tell("a")
        await settle()
        assert len(errors) == 1


async def test_a_function_works_while_a_flooded_mailbox_holds_its_senders_back() -> None:
    """P15."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(keeper, kept, mailbox=MailboxSpec(2, "wait"))

        async def flood(sender: str) -> None:
            for number in range(20):
                await ref.send((sender, number))

        async with trio.open_nursery() as nursery:
            for sender in "abc":
                nursery.start_soon(flood, sender)
        await settle()
        for sender in "abc":
            assert [number for who, number in kept if who == sender] == list(range(20))


async def test_a_function_that_holds_things_over_its_messages_may() -> None:
    """It has a task of its own: nurseries and scopes stay open as long as it likes."""
    kept: list[Any] = []

    async def worker(ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            async for message in ctx:
                nursery.start_soon(later, message)

    async def later(message: Any) -> None:
        await trio.sleep(1)
        kept.append(message)

    async with open_tree("stage") as root:
        ref = root.start_soon(worker)
        for message in "abc":
            ref.tell(message)
        await trio.sleep(2)
        assert sorted(kept) == ["a", "b", "c"]
        assert await ref.stop() == Shutdown()


async def test_the_reports_of_a_functions_children_come_by_its_reports() -> None:
    async def child(_ctx: Context, number: int) -> int:
        return number

    results: list[Any] = []

    async def parent(ctx: Context) -> None:
        for number in range(3):
            await ctx.start(child, number)
        while True:
            report = await ctx.reports.receive()
            results.append(report.reason.result)  # type: ignore[union-attr]

    async with open_tree("stage") as root:
        root.start_soon(parent)
        await settle()
        assert sorted(results) == [0, 1, 2]
