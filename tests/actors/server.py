"""Actors that answer."""

from collections.abc import Callable
from typing import Any

import trio

from greenroom import Actor, Agent, Context, Request, Supervisor, Turn


class Slow(Request[str]):
    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds


class Fail(Request[None]):
    pass


class Via(Request[Any]):
    """Ask somebody else, with a timeout of its own."""

    def __init__(self, ref: Any, request: Request[Any], timeout: float | None = None) -> None:
        self.ref, self.request, self.timeout = ref, request, timeout


class Server(Actor[Any]):
    """Count what it has begun and what it has finished."""

    def __init__(self) -> None:
        self.begun = self.finished = 0

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.begun += 1
        try:
            match message:
                case Slow():
                    await trio.sleep(message.seconds)
                    return "slow"
                case Fail():
                    raise LookupError("no such key")
                case Via():
                    return await message.ref.ask(message.request, timeout=message.timeout)
                case _:
                    return self.begun
        finally:
            self.finished += 1


class OwnServer(Server):
    own_task = True


class AgentServer(Agent[Any]):
    def __init__(self) -> None:
        self.server = Server()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            result = await self.server.receive(mail.message, ctx)
        return result


async def function_server(ctx: Context) -> None:
    server = Server()
    async for message in ctx:
        if ctx.mail is None or ctx.mail.kind != "request":
            continue
        token = ctx.defer_reply()
        try:
            token.reply(await server.receive(message, ctx))
        except LookupError as error:
            token.fail(error)


ALL: list[Callable[..., Any]] = [Server, OwnServer, AgentServer, function_server]
PLAIN: list[Callable[..., Any]] = [Server, OwnServer]


def is_free_of_waits(root: Supervisor) -> bool:
    """No deadline is kept, no edge of the deadlock check is left, and nobody waits for room."""
    slots = [ref._slot for ref in root.which_children()]
    edges = [slot.more.waiting_for or slot.more.poll for slot in slots if slot.more is not None]
    edges += [slot.box.waiting_senders for slot in slots]
    return len(root._slot.runtime.deadlines) == 0 and not any(edges)


class Get(Request[int]):
    pass
