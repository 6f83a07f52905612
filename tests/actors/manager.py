"""An agent that manages its children by an agent tool."""

from typing import Any

import trio

from greenroom import Agent, AgentTool, Call, Context, Tool, Turn
from greenroom.testing import Tree

LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}


class Boss(Agent[Any]):
    """Dispatch what the mail says, by one agent tool."""

    def __init__(self, tool: AgentTool, approver: Any = None) -> None:
        self.tool, self.approver = tool, approver

    def tools(self, ctx: Context) -> list[Tool]:
        return [self.tool]

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if callable(message):
            return await message(ctx)
        return await ctx.dispatch([Call(n, "agent", each) for n, each in enumerate(message)], approver=self.approver)


class Worker(Agent[Any]):
    """Take as long as the message says, and give it back."""

    def __init__(self, factor: float = 1, *, offset: float = 0, seconds: float = 0) -> None:
        self.factor, self.offset, self.seconds = factor, offset, seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        seconds = turn.mail[-1].message
        if seconds == "fail":
            raise OSError("no luck")
        await trio.sleep(seconds)
        return seconds * self.factor + self.offset


class Hangs(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


class Breaks(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        raise OSError("broken")


async def brief(ctx: Context, seconds: float = 1) -> str:
    await trio.sleep(seconds)
    return "over"


class Nests(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await ctx.start(Worker, name="inner")

    async def turn(self, turn: Turn[Any], ctx: Context) -> None: ...


FACTORIES: dict[str, Any] = {"worker": Worker, "hangs": Hangs, "breaks": Breaks, "brief": brief, "nests": Nests}


async def boss_of(root: Tree, approver: Any = None, **options: Any) -> Any:
    return await root.start(Boss, AgentTool(FACTORIES, **options), approver, name="boss")


def start(factory: str = "worker", **given: Any) -> dict[str, Any]:
    return {"action": "start", "factory": factory, **given}


def yes(_: object) -> bool:
    return True
