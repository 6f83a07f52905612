"""Actors that hold keys."""

from typing import Any

from greenroom import Actor, Agent, Context, Supervisor, Turn


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        if callable(message):
            return message(ctx)
        return message


class Alone(Quiet):
    own_task = True


class Sleepy(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            mail.message(ctx)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        ctx.register("at last")


async def function(ctx: Context) -> None:
    async for message in ctx:
        if isinstance(message, Exception):
            raise message
        message(ctx)


def size(root: Supervisor) -> int:
    return root.registry.count()
