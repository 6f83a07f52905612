"""Background work: whose it is, who may cancel it, and what is refused."""

from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorStopped, ActorStopping, Context, Forbidden
from greenroom.actors import current_slot
from greenroom.testing import open_tree

from .owner import KINDS, Do, Owner, after, context_of

settle = trio.testing.wait_all_tasks_blocked


# -- who it is


@pytest.mark.parametrize("kind", KINDS)
async def test_work_is_not_the_turn_of_its_owner_and_may_ask_it(kind: Any) -> None:
    seen: list[Any] = []

    async def nothing(_ctx: Context) -> str:
        assert current_slot() is not None
        return "answered"

    async def work(ctx: Context) -> Any:
        seen.append(current_slot())
        return await ctx.ref.ask(Do(nothing))

    async def begin(ctx: Context) -> Context:
        ctx.run_in_background(work, ctx)
        await trio.sleep(1)
        return ctx

    async with open_tree("stage") as root:
        ctx = await root.start_soon(kind, []).ask(Do(begin))
        assert (await ctx.wait_background(1)).payload == "answered"
        assert seen == [None]


@pytest.mark.parametrize("kind", KINDS)
async def test_work_runs_in_a_copy_of_the_context_variables_of_who_started_it(kind: Any) -> None:
    """Also what waits for the keeper to open its nursery."""
    var: ContextVar[str] = ContextVar("var", default="nothing")

    async def work() -> str:
        before = var.get()
        await trio.sleep(1)
        var.set("the work's")
        return before

    async def begin(ctx: Context) -> Context:
        for value in ("first", "second"):
            var.set(value)
            ctx.run_in_background(work)
        await settle()
        var.set("third")
        ctx.run_in_background(work)
        await trio.sleep(3)
        assert var.get() == "third"
        return ctx

    async with open_tree("stage") as root:
        var.set("the test's")
        ctx = await root.start_soon(kind, []).ask(Do(begin))
        drained = {result.id: result.payload for result in ctx.drain_completed()}
        assert drained == {1: "first", 2: "second", 3: "third"}
        assert var.get() == "the test's"


async def test_work_may_be_started_by_work_in_startup_and_by_the_last_that_ends() -> None:
    """The keeper's nursery closes with its last task, and another one is opened for the next."""

    class Starts(Owner):
        async def startup(self, ctx: Context) -> None:
            ctx.run_in_background(chain, ctx, 5)
            assert (await ctx.wait_background(ctx.run_in_background(after, 1, "early"))).payload == "early"

    async def chain(ctx: Context, left: int) -> int:
        if left:
            ctx.run_in_background(chain, ctx, left - 1)
        return left

    async with open_tree("stage") as root:
        ctx = await context_of(root, Starts)
        await settle()
        assert [result.payload for result in ctx.drain_completed()] == [5, 4, 3, 2, 1, 0]
        for number in range(3):
            await settle()
            assert not ctx.ref._slot.more.background.is_busy  # type: ignore[union-attr]
            assert (await ctx.wait_background(ctx.run_in_background(after, 1, number))).payload == number


# -- cancelling, and by whom


async def test_a_cancellation_has_one_of_four_outcomes() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        stranger = await context_of(root, name="stranger")
        assert ctx.cancel_background(1) == "not found"
        ctx.run_in_background(after, 9)
        assert stranger.cancel_background(1, of=ctx.ref) == "forbidden"
        assert [work.state for work in ctx.background()] == ["running"]
        await settle()
        assert ctx.cancel_background(1) == "signalled"
        assert ctx.cancel_background(1) == "signalled"
        await settle()
        assert ctx.cancel_background(1) == "already ended"
        [result] = ctx.drain_completed()
        assert (result.kind, result.payload, result.cause) == ("cancelled", None, "")
        assert ctx.cancel_background(1) == "already ended"
        assert [ctx.cancel_background(number) for number in (0, -1, 2)] == ["not found"] * 3


async def test_a_forbidden_call_does_nothing() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        below = await ctx.ref.ask(Do(start_below))
        stranger = await context_of(root, name="stranger")
        ctx.run_in_background(after, 1, "mine")
        await trio.sleep(2)
        for other in (stranger, below):
            with pytest.raises(Forbidden, match="is a matter of that actor and the supervisors above it"):
                other.background(of=ctx.ref)
            with pytest.raises(Forbidden):
                await other.wait_background(1, of=ctx.ref)
            assert other.cancel_background(1, of=ctx.ref) == "forbidden"
        assert [result.payload for result in ctx.drain_completed()] == ["mine"]


async def start_below(ctx: Context) -> Context:
    ref = ctx.start_soon(Owner, [], name="below")

    async def give(ctx: Context) -> Context:
        return ctx

    below: Context = await ref.ask(Do(give))
    return below


async def test_supervisors_above_may_list_wait_and_cancel() -> None:
    """The root by its handle, an actor above by its context."""
    async with open_tree("stage") as root:
        above = await context_of(root)
        below = await above.ref.ask(Do(start_below))
        for seconds in (1, 2, 50, 60):
            below.run_in_background(after, seconds, seconds)
        assert root.background("owner/below") == root.background("/stage/owner/below") == below.background()
        assert above.background(of=below.ref) == below.background()
        assert above.background() == []
        assert (await root.wait_background("owner/below", 1, timeout=5)).payload == 1
        assert (await above.wait_background(2, of=below.ref)).payload == 2
        assert root.cancel_background("owner/below", 3) == "signalled"
        assert above.cancel_background(4, of=below.ref) == "signalled"
        await settle()
        assert {result.id: result.kind for result in below.drain_completed()} == {3: "cancelled", 4: "cancelled"}


async def test_the_failure_of_one_cancels_no_other_and_does_not_crash_the_actor() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for value in (OSError("a"), BaseExceptionGroup("b", [OSError("c")]), "well"):
            ctx.run_in_background(after, 1 if value != "well" else 3, value)
        await trio.sleep(5)
        assert [result.kind for result in ctx.drain_completed()] == ["failed", "failed", "completed"]
        assert (ctx.ref.incarnation, ctx.ref.lifecycle) == (1, "ready")


# -- what is refused


async def test_wrong_arguments_are_refused_and_nothing_is_started() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        wrong: list[tuple[type[Exception], str, Any]] = [
            (TypeError, "not callable", lambda: ctx.run_in_background(3)),  # type: ignore[arg-type]
            (TypeError, "missing a required argument", lambda: ctx.run_in_background(after)),  # type: ignore[call-arg]
            (TypeError, "too many", lambda: ctx.run_in_background(after, 1, 2, 3)),  # type: ignore[call-arg]
            (TypeError, "non-empty string", lambda: ctx.run_in_background(after, 1, name="")),
            (TypeError, "non-empty string", lambda: ctx.run_in_background(after, 1, name=1)),  # type: ignore[arg-type]
            (ValueError, "'drain' or 'mail'", lambda: ctx.run_in_background(after, 1, deliver="post")),  # type: ignore[arg-type]
            (TypeError, "give the number", lambda: ctx.cancel_background("1")),  # type: ignore[arg-type]
            (TypeError, "give the number", lambda: ctx.cancel_background(True)),
        ]
        for error, text, call in wrong:
            with pytest.raises(error, match=text):
                call()
        for timeout in (-1, float("nan"), "1"):
            with pytest.raises(ValueError, match="wait_background: timeout"):
                await ctx.wait_background(1, timeout=timeout)  # type: ignore[arg-type]
        assert ctx.background() == []
        assert ctx.run_in_background(partial(after, 1, value=2)) == 1
        assert (await ctx.wait_background(1)).name == "after"


async def test_a_function_that_is_not_async_has_failed_and_is_told_so() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for started in (ctx.run_in_background(lambda: 3), ctx.run_in_background(max, 1, 2)):  # type: ignore[arg-type, return-value]
            result = await ctx.wait_background(started)
            assert result.kind == "failed"
            assert "give an async function" in result.cause


async def test_past_the_end_every_call_is_refused_and_so_is_a_start_while_it_ends() -> None:
    refused: list[Any] = []

    class Ends(Owner):
        async def shutdown(self, ctx: Context, reason: object) -> None:
            with pytest.raises(ActorStopping) as caught:
                ctx.run_in_background(after, 1)
            refused.append(str(caught.value))

    async with open_tree("stage") as root:
        ctx = await context_of(root, Ends)
        await ctx.ref.stop()
        assert refused == ["/stage/owner: its end has begun, and with it that of its background work"]
        calls: list[Any] = [
            lambda: ctx.run_in_background(after, 1),
            ctx.drain_completed,
            ctx.background,
            ctx.pending_count,
            lambda: ctx.cancel_background(1),
        ]
        for call in calls:
            with pytest.raises(ActorStopped):
                call()
        with pytest.raises(ActorStopped):
            await ctx.wait_background(1)
