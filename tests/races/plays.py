"""The actors of wide programs: they do what their messages say, and note what must not happen."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import attrs
import trio

from greenroom import Actor, Agent, Context, Down, GreenroomError, MailboxSpec, Request, Service, Turn

from .promise import Boom


@attrs.frozen
class Do(Request[int]):
    """Ask an actor to do something; a message of its own."""

    number: int
    act: str


@attrs.frozen
class Tick:
    """Be what a timer sends."""

    number: int
    incarnation: int
    due: float


@attrs.define(eq=False)
class Notes:
    """Note what happens, and what must not."""

    begun: Counter[int] = attrs.field(factory=Counter[int])
    dead: Counter[int] = attrs.field(factory=Counter[int])
    accepted: set[int] = attrs.field(factory=set[int])
    ticks: Counter[int] = attrs.field(factory=Counter[int])
    called_off: set[int] = attrs.field(factory=set[int])
    downs: Counter[Any] = attrs.field(factory=Counter[Any])
    watches: Counter[Any] = attrs.field(factory=Counter[Any])
    refs: list[Any] = attrs.field(factory=list[Any])
    tokens: list[Any] = attrs.field(factory=list[Any])
    wrong: list[str] = attrs.field(factory=list[str])
    count: int = 1_000
    open: Counter[str] = attrs.field(factory=Counter[str])


@attrs.frozen
class Cast:
    """Say what an actor is like."""

    kind: str
    restart: Any
    mailbox: MailboxSpec
    redeliver: int
    services: tuple[str, ...]
    startup: str


@asynccontextmanager
async def connect(notes: Notes, how: str) -> AsyncGenerator[str]:
    await trio.lowlevel.checkpoint()
    if how == "fails":
        raise Boom
    notes.open[how] += 1
    try:
        yield how
    finally:
        notes.open[how] -= 1
        await trio.lowlevel.checkpoint()


async def watch_connection(how: str, _value: str) -> None:
    await trio.sleep(0.3 if how == "dies" else 1_000)


class Plays:
    """Do what messages say."""

    def __init__(self, notes: Notes, cast: Cast) -> None:
        self.notes, self.cast = notes, cast
        self.timers: dict[int, Any] = {}
        self.monitors: list[Any] = []

    def services(self) -> list[Service[Any]]:
        return [
            Service(
                f"s{number}", partial(connect, self.notes, how.removesuffix("?")), required="?" not in how,
                watch=partial(watch_connection, how.removesuffix("?")),
            )
            for number, how in enumerate(self.cast.services)
        ]  # fmt: skip

    async def prewarm(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if self.cast.startup == "timer":
            self.set_timer(ctx)
        if self.cast.startup == "child":
            ctx.start_soon(Leaf, self.notes, self.cast)
        if self.cast.startup == "fails" and ctx.start_source == "new":
            raise Boom

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()

    def set_timer(self, ctx: Context, key: str | None = None) -> None:
        notes = self.notes
        notes.count += 1
        seconds = (notes.count % 3) / 4
        tick = Tick(notes.count, ctx.ref.incarnation, trio.current_time() + seconds)
        timer = ctx.send_after(seconds, tick, key=key)
        if key is not None:
            for number, old in self.timers.items():
                if old.key == key:
                    notes.called_off.add(number)
        self.timers[notes.count] = timer

    def take(self, message: Any, ctx: Context) -> bool:
        """Note a message; returns whether it says what to do."""
        notes = self.notes
        if isinstance(message, Tick):
            notes.ticks[message.number] += 1
            if message.incarnation != ctx.ref.incarnation:
                notes.wrong.append(f"{message} in incarnation {ctx.ref.incarnation}")
            if message.number in notes.called_off:
                notes.wrong.append(f"{message} after it was called off")
            if trio.current_time() < message.due:
                notes.wrong.append(f"{message} too early")
            self.timers.pop(message.number, None)
            return False
        if isinstance(message, Down):
            notes.downs[self] += 1
            if notes.downs[self] > notes.watches[self]:
                notes.wrong.append("a Down too many")
            return False
        notes.begun[message.number] += 1
        return True

    async def act(self, message: Do, ctx: Context) -> int:  # noqa: C901 -- one case for each act
        notes = self.notes
        other = notes.refs[message.number % len(notes.refs)]
        match message.act:
            case "step":
                await trio.lowlevel.checkpoint()
            case "sleep":
                await ctx.sleep(0.25)
            case "timer":
                self.set_timer(ctx)
            case "keyed":
                self.set_timer(ctx, "key")
            case "call off":
                for number, timer in list(self.timers.items()):
                    timer.cancel()
                    notes.called_off.add(number)
                self.timers.clear()
            case "monitor" | "monitor this":
                notes.watches[self] += 1
                with suppress(GreenroomError):
                    self.monitors.append(ctx.monitor(other.pin() if message.act == "monitor this" else other))
            case "demonitor":
                for monitor in self.monitors:
                    if monitor.is_active:
                        notes.watches[self] -= 1
                    monitor.cancel()
                self.monitors.clear()
            case "child":
                with suppress(GreenroomError):
                    await ctx.start(Leaf, notes, self.cast, mail=Do(next_number(notes), "step"))
            case "children":
                for _ in range(2):
                    with suppress(GreenroomError):
                        ctx.start_soon(Leaf, notes, self.cast, restart="permanent")
            case "ask":
                with suppress(GreenroomError):
                    await other.ask(Do(next_number(notes), "step"), timeout=1)
            case "defer":
                with suppress(GreenroomError):
                    notes.tokens.append(ctx.defer_reply())
            case "wait":
                with suppress(GreenroomError):
                    await other.wait_ready()
            case "end other":
                with suppress(GreenroomError):
                    await other.stop()
            case "send":
                with suppress(GreenroomError):
                    await other.send(Do(next_number(notes), "step"))
            case "crash":
                raise Boom
            case "stop":
                ctx.stop()
            case _:
                pass
        return message.number


def next_number(notes: Notes) -> int:
    notes.count += 1
    return notes.count


class Pooled(Plays, Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        return await self.act(message, ctx) if self.take(message, ctx) else None


class Alone(Pooled):
    own_task = True


class Leaf(Pooled):
    def services(self) -> list[Service[Any]]:
        return []

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()


class Thinks(Plays, Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        jobs = [mail.message for mail in turn.mail if mail.kind != "report" and self.take(mail.message, ctx)]
        result = 0
        for job in jobs:
            result = await self.act(job, ctx)
        more = [self.take(mail.message, ctx) for mail in turn.drain() if mail.kind != "report"]
        turn.commit()  # in the step of the drain: who is stopped in between gets none of them back
        for _ in more:
            await trio.lowlevel.checkpoint()
        return result
