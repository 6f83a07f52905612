"""Background work: starting it, and taking each result once."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorStopped,
    ActorStopping,
    Agent,
    BackgroundNotFound,
    BackgroundResult,
    BackgroundTimeout,
    BackgroundWork,
    Context,
    Deadlock,
    Forbidden,
    MailboxSpec,
    Request,
    Turn,
)
from greenroom.actors import current_slot
from greenroom.testing import Tree, open_tree

settle = trio.testing.wait_all_tasks_blocked
Act = Callable[[Context], Awaitable[Any]]


class Do(Request[Any]):
    """Carry a function of the context: the receiver runs it in its own turn."""

    def __init__(self, act: Act) -> None:
        self.act = act


class Owner(Actor[Any]):
    """Do as it is told, and keep all other mail with its kind."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Do):
            return await message.act(ctx)
        mail = ctx.mail
        self.kept.append((message, None if mail is None else mail.kind))
        return None


class OwnOwner(Owner):
    own_task = True


class AgentOwner(Agent[Any]):
    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            if isinstance(mail.message, Do):
                result = await mail.message.act(ctx)
            else:
                self.kept.append((mail.message, mail.kind))
        return result


async def function_owner(ctx: Context, kept: list[Any]) -> None:
    async for message in ctx:
        if isinstance(message, Do):
            token = ctx.defer_reply()
            token.reply(await message.act(ctx))
        else:
            assert ctx.mail is not None
            kept.append((message, ctx.mail.kind))


KINDS: list[Any] = [Owner, OwnOwner, AgentOwner, function_owner]


async def context_of(tree: Tree, kind: Any = Owner, kept: list[Any] | None = None, **options: Any) -> Context:
    """Start an owner and return its context: who holds that acts for it."""
    ref = tree.start_soon(kind, [] if kept is None else kept, name=options.pop("name", "owner"), **options)

    async def give(ctx: Context) -> Context:
        return ctx

    ctx: Context = await ref.ask(Do(give))
    return ctx


async def after(seconds: float, value: Any = None) -> Any:
    await trio.sleep(seconds)
    if isinstance(value, BaseException):
        raise value
    return value


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
