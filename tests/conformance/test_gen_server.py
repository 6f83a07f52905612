"""Elixir's GenServer: start, call, cast, continue, timeouts, stop, and what `terminate` sees."""

from typing import Any

import attrs
import pytest
import trio

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    AskTimeout,
    ChildNotFound,
    Context,
    Crashed,
    Deadlock,
    Finished,
    Ignore,
    Ignored,
    ReplyToken,
    Request,
    Shutdown,
    StartupFailed,
)
from greenroom.testing import Tree

from .cast import Boom, Player, Stage, settle

NO_MEANING = {
    "start/3": "nothing runs outside of a tree: every actor has a parent, as with start_link/3",
    "abcast/3 and multi_call/4": "there are no nodes",
    "names: :global and :via": "a name is a place in the tree; other names are the registry's",
    "code_change/3": "code is not replaced while it runs",
    "hibernate": "there is no heap of an actor's own to shrink; an agent can be put to rest",
    "format_status/1": "what is shown of an actor is never its state",
}


Items = list[Any]


@attrs.frozen
class Push:
    item: Any


class Pop(Request[Any]):
    """Take the last item."""


@attrs.frozen
class Slowly(Request[str]):
    seconds: float


@attrs.frozen
class Later(Request[str]):
    """Answer when somebody says so."""


class Last(Request[str]):
    """Answer, and leave."""


@attrs.frozen
class CallSelf(Request[Any]):
    ref: ActorRef[Any]


class Stack(Actor[Any]):
    def __init__(self, items: list[Any], seen: list[Any]) -> None:
        self.items, self.seen = items, seen
        self.tokens: list[ReplyToken[str]] = []

    async def receive(self, message: Any, ctx: Context) -> Any:
        match message:
            case Push():
                self.items.append(message.item)
            case Pop():
                return self.items.pop()
            case Slowly():
                await trio.sleep(message.seconds)
                return "slow"
            case Later():
                self.tokens.append(ctx.defer_reply())
            case "now":
                self.tokens.pop().reply("later")
            case Last():
                ctx.stop()
                return "bye"
            case CallSelf():
                return await message.ref.ask(Pop())
            case _:
                raise message
        return None

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.seen.append(reason)


async def test_call_gives_the_reply_and_cast_is_handled_before_what_comes_after_it(tree: Tree) -> None:
    """Source: Elixir GenServer, start_link/2, call/2 and cast/2 — messages of one sender are handled in their order; a call gives the reply."""
    ref = await tree.start(Stack, ["hello"], Items(), name="stack")
    assert await ref.ask(Pop()) == "hello"
    ref.tell(Push("world"))
    ref.tell(Push("again"))
    assert await ref.ask(Pop()) == "again"
    assert await ref.ask(Pop()) == "world"


async def test_start_returns_when_init_is_through(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, init/1 — start_link blocks until init has returned.

    Departs: `start_soon` does not: the actor is registered, and its mail waits.
    """
    stage.plan("a", 2.0)
    stage.plan("b", 2.0)
    await tree.start(Player, stage, name="a")
    assert (trio.current_time(), stage.log) == (2.0, ["a starts", "a is ready"])
    tree.start_soon(Player, stage, name="b").tell("early")
    assert stage.log[2:] == []
    await trio.sleep(2.5)
    assert stage.log[2:] == ["b starts", "b is ready", "b got early"]


async def test_an_init_that_stops_is_the_starters_error_and_the_loop_is_never_entered(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, init/1 {:stop, reason} — the start gives the reason, and no callback sees a message.

    Departs: the `shutdown` hook runs once `startup` has begun, so that it can close what was opened; `terminate` is not called.
    """
    stage.plan("a", Boom("bad arguments"))
    with pytest.raises(StartupFailed) as caught:
        await tree.start(Player, stage, name="a", mail="early")
    assert isinstance(caught.value.__cause__, Boom)
    assert stage.log == ["a starts", "a closes", "a has closed"]
    tree.expect_dead_letters("startup failed", 1)


async def test_an_init_that_ignores_is_no_failure_and_leaves_nothing(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, init/1 :ignore — the process ends normally without entering the loop; a supervisor goes on.

    Departs: `await start(...)` raises `ActorStopped`, as there is nothing that it could return.
    """
    stage.plan("a", Ignore())
    with pytest.raises(ActorStopped):
        await tree.start(Player, stage, name="a")
    stage.plan("a", Ignore())
    ref = tree.start_soon(Player, stage, name="a")
    assert await ref.wait_stopped() == Ignored()
    assert not Ignored().is_failure
    assert tree.which_children() == []


async def test_continue_comes_before_all_other_mail(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, init/1 {:continue, term} — the continuation is handled before any message, also one that was there before.

    Departs: it is a first message, given with the start.
    """
    stage.plan("a", 1.0)
    ref = tree.start_soon(Player, stage, name="a", mail="continue")
    ref.tell("first")
    await trio.sleep(2)
    assert stage.log == ["a starts", "a is ready", "a got continue", "a got first"]


class Quiet(Actor[Any]):
    """Say when nothing has come for two seconds."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def startup(self, ctx: Context) -> None:
        ctx.send_after(2.0, "timeout", key="quiet")

    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "timeout":
            self.seen.append(trio.current_time())
        else:
            ctx.send_after(2.0, "timeout", key="quiet")


async def test_a_timeout_comes_when_nothing_else_has(tree: Tree) -> None:
    """Source: Elixir GenServer, timeouts — `:timeout` comes when no message has for so long; every message calls it off.

    Departs: no return value sets it; it is a timer with a key, that each message sets anew.
    """
    seen: list[Any] = []
    ref = await tree.start(Quiet, seen)
    for _ in range(3):
        await trio.sleep(1.5)
        ref.tell("x")
    await trio.sleep(10)
    assert seen == [6.5]


async def test_a_call_that_takes_too_long_fails_its_caller_and_not_the_server(tree: Tree) -> None:
    """Source: Elixir GenServer, call/3 timeout — the caller fails when the time is over; the server goes on, and its late reply is dropped.

    Departs: there is no default of 5 s: without `timeout` a call waits as long as the server is there.
    """
    ref = await tree.start(Stack, ["kept"], Items())
    with pytest.raises(AskTimeout):
        await ref.ask(Slowly(10.0), timeout=5.0)
    assert trio.current_time() == 5.0
    assert await ref.ask(Pop()) == "kept"
    assert trio.current_time() == 10.0
    assert await ref.ask(Slowly(3_600.0)) == "slow"
    assert tree.dead_letters.counts["late reply"] == 1


async def test_a_call_to_nobody_fails_at_once(tree: Tree) -> None:
    """Source: Elixir GenServer, call/3 exit messages — a call to a process that is not there exits with `noproc`."""
    ref = await tree.start(Stack, Items(), Items())
    await ref.stop()
    with pytest.raises(ActorStopped):
        await ref.ask(Pop())
    with pytest.raises(ChildNotFound):
        tree.lookup("nobody")
    assert trio.current_time() == 0.0


async def test_a_call_fails_at_once_when_the_server_dies_of_it(tree: Tree) -> None:
    """Source: Elixir GenServer, call/3 exit messages — when the server dies before it has replied the caller exits with its reason."""
    ref = await tree.start(Stack, Items(), Items())
    with pytest.raises(ActorCrashed) as caught:
        await ref.ask(Pop(), timeout=100.0)
    assert isinstance(caught.value.__cause__, IndexError)
    assert trio.current_time() == 0.0
    assert isinstance(await ref.wait_stopped(), Crashed)


async def test_a_server_that_calls_itself_is_told_so(tree: Tree) -> None:
    """Source: Elixir GenServer, call/3 exit messages — a process that calls itself exits with `calling_self`, at once.

    Departs: so it is for a circle of any length.
    """
    ref = await tree.start(Stack, Items(), Items())
    with pytest.raises(ActorCrashed) as caught:
        await ref.ask(CallSelf(ref))
    assert isinstance(caught.value.__cause__, Deadlock)


async def test_a_cast_to_nobody_is_refused(tree: Tree) -> None:
    """Source: Elixir GenServer, cast/2 — a cast to a process that is not there.

    Departs: a cast is `:ok` whoever it is for; here `tell` to an actor that has ended raises, and `try_tell` says False.
    """
    ref = await tree.start(Stack, Items(), Items())
    await ref.stop()
    with pytest.raises(ActorStopped):
        ref.tell(Push(1))
    assert ref.try_tell(Push(1)) is False


async def test_a_reply_can_be_given_later(tree: Tree) -> None:
    """Source: Elixir GenServer, reply/2 — a call that was not answered at once can be answered later, from another callback; the server is free
    meanwhile.
    """
    ref = await tree.start(Stack, ["meanwhile"], Items())
    got: list[Any] = []

    async def ask_later() -> None:
        got.append(await ref.ask(Later()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_later)
        await settle()
        assert await ref.ask(Pop()) == "meanwhile"
        assert got == []
        ref.tell("now")
    assert got == ["later"]


async def test_a_server_can_answer_and_stop(tree: Tree) -> None:
    """Source: Elixir GenServer, handle_call {:stop, reason, reply, state} — the reply is given, then the server terminates."""
    seen: list[Any] = []
    ref = await tree.start(Stack, Items(), seen)
    assert await ref.ask(Last()) == "bye"
    assert await ref.wait_stopped() == Finished()
    assert seen == [Finished()]


async def test_terminate_sees_why(tree: Tree) -> None:
    """Source: Elixir GenServer, terminate/2 — it is called when a callback stops, raises, and when the supervisor shuts the process down; with
    the reason.
    """
    seen: list[Any] = []
    refs = [await tree.start(Stack, Items(), seen) for _ in range(3)]
    boom = Boom()
    refs[0].tell(boom)
    await settle()
    refs[1].request_stop()
    await refs[1].wait_stopped()
    await refs[2].ask(Last())
    await settle()
    assert [type(reason) for reason in seen] == [Crashed, Shutdown, Finished]
    assert seen[0].error is boom


async def test_stop_returns_when_the_server_has_terminated(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, stop/3 — it waits until the process has terminated.

    Departs: of one that has ended already it is no error; it has no reason and no timeout of its own: the specification's `shutdown` bounds it.
    """
    stage.closing["a"] = 2.0
    ref = await tree.start(Player, stage, name="a")
    assert isinstance(await ref.stop(), Shutdown)
    assert (trio.current_time(), stage.log[-1]) == (2.0, "a has closed")
    await ref.stop()
    assert trio.current_time() == 2.0


async def test_stop_goes_before_what_is_queued_and_drain_after_it(tree: Tree, stage: Stage) -> None:
    """Source: Elixir GenServer, stop/3 — the stop is a message: what was sent before it is handled first.

    Departs: `stop` goes before what is queued, which becomes dead letters; `drain` is what handles it first.
    """
    tree.expect_dead_letters("stopped", 1)
    for name in ("a", "b"):
        ref = await tree.start(Player, stage, name=name)
        ref.tell(1.0)
        ref.tell("queued")
        await settle()
        await (ref.drain() if name == "b" else ref.stop())
    assert stage.said("got queued") == ["b"]
    assert trio.current_time() == 2.0


async def test_whereis_finds_who_is_there(tree: Tree) -> None:
    """Source: Elixir GenServer, whereis/1 — a name leads to the process that has it, as long as it does.

    Departs: what leads to nobody raises `ChildNotFound`.
    """
    ref = await tree.start(Stack, Items(), Items(), name="stack")
    assert tree.lookup("stack") is tree.lookup("/test/stack") is ref
    await ref.stop()
    with pytest.raises(ChildNotFound):
        tree.lookup("stack")
