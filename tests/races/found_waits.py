"""A race of five kinds that a search has found in the runtime: who had what it waited for still counted as waiting."""

from contextlib import suppress
from typing import Any

import trio

from greenroom import (
    Actor,
    Agent,
    ChildEnded,
    Context,
    Deadlock,
    MailboxSpec,
    Refused,
    Request,
    Turn,
    TurnFinished,
    open_supervisor,
)
from greenroom.races import Sim


class Who(Request[str]):
    pass


class StartsOne(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await ctx.start(AsksParent, name="child", mail="go")
        return ctx.path


class AsksParent(Actor[str]):
    async def receive(self, message: str, ctx: Context) -> None:
        assert ctx.parent is not None
        await ctx.parent.ask(Who())


class Sends(Actor[Any]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            for number in range(3):
                await self.refs[0].send(number)
        return ctx.path


class AsksBack(Actor[int]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: int, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if message == 2:
            await self.refs[1].ask(Who())


class RunsTurn(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            with suppress(Refused, Deadlock):  # it is in a turn, and may ask in it
                await self.refs[0].run_turn("direct")
        return ctx.path


class AsksInTurn(Agent[str]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if turn.mail[0].message == "mail":
            await self.refs[1].ask(Who())


class WaitsUntilReady(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await self.refs[0].wait_ready()
        return ctx.path


class StartsAndAsks(Actor[Any]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> None:
        await self.refs[1].ask(Who())


class StopsTheOther(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await self.refs[0].stop()
        return ctx.path


class AsksWhenStartedAgain(StartsAndAsks):
    async def startup(self, ctx: Context) -> None:
        if ctx.start_source == "restart":
            await self.refs[1].ask(Who())


async def a_wait_that_is_over(sim: Sim) -> None:
    """Who had what it waited for, and had not gone on yet, still counted as waiting; who asked it then was told of a deadlock (P18)."""
    what = sim.choose(["start", "send", "turn", "ready", "stop"])
    refs: list[Any] = []
    async with open_supervisor("stage") as root:
        if what == "start":
            root.start_soon(StartsOne, mail="go")
        elif what == "send":
            refs.append(root.start_soon(AsksBack, refs, mailbox=MailboxSpec(1, "wait")))
            refs.append(root.start_soon(Sends, refs, mail="go"))
        elif what == "turn":
            refs.append(await root.start(AsksInTurn, refs))
            refs.append(root.start_soon(RunsTurn, refs, mail="go"))
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            refs[0].tell("mail")
        elif what == "ready":
            refs.append(root.start_soon(StartsAndAsks, refs, mail="go"))
            refs.append(root.start_soon(WaitsUntilReady, refs, mail="go"))
        else:
            refs.append(root.start_soon(AsksWhenStartedAgain, refs, name="a", restart="permanent"))
            refs.append(root.start_soon(StopsTheOther, refs, mail="go"))
            await refs[0].wait_stopped()
            await root.restart_child("a")
        await trio.sleep(1)
        for report in root.reports.drain():
            assert not isinstance(report, TurnFinished) or report.outcome.kind == "completed"
            assert not isinstance(report, ChildEnded) or not report.reason.is_failure
        assert all(child.children or what != "start" for child in root.snapshot().children)
