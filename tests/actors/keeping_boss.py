"""Who dispatches, and keeps the last dispatch."""

from typing import Any

from greenroom import Actor, Agent, Context, Dispatch, Turn


class Boss(Agent[Any]):
    """Run dispatches, and keep the last one: the next turn tells of it."""

    def __init__(self) -> None:
        self.last: Dispatch | None = None

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if isinstance(message, Dispatch):
            self.last = message
            return await message.run(ctx)
        return None if self.last is None else self.last.results


class PlainBoss(Actor[Any]):
    def __init__(self) -> None:
        self.last: Dispatch | None = None

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Dispatch):
            self.last = message
            return await message.run(ctx)
        return None if self.last is None else self.last.results
