"""What a user gets wrong about dispatching is seen before it runs."""

from collections.abc import Mapping
from typing import Any

from greenroom import AgentTool, Call, Context, Dispatch, Tool, Traits, open_supervisor, tool


@tool(readonly=True)  # error: there is no such flag
async def search(arguments: Mapping[str, Any], ctx: Context) -> str:
    return ""


@tool(read_only="yes")  # error: a flag is a boolean
async def find(arguments: Mapping[str, Any], ctx: Context) -> str:
    return ""


class Writes(Tool):
    name = "write"

    def traits(self, arguments: Mapping[str, Any]) -> bool:  # error: traits are Traits
        return True


async def work(ctx: Context) -> None:
    await ctx.dispatch(["search"])  # error: a call is a Call
    await ctx.dispatch([], approver="me")  # error: an approver is a function or a ref
    await ctx.dispatch([Call(1, "search")], tools=[print])  # error: a tool is a Tool
    Dispatch([], approval_timeout="soon")  # error: seconds are a number
    Traits(True)  # error: flags are given by name
    AgentTool({}, needs_approval=["strat"])  # error: there is no such action
    async with open_supervisor("stage", approval="yes"):  # error: there are three modes
        pass
