"""Children that start, fail, hang and vanish, and the books on them."""

import random
from collections import Counter
from collections.abc import Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio

from greenroom import Actor, Agent, Context, Request, Service, Turn


class Word(Request[int]):
    """A mail whose fate is followed."""

    def __init__(self, number: int) -> None:
        self.number = number


class World:
    """Hold what a run writes down."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.order: list[str] = []
        self.fates: Counter[int] = Counter()
        self.accepted: set[int] = set()
        self.words = 0
        self.open_services = 0
        self.running_hooks = 0
        self.most_starting = 0
        self.starting = 0
        #: uids of those that nobody awaited, and the incarnations that were started by hand: their failures are not reported.
        self.soon: set[int] = set()
        self.by_hand: set[tuple[int, int]] = set()

    def word(self) -> Word:
        self.words += 1
        return Word(self.words)

    @asynccontextmanager
    async def connect(self, seconds: float, how: str) -> Any:
        self.open_services += 1
        try:
            await trio.sleep(seconds)
            if how == "fails":
                await trio.sleep(0.05)  # who fails in no time is restarted for ever in no time
                raise OSError("refused")
            if how == "hangs":
                await trio.sleep_forever()
            yield how
            await trio.sleep(self.chance.choice((0.0, 0.3)))
        finally:
            self.open_services -= 1

    async def watch(self, value: str) -> None:
        if value == "vanishes":
            await trio.sleep(self.chance.random())
            return
        await trio.sleep_forever()


class Child(Actor[Word]):
    """Start slowly, or not at all, with services that fail, hang and vanish; handle its words, and now and then crash on one."""

    def __init__(self, world: World, services: tuple[tuple[float, str], ...], how: str, seconds: float) -> None:
        self.world, self.wanted, self.how, self.seconds = world, services, how, seconds

    def services(self) -> Iterable[Service[Any]]:
        world = self.world
        for i, (seconds, how) in enumerate(self.wanted):

            def connect(seconds: float = seconds, how: str = how) -> Any:
                return world.connect(seconds, how)

            yield Service(f"s{i}", connect, required=how != "optional", timeout=1.0, watch=world.watch)

    async def startup(self, ctx: Context) -> None:
        world = self.world
        world.starting += 1
        world.most_starting = max(world.most_starting, world.starting)
        try:
            await trio.sleep(self.seconds)
            if self.how == "fails":
                await trio.sleep(0.05)
                raise OSError("no")
            if self.how == "hangs":
                await trio.sleep_forever()
            if self.how == "breeds":
                ctx.start_soon(Plain, world, (), "fine", 0.1)
            world.order.append(f"{ctx.ref.uid} ready")
        finally:
            world.starting -= 1

    async def receive(self, message: Word, ctx: Context) -> int:
        self.world.fates[message.number] += 1
        self.world.order.append(f"{ctx.ref.uid} gets {message.number}")
        if message.number % 7 == 0:
            await trio.sleep(0.2)
        if message.number % 13 == 0:
            raise ValueError("bad word")
        return message.number

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.world.running_hooks += 1
        try:
            await trio.sleep(self.world.chance.choice((0.0, 0.1, 10.0)))
        finally:
            self.world.running_hooks -= 1
            self.world.order.append(f"{ctx.ref.uid} closes")


class Plain(Child):
    """The same without services, in the pool."""

    services = Actor.services


class Bare(Actor[Word]):
    """Start by being made."""

    def __init__(self, world: World, *_: Any) -> None:
        self.world = world

    receive = Child.receive


class Turns(Agent[Word]):
    """The same as an agent."""

    def __init__(self, world: World, _services: Any, how: str, seconds: float) -> None:
        self.world, self.how, self.seconds = world, how, seconds
        self.wanted = ()

    startup = Child.startup
    shutdown = Child.shutdown

    async def turn(self, turn: Turn[Word], ctx: Context) -> int:
        for mail in turn.mail:
            self.world.fates[mail.message.number] += 1
        self.world.order.append(f"{ctx.ref.uid} turn")
        await trio.sleep(self.world.chance.choice((0.0, 0.1)))
        for mail in turn.drain():
            if mail.kind != "report":
                self.world.fates[mail.message.number] += 1
        return turn.commit()


async def function(ctx: Context, world: World, _services: Any, how: str, seconds: float) -> None:
    await trio.sleep(seconds)
    if how == "fails":
        await trio.sleep(0.05)
        raise OSError("no")
    async for message in ctx:
        world.fates[message.number] += 1
        if how == "hangs":
            await trio.sleep_forever()


KINDS: list[Any] = [Child, Plain, Bare, Turns, function]
