"""The kinds of children that a random tree has."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from greenroom import Actor, Agent, Context, Service, Turn

from .forest_ledger import Ledger


class Leaf(Actor[Any]):
    """Be a child in the pool."""

    def __init__(self, ledger: Ledger, slow: float, lingers: float) -> None:
        ledger.perhaps()
        self.ledger, self.slow, self.lingers = ledger, slow, lingers

    async def startup(self, ctx: Context) -> None:
        await self.ledger.start(ctx, self.slow)

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.ledger.handled += isinstance(message, int)
        return await self.ledger.handle(ctx, message)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await self.ledger.end(ctx, reason, self.lingers)


class Alone(Leaf):
    """Be one with a task of its own."""

    own_task = True


class Served(Leaf):
    """Be one with a service, which may not connect, may end, and may fail to close."""

    def services(self) -> list[Service[None]]:
        """Return it."""
        return [Service("line", self._connect, watch=self._watch)]

    @asynccontextmanager
    async def _connect(self) -> AsyncGenerator[None]:
        self.ledger.perhaps()
        await trio.sleep(self.slow / 2)
        yield
        self.ledger.perhaps()

    async def _watch(self, _line: None) -> None:
        await trio.sleep(1 + 9 * self.ledger.random.random())
        self.ledger.perhaps()
        await trio.sleep_forever()


class Parent(Leaf):
    """Be an actor with children."""

    async def startup(self, ctx: Context) -> None:
        await super().startup(ctx)
        for number in range(2):
            ctx.start_soon(Leaf, self.ledger, 0.1, 0.0, name=f"own{number}", restart="transient")


class Clerk(Agent[Any]):
    """Be an agent, which may rest."""

    def __init__(self, ledger: Ledger, slow: float, lingers: float) -> None:
        self.ledger, self.slow, self.lingers = ledger, slow, lingers

    async def startup(self, ctx: Context) -> None:
        await self.ledger.start(ctx, self.slow)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await self.ledger.end(ctx, reason, self.lingers)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        answer = ctx.path
        self.ledger.handled += len(turn.mail)  # whatever comes of the turn: they are done with
        for mail in turn.mail:
            answer = await self.ledger.handle(ctx, mail.message)
        return answer


async def function(ctx: Context, ledger: Ledger, slow: float, lingers: float) -> None:
    """Be an async function."""
    ledger.order.begins(ctx)  # it counts as ready before its first step
    await trio.sleep(slow + lingers + 5 * ledger.random.random())
    ledger.perhaps()
    if ledger.chaos == 0:
        await trio.sleep_forever()


KINDS: tuple[Any, ...] = (Leaf, Leaf, Alone, Served, Clerk, Parent, function)
