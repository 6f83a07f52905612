"""A cancellation at every checkpoint: of each call that waits for an actor, and of an agent's turn.

The blow falls before the call and then right before the n-th step that any task takes, for n = 1, 2, 3, … until the call is over before it
falls. `start` has its own sweep (test_start), as it alone may leave a child behind. At the end, the readers of feeds.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from greenroom import Actor, ActorRef, Agent, Context, MailboxSpec, Request, Turn, open_supervisor

from .books import Books
from .step import BeforeStep, at_every_step
from .traces import no_traces

Call = Callable[[ActorRef[Any]], Awaitable[Any]]


class Get(Request[str]):
    pass


class Do(Request[None]):
    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work


class Works(Actor[Any]):
    """Take a second to start, and one for each message."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.books.begun[message] += 1
        await trio.sleep(1)
        return "got"


class OwnWorks(Works):
    own_task = True


class AgentWorks(Agent[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            self.books.begun[mail.message] += 1
        await trio.sleep(1)
        return "got"


async def function_works(ctx: Context, books: Books) -> None:
    async for message in ctx:
        books.begun[message] += 1
        token = ctx.defer_reply() if ctx.mail is not None and ctx.mail.kind == "request" else None
        await trio.sleep(1)
        if token is not None:
            token.reply("got")


class Caller(Actor[Any]):
    """Make calls in its own turn."""

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Do):
            await message.work()


async def probe(ref: ActorRef[Any]) -> None:
    assert await ref.ask(Get(), timeout=5) == "got"


#: what is called, and in which of the ways of `ENDS` the actor may be left.
CALLS: dict[str, tuple[Call, set[str]]] = {
    "ask": (lambda ref: ref.ask(Get()), {"alive"}),
    "ask with a timeout": (lambda ref: ref.ask(Get(), timeout=50), {"alive"}),
    "send": (lambda ref: ref.send("sent"), {"alive"}),
    "interrupt": (lambda ref: ref.interrupt(), {"alive"}),
    "wait_ready": (lambda ref: ref.wait_ready(), {"alive"}),
    "wait_stopped": (lambda ref: ref.wait_stopped(), {"alive"}),
    "stop": (lambda ref: ref.stop(), {"alive", "ended"}),
    "drain": (lambda ref: ref.drain(), {"alive", "ended"}),
    "kill": (lambda ref: ref.kill(), {"alive", "ended"}),
}
#: seconds from the start of the actor to the call, which has two messages of one second each to handle.
MOMENTS = {"starting": 0.0, "in a turn": 1.5, "idle": 30.0}


@pytest.mark.parametrize("caller", ["a task", "an actor"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", [Works, OwnWorks, AgentWorks, function_works])
def test_a_call_that_is_cancelled_at_any_step_leaves_nothing_of_itself(
    kind: Any, call: str, moment: str, caller: str
) -> None:
    """P14, P16, P17, P22, P26: an order that was given stays given, a question is forgotten, and every mail has its one fate."""
    make, ends = CALLS[call]
    seen: set[str] = set()

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root:
            books = Books(root)
            spec = MailboxSpec(2, "wait") if call == "send" and kind is not AgentWorks else MailboxSpec()
            ref: ActorRef[Any] = root.start_soon(kind, books, mailbox=spec, restart="permanent")
            for message in ("a", "b"):
                ref.tell(message)
            mine = root.start_soon(Caller)
            scope = trio.CancelScope()
            await trio.sleep(MOMENTS[moment])
            returned = False

            async def attempt() -> None:
                nonlocal returned
                with scope:
                    blow.arm(scope.cancel)
                    with trio.move_on_after(20):
                        await make(ref)
                    returned = True
                blow.disarm()

            if caller == "a task":
                await attempt()
            else:
                await mine.ask(Do(attempt))
            assert returned or scope.cancelled_caught
            await trio.sleep(100)
            end = "alive" if ref.is_alive else "ended"
            assert end in ends
            if not returned:
                seen.add(end)
            no_traces(root)
            fates = books.begun + books.dead
            for message in ("a", "b"):
                assert fates[message] == 1
            assert fates["sent"] <= 1
            assert sum(times for message, times in fates.items() if isinstance(message, Get)) <= 1
            if call == "drain" or end == "alive":
                assert not books.dead.keys() & {"a", "b", "sent"}
            if end == "alive":
                assert ref.incarnation == 1
                await mine.ask(Do(partial(probe, ref)))
                await ref.stop()
            else:
                assert await ref.stop() is ref.exit_reason
            root.reports.drain()

    assert at_every_step(once) > 0
    assert seen == ends


async def ends(_ctx: Context, number: int) -> int:
    return number


@pytest.mark.parametrize("source", ["reports", "status changes", "dead letters"])
def test_a_reader_that_is_cancelled_at_any_step_misses_nothing(source: str) -> None:
    """P10, P23, P24: what comes is read once, before or after the cancellation."""

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
            thinker: ActorRef[Any] = await root.start(AgentWorks, Books(root))
            parked: ActorRef[Any] = root.start_soon(function_works, Books(root), name="parked")
            seen: list[Any] = []
            scope = trio.CancelScope()
            async with thinker.subscribe() as changes, root.dead_letters.subscribe() as letters:

                async def make() -> None:
                    for number in range(3):
                        await trio.sleep(1)
                        if source == "reports":
                            root.start_soon(ends, number)
                        elif source == "status changes":
                            await thinker.run_turn(number)
                        else:
                            parked.tell(number, trigger_turn=False)
                    await trio.sleep(1)
                    await parked.stop()

                async def read() -> None:
                    while True:
                        if source == "reports":
                            report: Any = await root.reports.receive()
                            seen.append(report.reason.result if report.path != parked.path else "end")
                        elif source == "status changes":
                            seen.append((await anext(changes)).generation)
                        else:
                            seen.append((await anext(letters)).message)

                nursery.start_soon(make)
                with scope:
                    blow.arm(scope.cancel)
                    with trio.move_on_after(20):
                        await read()
                blow.disarm()
                with trio.move_on_after(20):
                    await read()
                match source:
                    case "reports":
                        assert seen == [0, 1, 2, "end"]
                    case "status changes":
                        assert seen == list(range(seen[0], seen[0] + 6))
                    case _:
                        assert [each for each in seen if isinstance(each, int)] == [0, 1, 2]
            nursery.cancel_scope.cancel()
            root.reports.drain()

    assert at_every_step(once) > 5
