"""What a user writes about actors is understood."""

import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, assert_type

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    BackgroundResult,
    BackgroundWork,
    ChildSpec,
    Context,
    MailboxSpec,
    Request,
    Service,
    Supervisor,
    Turn,
    TurnHandle,
    ask_many,
    open_supervisor,
    run_abandonable,
)
from greenroom.mcp import McpConnection, mcp_server


class Add:
    pass


class Total(Request[int]):
    pass


class Counter(Actor[Add | Total]):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    def services(self) -> list[Service[Any]]:
        assert_type(mcp_server("time", command="time"), Service[McpConnection])
        assert_type(Service("db", connect), Service[str])
        return [mcp_server("time", command="time"), Service("db", connect)]

    async def receive(self, message: Add | Total, ctx: Context) -> int | None:
        assert_type(ctx.start_soon(Writer, name="writer", mail="begin", wake_parent=True), ActorRef[str])
        assert_type(await ctx.start(worker, 3, labels={"role": "helper"}), ActorRef[Any])
        return self.total if isinstance(message, Total) else None


class Plain(Actor[str]):
    def receive(self, message: str, ctx: Context) -> None:
        ctx.stop(message)


class Writer(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> str:
        return " ".join(mail.message for mail in turn.mail)


@asynccontextmanager
async def connect() -> AsyncGenerator[str]:
    yield "connected"


async def worker(ctx: Context, size: int) -> None:
    async for message in ctx:
        assert_type(message, Any)
        ctx.heartbeat()
        ctx.heartbeat(extend=30)
        assert_type(ctx.stash(), None)
        assert_type(ctx.unstash_all(), int)
        ctx.start_soon(Counter, 3, on_error={OSError: "resume"}, handler_timeout=5.0, on_overdue="warn")
        print(size)


def make(start: int) -> Counter:
    return Counter(start)


async def main() -> None:
    spec = ChildSpec("counter", Counter, (3,), restart="transient", mailbox=MailboxSpec(3, "wait"))
    async with open_supervisor("stage", children=[spec]) as root:
        assert_type(root, Supervisor)
        counter = root.start_soon(Counter, 3, name="one", restart="permanent", mail=Add())
        assert_type(counter, ActorRef[Add | Total])
        assert_type(await root.start(Counter), ActorRef[Add | Total])
        assert_type(root.start_soon(make, 3), ActorRef[Add | Total])
        assert_type(root.start_soon(functools.partial(Counter, start=3)), ActorRef[Add | Total])
        assert_type(root.start_soon(Plain), ActorRef[str])
        assert_type(root.start_soon(worker, 3), ActorRef[Any])
        assert_type(counter.tell(Add()), int)
        assert_type(counter.try_tell(Total()), bool)
        assert_type(await counter.ask(Total(), timeout=1.0), int)
        assert_type(await ask_many([(counter, Total()), (counter, Total())], timeout=1.0), list[int])
        assert_type(await ask_many(((counter, Total()) for _ in range(2)), return_errors=True), list[int | Exception])
        # An answer may be used where more is taken than it is.
        print(await counter.ask(Total()))
        answer: float | None = await counter.ask(Total())
        print(answer)
        # Who takes more, takes less.
        adder: ActorRef[Add] = counter
        adder.tell(Add())
        root.start_soon(
            Counter, 3, on_error={OSError: "resume", ValueError: "stop"}, handler_timeout=5.0, on_overdue="cancel"
        )
        root.start_soon(Counter, 3, on_error=[(OSError, "restart"), (Exception, "escalate")], handler_timeout=None)
        ChildSpec("strict", Counter, (3,), on_error={OSError: "escalate"}, handler_timeout=1, on_overdue="restart")
        writer = await root.start(Writer, mail="begin")
        assert_type(writer.start_turn("now"), TurnHandle)
        writer.steer("but shorter")


async def look_up(text: str, limit: int = 3) -> list[str]:
    return [text] * limit


class Researcher(Agent[str | BackgroundResult]):
    async def turn(self, turn: Turn[str | BackgroundResult], ctx: Context) -> None:
        assert_type(ctx.run_in_background(look_up, "owls", 5, name="owls", prompt="look", deliver="mail"), int)
        ctx.run_in_background(functools.partial(look_up, limit=5), "owls")
        ctx.run_in_background(run_abandonable, len, "owls")
        assert_type(ctx.drain_completed(), list[BackgroundResult])
        assert_type(ctx.background(of=ctx.ref), list[BackgroundWork])
        assert_type(await ctx.wait_background(1, timeout=3), BackgroundResult)
        assert_type(await run_abandonable(len, "owls"), int)
        assert ctx.cancel_background(1) == "signalled"


async def oversee(root: Supervisor) -> None:
    assert_type(root.background("researcher"), list[BackgroundWork])
    assert_type(await root.wait_background("researcher", 1), BackgroundResult)
    assert root.cancel_background("researcher", 1) == "forbidden"
