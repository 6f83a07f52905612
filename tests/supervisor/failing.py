"""Actors that fail as they are told."""

from typing import Any

import trio

from greenroom import Actor, ActorRef, Agent, Context, Request, Turn

Log = list[Any]


class Mend(Exception):
    pass


class Broken(Mend):
    pass


class Do(Request[Any]):
    """Be answered with a value, or have it raised."""

    def __init__(self, what: Any) -> None:
        self.what = what


async def handle(message: Any, log: Log, ctx: Context) -> Any:
    log.append((ctx.ref.incarnation, message))
    what = message.what if isinstance(message, Do) else message
    if isinstance(what, Exception):
        await trio.lowlevel.checkpoint()
        raise what
    return what


class Plain(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> Any:
        return await handle(message, self.log, ctx)


class Sync(Plain):
    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append((ctx.ref.incarnation, message))
        what = message.what if isinstance(message, Do) else message
        if isinstance(what, Exception):
            raise what
        return what


class Own(Plain):
    own_task = True


class Turns(Agent[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            result = await handle(mail.message, self.log, ctx)
        return result


async def function(ctx: Context, log: Log) -> None:
    async for message in ctx:
        result = await handle(message, log, ctx)
        if isinstance(message, Do):
            ctx.defer_reply().reply(result)


ACTORS: list[Any] = [Plain, Sync, Own]
KINDS: list[Any] = [*ACTORS, Turns]


async def ask(ref: ActorRef[Any], what: Any) -> Any:
    """Return the answer, or what was raised."""
    try:
        return await ref.ask(Do(what))
    except Exception as error:  # noqa: BLE001 -- looked at by the test
        return error
