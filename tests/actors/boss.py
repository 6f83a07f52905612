"""Who dispatches: an agent and a plain actor with tools."""

from typing import Any

from greenroom import Actor, Agent, Call, CallResult, Context, Limits, Tool, Turn
from greenroom.testing import open_tree


class Boss(Agent[Any]):
    """Do what the mail says: an async function of the context; its tools are given."""

    def __init__(self, *tools: Tool) -> None:
        self._tools = tools

    def tools(self, ctx: Context) -> Any:
        return self._tools

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        return await turn.mail[0].message(ctx)


class PlainBoss(Actor[Any]):
    def __init__(self, *tools: Tool) -> None:
        self._tools = tools

    def tools(self, ctx: Context) -> Any:
        return self._tools

    async def receive(self, message: Any, ctx: Context) -> Any:
        return await message(ctx)


async def dispatch(
    calls: list[Call], *tools: Tool, mode: Any = "ask", limits: Limits | None = None, kind: Any = Boss, **options: Any
) -> list[CallResult]:
    """Dispatch in a tree of its own."""
    async with open_tree("stage", approval=mode, limits=limits) as root:
        boss = root.start_soon(kind, *tools, name="boss")

        async def work(ctx: Context) -> Any:
            return await ctx.dispatch(calls, **options)

        results: list[CallResult] = await boss.ask(work)  # type: ignore[arg-type]
        root.reports.drain()
    return results
