"""Actors whose handlers are the test's own."""

from typing import Any

import trio

from greenroom import Actor, Agent, Context, Request, Turn


class Get(Request[Any]):
    pass


class Runs(Actor[Any]):
    """Run each message, an async function of the context, and keep the others."""

    def __init__(self, kept: list[Any] | None = None) -> None:
        self.kept: list[Any] = [] if kept is None else kept

    async def receive(self, message: Any, ctx: Context) -> Any:
        if callable(message):
            return await message(ctx)
        if isinstance(message, Get):
            return list(self.kept)
        self.kept.append(message)
        return None


class OwnRuns(Runs):
    own_task = True


class AgentRuns(Agent[Any]):
    def __init__(self, kept: list[Any] | None = None) -> None:
        self.runs = Runs(kept)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            result = await self.runs.receive(mail.message, ctx)
        return result


KINDS: list[Any] = [Runs, OwnRuns, AgentRuns]


async def forever(_ctx: Context) -> None:
    await trio.sleep_forever()
