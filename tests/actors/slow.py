"""Actors that take too long."""

from typing import Any

import trio

from greenroom import Actor, Agent, Context, Limits, Report, Supervisor, Turn

FOR_EVER = 1e5


class Starts(Actor[Any]):
    """Take some time to start, and to handle a number; its hook may take time as well."""

    def __init__(self, seconds: float = FOR_EVER, hook: float = 0.0) -> None:
        self.seconds, self.hook = seconds, hook

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def receive(self, message: float, ctx: Context) -> None:
        await trio.sleep(message)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(self.hook)


class StartsAlone(Starts):
    own_task = True


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        pass


class Answers(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        if isinstance(turn.mail[0].message, float):
            await trio.sleep(turn.mail[0].message)
        return turn.mail[0].message


def limits(stale_after: float | None = 10.0, **others: Any) -> Limits:
    return Limits(stale_after=stale_after, **others)


def next_round(root: Supervisor) -> float:
    return root._slot.runtime.reaper.next_round


def reports(root: Supervisor) -> list[Report]:
    return root.reports.drain()
