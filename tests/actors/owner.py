"""Actors that own background work."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from greenroom import Actor, Agent, Context, Request, Turn
from greenroom.testing import Tree

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
