"""Actors whose messages take their time."""

import logging
from typing import Any

import pytest
import trio

from greenroom import Actor, ActorRef, Agent, Context, Request, Turn

Log = list[Any]
TEXT = "longer than its handler_timeout of 5 s allows"


class Work(Request[str]):
    """Take as many seconds, and note what has been done."""

    def __init__(self, seconds: float, *beats: tuple[float, float | None]) -> None:
        self.seconds = seconds
        #: (when, after the beginning; for how long).
        self.beats = beats


async def work(message: Any, log: Log, ctx: Context) -> str:
    begun = trio.current_time()
    log.append(("begun", ctx.ref.incarnation, begun))
    if isinstance(message, Work):
        for when, extend in message.beats:
            await trio.sleep_until(begun + when)
            ctx.heartbeat(extend)
        await trio.sleep_until(begun + message.seconds)
    log.append(("done", ctx.ref.incarnation, trio.current_time()))
    return "done"


class Plain(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> str:
        return await work(message, self.log, ctx)


class Own(Plain):
    own_task = True


class Turns(Agent[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        return await work(turn.mail[0].message, self.log, ctx)


async def function(ctx: Context, log: Log) -> None:
    async for message in ctx:
        token = ctx.defer_reply() if ctx.mail is not None and ctx.mail.kind == "request" else None
        answer = await work(message, log, ctx)
        if token is not None:
            token.reply(answer)


INTERRUPTIBLE: list[Any] = [Plain, Own, Turns]
KINDS: list[Any] = [*INTERRUPTIBLE, function]


async def ask(ref: ActorRef[Any], message: Any) -> Any:
    try:
        return await ref.ask(message)
    except Exception as error:  # noqa: BLE001 -- looked at by the test
        return error


def overdue(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if f"{record.__dict__.get('path')}: overdue: a " in record.getMessage()]


class Shielded(Plain):
    async def receive(self, message: Any, ctx: Context) -> str:
        with trio.CancelScope(shield=True):
            await work(message, self.log, ctx)
        return "done"
