"""The ledger of a random tree: what its children do, what fails, and what must not be."""

from collections import Counter
from random import Random
from typing import Any

import trio

from greenroom import Context, Ignore, Request

from .forest_order import Order


class Boom(Exception):
    """Be what everything fails with."""


class Ping(Request[str]):
    """Ask whether somebody is there."""


class Ledger:
    """Keep account of what the children do, and say what fails."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.chaos = 0.0
        self.accepted = self.handled = 0
        #: path -> incarnations that are at work.
        self.live: Counter[str] = Counter()
        self.ready: set[tuple[str, int]] = set()
        self.order = Order()
        self.wrong = self.order.wrong

    def perhaps(self) -> None:
        """Fail, or not."""
        if self.random.random() < self.chaos:
            raise Boom

    async def start(self, ctx: Context, slow: float) -> None:
        path = ctx.path
        if self.live[path]:
            self.wrong.append(f"{path} starts while an incarnation before it is at work")
        self.order.starts(ctx)
        self.perhaps()
        if self.chaos and self.random.random() < 0.02:
            raise Ignore
        if slow:
            await trio.sleep(slow)
        self.ready.add((path, ctx.ref.incarnation))

    async def handle(self, ctx: Context, message: Any) -> Any:
        path = ctx.path
        if (path, ctx.ref.incarnation) not in self.ready:
            self.wrong.append(f"{path} handles {message!r} and has not started")
        self.live[path] += 1
        if self.live[path] > 1:
            self.wrong.append(f"{path} handles two messages at once")
        try:
            if isinstance(message, Ping):
                return path
            if message % 3 == 0:
                await trio.sleep(self.random.random())
            self.perhaps()
            if self.chaos and message % 17 == 0:
                self.order.ended_by_hand.add((ctx.ref.uid, ctx.ref.incarnation))
                ctx.stop()
        finally:
            self.live[path] -= 1

    async def end(self, ctx: Context, reason: Any, lingers: float) -> None:
        self.order.stops(ctx, reason)
        self.perhaps()
        if lingers:
            await trio.sleep(lingers)
