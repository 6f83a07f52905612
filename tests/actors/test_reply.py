import gc
import threading
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorStopped,
    Agent,
    Context,
    NoReply,
    NotInTurn,
    ReplyToken,
    Request,
    Turn,
    TurnInterrupted,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[str]):
    pass


class Deferring(Actor[Any]):
    """Defer each answer; keep the tokens where the test reaches them."""

    def __init__(self, tokens: list[ReplyToken[Any]]) -> None:
        self.tokens = tokens

    async def receive(self, message: Any, ctx: Context) -> str:
        if isinstance(message, Get):
            self.tokens.append(ctx.defer_reply())
        return "not this"


class OwnDeferring(Deferring):
    own_task = True


class AgentDeferring(Agent[Any]):
    def __init__(self, tokens: list[ReplyToken[Any]]) -> None:
        self.tokens = tokens

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        if turn.mail[0].kind == "request":
            self.tokens.append(ctx.defer_reply())
        return "not this"


async def function_deferring(ctx: Context, tokens: list[ReplyToken[Any]]) -> None:
    while True:
        if isinstance(await ctx.receive(), Get):
            tokens.append(ctx.defer_reply())


KINDS: list[Any] = [Deferring, OwnDeferring, AgentDeferring, function_deferring]


class Asking:
    """Ask in a task of its own; keep what came back."""

    def __init__(self, nursery: trio.Nursery, ref: Any) -> None:
        self.answer: Any = None
        self.error: Exception | None = None
        self.scope = trio.CancelScope()
        nursery.start_soon(self._ask, ref)

    async def _ask(self, ref: Any) -> None:
        with self.scope:
            try:
                self.answer = await ref.ask(Get())
            except Exception as error:  # noqa: BLE001 -- looked at by the test
                self.error = error


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deferred_request_is_answered_by_its_token(kind: Any) -> None:
    """P17: from any task, in any order."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, tokens)
        first = Asking(nursery, ref)
        await settle()
        second = Asking(nursery, ref)
        await settle()
        assert len(tokens) == 2
        assert repr(tokens[0]).startswith(f"<ReplyToken of {ref.path} <")
        assert tokens[1].reply("two") is True
        await settle()
        assert (first.answer, second.answer) == (None, "two")
        tokens[0].reply("one")
        await settle()
        assert first.answer == "one"
        assert repr(tokens[0]) == f"<ReplyToken of {ref.path} used>"
        assert not ref._slot.more.deferred
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deferred_request_fails_with_what_the_token_says(kind: Any) -> None:
    """P17: the error as it is, not as a crash."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        asking = Asking(nursery, root.start_soon(kind, tokens))
        await settle()
        error = OSError("no")
        tokens.pop().fail(error)
        await settle()
        assert asking.error is error
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_that_is_dropped_fails_its_asker(kind: Any) -> None:
    """P17, P23."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, tokens)
        asking = Asking(nursery, ref)
        await settle()
        tokens.clear()
        gc.collect()
        await settle()
        assert isinstance(asking.error, NoReply)
        assert isinstance(asking.error.message, Get)
        assert str(asking.error) == f"{ref.path}: took the request and dropped it without a reply"
        assert not ref._slot.more.deferred
        root.reports.drain()


async def test_a_token_that_is_dropped_in_another_thread_fails_its_asker() -> None:
    """P17: the last reference may be dropped anywhere."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        asking = Asking(nursery, root.start_soon(Deferring, tokens))
        await settle()
        thread = threading.Thread(target=tokens.clear)
        thread.start()
        thread.join()
        await settle()
        assert isinstance(asking.error, NoReply)


async def test_a_token_that_outlives_its_tree_and_its_run_is_quiet() -> None:
    tokens: list[ReplyToken[str]] = []

    async def main() -> None:
        async with open_tree("stage") as root, trio.open_nursery() as nursery:
            Asking(nursery, root.start_soon(Deferring, tokens))
            await settle()
            nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    thread.join()
    assert len(tokens) == 1
    tokens.clear()
    gc.collect()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_can_be_used_once(kind: Any) -> None:
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        asking = Asking(nursery, root.start_soon(kind, tokens))
        await settle()
        tokens[0].reply("once")
        with pytest.raises(RuntimeError, match="used already"):
            tokens[0].reply("twice")
        with pytest.raises(RuntimeError, match="used already"):
            tokens[0].fail(OSError())
        await settle()
        assert asking.answer == "once"
        root.reports.drain()


@pytest.mark.parametrize("wrong", ["no", None, OSError, 3])
async def test_a_token_fails_with_exceptions_only(wrong: Any) -> None:
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        asking = Asking(nursery, root.start_soon(Deferring, tokens))
        await settle()
        with pytest.raises(TypeError, match="no exception"):
            tokens[0].fail(wrong)
        tokens[0].reply("still there")
        await settle()
        assert asking.answer == "still there"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_to_an_asker_who_has_gone_is_counted_and_dropped(kind: Any) -> None:
    """P17."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        asking = Asking(nursery, root.start_soon(kind, tokens))
        await settle()
        asking.scope.cancel()
        await settle()
        assert tokens[0].reply("late") is False
        assert dict(root.dead_letters.counts) == {"late reply": 1}
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
async def test_a_deferred_request_fails_with_the_end_of_its_actor(kind: Any, end: str) -> None:
    """P16, P17: and the token is of no use then."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, tokens)
        asking = Asking(nursery, ref)
        await settle()
        if end == "crash":
            ref.crash(OSError("pulled"))
        else:
            await getattr(ref, end)()
        await settle()
        assert type(asking.error) is (ActorCrashed if end == "crash" else ActorStopped)
        assert tokens[0].reply("too late") is False
        root.reports.drain()


@pytest.mark.parametrize("own_task", [False, True])
async def test_a_deferred_request_fails_when_its_incarnation_does(own_task: bool) -> None:
    """P16: only what has not begun survives a restart."""
    tokens: list[ReplyToken[str]] = []
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(OwnDeferring if own_task else Deferring, tokens, restart="permanent")
        asking = Asking(nursery, ref)
        await settle()
        ref.crash(OSError("pulled"))
        await settle()
        assert isinstance(asking.error, ActorCrashed)
        assert asking.error.begun is True
        assert ref.incarnation == 2
        assert tokens[0].reply("too late") is False
        root.reports.drain()


async def test_an_interrupt_leaves_a_deferred_request_to_its_token() -> None:
    """P22."""
    tokens: list[ReplyToken[str]] = []

    class Waiting(Deferring):
        async def receive(self, message: Any, ctx: Context) -> str:
            await super().receive(message, ctx)
            await trio.sleep_forever()
            return ""

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(Waiting, tokens)
        asking = Asking(nursery, ref)
        await settle()
        assert await ref.interrupt()
        assert asking.error is None
        tokens[0].reply("after all")
        await settle()
        assert asking.answer == "after all"


async def test_there_is_nothing_to_defer_without_a_request() -> None:
    errors: list[NotInTurn] = []

    class Trying(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> str:
            if isinstance(message, Get):
                token = ctx.defer_reply()
                with pytest.raises(NotInTurn):
                    ctx.defer_reply()
                token.reply("first")
            else:
                with pytest.raises(NotInTurn) as caught:
                    ctx.defer_reply()
                errors.append(caught.value)
            return "ignored"

    async with open_tree("stage") as root:
        ref = root.start_soon(Trying)
        ref.tell("no request")
        assert await ref.ask(Get()) == "first"
        assert len(errors) == 1


async def test_an_agent_with_two_requests_has_no_single_one_to_defer() -> None:
    """P23: each of them still has its outcome."""

    class Trying(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)

        async def turn(self, turn: Turn[Any], ctx: Context) -> str:
            with pytest.raises(NotInTurn):
                ctx.defer_reply()
            return f"for {len(turn.mail)}"

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(Trying)
        asks = [Asking(nursery, ref), Asking(nursery, ref)]
        await trio.sleep(2)
        assert [asking.answer for asking in asks] == ["for 2", "for 2"]
        root.reports.drain()


async def test_a_function_that_takes_the_next_message_without_an_answer_owes_none() -> None:
    """P23: the asker is told."""

    async def forgetful(ctx: Context) -> None:
        async for _ in ctx:
            pass

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(forgetful)
        asking = Asking(nursery, ref)
        await settle()
        assert isinstance(asking.error, NoReply)
        assert root.dead_letters.total == 0


async def test_an_interrupted_function_of_a_handler_does_not_answer() -> None:
    """P22: what was in hand and not deferred is told of the interrupt."""

    class Waiting(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> str:
            await trio.sleep_forever()
            return ""

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(Waiting)
        asking = Asking(nursery, ref)
        await settle()
        await ref.interrupt()
        await settle()
        assert isinstance(asking.error, TurnInterrupted)
