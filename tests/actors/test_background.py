"""Background work: starting it, and taking each result once."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Agent,
    BackgroundNotFound,
    BackgroundResult,
    BackgroundTimeout,
    BackgroundWork,
    Context,
    Deadlock,
    MailboxSpec,
    Turn,
)
from greenroom.testing import open_tree

from .owner import KINDS, Do, Owner, after, context_of

settle = trio.testing.wait_all_tasks_blocked


@pytest.mark.parametrize("kind", KINDS)
async def test_work_started_in_a_turn_goes_on_after_it_and_reports_back(kind: Any) -> None:
    async with open_tree("stage") as root:

        async def begin(ctx: Context) -> tuple[Context, int, float]:
            before = trio.current_time()
            started = ctx.run_in_background(after, 5, "done", prompt="do it")
            assert ctx.pending_count() == 1
            assert ctx.drain_completed() == []
            return ctx, started, trio.current_time() - before

        ref = root.start_soon(kind, [])
        ctx, started, took = await ref.ask(Do(begin))
        assert (started, took) == (1, 0)
        await trio.sleep(6)
        assert ctx.pending_count() == 0
        assert ctx.drain_completed() == [BackgroundResult(1, "after", "do it", "completed", "done", "", 5)]
        assert ctx.drain_completed() == []


async def test_nothing_of_the_work_has_run_when_its_start_returns() -> None:
    ran: list[str] = []

    async def work() -> None:
        ran.append("work")

    async with open_tree("stage") as root:
        ctx = await context_of(root)
        ctx.run_in_background(work)
        ctx.run_in_background(work)
        assert ran == []
        await settle()
        assert ran == ["work"] * 2


async def test_ids_grow_from_1_per_actor_and_are_never_given_again_not_even_after_a_restart() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root, restart="permanent")
        other = await context_of(root, name="other")
        assert [ctx.run_in_background(after, 0) for _ in range(3)] == [1, 2, 3]
        assert other.run_in_background(after, 0) == 1
        await settle()
        assert sorted(result.id for result in ctx.drain_completed()) == [1, 2, 3]
        assert ctx.run_in_background(after, 9) == 4
        ctx.ref.crash(OSError("crash"))
        await settle()
        root.reports.drain()

        async def again(ctx: Context) -> int:
            return ctx.run_in_background(after, 0)

        assert await ctx.ref.ask(Do(again)) == 5


async def test_results_are_drained_in_the_order_of_completion() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for seconds in (3, 1, 2, 9):
            ctx.run_in_background(after, seconds, seconds)
        await trio.sleep(5)
        assert [(result.id, result.payload, result.duration) for result in ctx.drain_completed()] == [
            (2, 1, 1),
            (3, 2, 2),
            (1, 3, 3),
        ]
        await trio.sleep(5)
        assert [result.id for result in ctx.drain_completed()] == [4]


async def test_a_list_shows_what_runs_and_what_has_ended_and_was_not_delivered() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        assert ctx.background() == []
        await trio.sleep(2)
        ctx.run_in_background(after, 9, name="long", prompt={"any": "thing"})
        ctx.run_in_background(after, 1, OSError("broken"))
        ctx.run_in_background(after, 9, deliver="mail")
        ctx.run_in_background(after, 1, deliver="mail")
        shielded = ctx.run_in_background(stubborn, 5)
        await trio.sleep(2)
        ctx.cancel_background(shielded)
        listed = ctx.background()
        assert listed == [
            BackgroundWork(1, "long", {"any": "thing"}, 2, "running", "drain"),
            BackgroundWork(2, "after", None, 2, "failed", "drain"),
            BackgroundWork(3, "after", None, 2, "running", "mail"),
            BackgroundWork(5, "stubborn", None, 2, "cancelling", "drain"),
        ]
        assert ctx.pending_count() == 3
        assert ctx.background() == listed
        with pytest.raises(AttributeError):
            listed[0].state = "completed"  # type: ignore[misc]
        ctx.drain_completed()
        assert [work.id for work in ctx.background()] == [1, 3, 5]


async def stubborn(seconds: float) -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)
    return "done all the same"


# -- waiting


async def test_who_waits_takes_the_result_and_no_drain_has_it() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for seconds in (1, 3):
            ctx.run_in_background(after, seconds, seconds)
        assert (await ctx.wait_background(2)).payload == 3
        assert trio.current_time() == 3
        assert (await ctx.wait_background(1)).payload == 1
        assert trio.current_time() == 3
        assert ctx.drain_completed() == []


async def test_a_timeout_leaves_the_work_and_its_result() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        ctx.run_in_background(after, 10, "late")
        for seconds in (0, 4):
            before = trio.current_time()
            with pytest.raises(BackgroundTimeout) as caught:
                await ctx.wait_background(1, timeout=seconds)
            assert isinstance(caught.value, TimeoutError)
            assert str(caught.value) == f"/stage/owner: background work 1 has not ended within {seconds} s; it goes on"
            assert trio.current_time() - before == seconds
        assert (await ctx.wait_background(1, timeout=7)).payload == "late"
        assert trio.current_time() == 10


async def test_a_cancelled_wait_takes_nothing() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        ctx.run_in_background(after, 3, "there")
        with trio.move_on_after(1):
            await ctx.wait_background(1)
        await trio.sleep(3)
        with trio.CancelScope() as scope:
            scope.cancel()
            await ctx.wait_background(1)
        assert [result.payload for result in ctx.drain_completed()] == ["there"]


async def test_of_those_who_wait_the_first_has_the_result_and_no_drain_takes_it_from_him() -> None:
    """It is handed over in the step in which the work ends."""
    got: list[Any] = []

    async def wait(number: int, timeout: float | None) -> None:
        try:
            got.append((number, (await ctx.wait_background(1, timeout=timeout)).payload))
        except (BackgroundNotFound, BackgroundTimeout) as error:
            got.append((number, type(error)))

    async def work() -> str:
        await trio.sleep(3)
        nursery.start_soon(drain)
        return "done"

    async def drain() -> None:
        assert ctx.drain_completed() == []
        got.append("drained")

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ctx = await context_of(root)
        ctx.run_in_background(work)
        for number, timeout in enumerate([1, None, None]):
            nursery.start_soon(wait, number, timeout)
            await settle()
        await trio.sleep(5)
        assert got[0] == (0, BackgroundTimeout)
        assert sorted(map(str, got[1:])) == sorted(map(str, [(1, "done"), (2, BackgroundNotFound), "drained"]))


async def test_a_wait_for_what_is_not_there_says_why() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root, restart="permanent")

        async def why(work_id: int) -> str:
            with pytest.raises(BackgroundNotFound) as caught:
                await ctx.wait_background(work_id)
            assert isinstance(caught.value, LookupError)
            assert (caught.value.path, caught.value.id) == ("/stage/owner", work_id)
            return str(caught.value)

        assert await why(1) == "/stage/owner: background work 1: none was started yet"
        ctx.run_in_background(after, 1)
        ctx.run_in_background(after, 1, deliver="mail")
        assert await why(3) == "/stage/owner: background work 3: there is none of that number; the last one was 2"
        assert await why(0) == "/stage/owner: background work 0: there is none of that number; the last one was 2"
        assert await why(2) == "/stage/owner: background work 2: its result comes as mail, and by no other way"
        await trio.sleep(2)
        assert await why(2) == "/stage/owner: background work 2: its result has been delivered already"
        ctx.drain_completed()
        assert await why(1) == "/stage/owner: background work 1: its result has been delivered already"
        ctx.ref.crash(OSError("crash"))
        await settle()
        root.reports.drain()

        async def give(ctx: Context) -> Context:
            return ctx

        ctx = await ctx.ref.ask(Do(give))
        assert await why(1) == "/stage/owner: background work 1: it was of an earlier incarnation, and ended with that"


async def test_work_that_waits_for_its_own_end_is_told_of_a_deadlock() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        ctx.run_in_background(lambda: ctx.wait_background(1))
        result = await ctx.wait_background(1)
        assert isinstance(result.payload, Deadlock)
        assert "cannot wait for its own end" in result.cause


# -- mail


@pytest.mark.parametrize("kind", KINDS)
async def test_a_result_by_mail_comes_as_mail_that_starts_a_turn_and_by_no_other_way(kind: Any) -> None:
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ctx = await context_of(root, kind, kept)
        ctx.run_in_background(after, 3, "there", deliver="mail")
        await trio.sleep(2)
        with pytest.raises(BackgroundNotFound):
            await ctx.wait_background(1)
        assert kept == []
        await trio.sleep(2)
        assert kept == [(BackgroundResult(1, "after", None, "completed", "there", "", 3), "background")]
        assert ctx.drain_completed() == ctx.background() == []


async def test_a_result_by_mail_keeps_its_order_and_counts_against_no_capacity() -> None:
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ctx = await context_of(root, Owner, kept, mailbox=MailboxSpec(2))

        async def busy(_ctx: Context) -> None:
            await trio.sleep(5)

        ctx.ref.tell(Do(busy))
        await settle()
        ctx.ref.tell("before")
        for _ in range(3):
            ctx.run_in_background(after, 1, deliver="mail")
        await trio.sleep(2)
        ctx.ref.tell("after")
        await trio.sleep(5)
        assert [kind for _, kind in kept] == ["message", *["background"] * 3, "message"]
        assert [message for message, kind in kept if kind == "message"] == ["before", "after"]


async def test_an_agent_draws_a_result_by_mail_into_its_turn() -> None:
    class Draws(Agent[str]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            ctx.run_in_background(after, 1, "there", deliver="mail")
            await trio.sleep(2)
            return [(mail.kind, mail.message.payload) for mail in turn.drain()]

    async with open_tree("stage") as root:
        ref = await root.start(Draws)
        assert await ref.run_turn("go") == [("background", "there")]
