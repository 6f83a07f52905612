"""What a user writes about dispatching is understood."""

from collections.abc import Mapping
from typing import Any, assert_type

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    AgentTool,
    ApprovalRequest,
    Call,
    CallResult,
    Context,
    Dispatch,
    Startable,
    Tool,
    Traits,
    Turn,
    open_supervisor,
    tool,
)
from greenroom.actors import FunctionTool
from greenroom.mcp import McpTool, mcp_tools


@tool
async def search(arguments: Mapping[str, Any], ctx: Context) -> str:
    return str(arguments["query"])


@tool(name="count", read_only=True, parallel_safe=True, needs_approval=False)
def count_all(arguments: Mapping[str, Any], ctx: Context) -> int:
    return len(arguments)


class Writes(Tool):
    name = "write"

    def traits(self, arguments: Mapping[str, Any]) -> Traits:
        return Traits(needs_approval="path" in arguments)

    async def run(self, arguments: Mapping[str, Any], ctx: Context) -> None:
        return None


class Judge(Actor[ApprovalRequest]):
    async def receive(self, message: ApprovalRequest, ctx: Context) -> bool:
        return message.call.tool == "write"


async def approve(request: ApprovalRequest) -> bool:
    return request.traits.read_only


async def helper(ctx: Context, size: int) -> None: ...


class Boss(Agent[list[Call]]):
    def tools(self, ctx: Context) -> list[Tool]:
        assert_type(mcp_tools(ctx.services["files"]), list[McpTool])
        agents = AgentTool({"helper": helper, "judge": Startable(Judge, needs_approval=True)}, needs_approval=["wait"])
        return [search, count_all, Writes(), tool(self.own, detached=True), agents, *mcp_tools(ctx.services["files"])]

    async def own(self, arguments: Mapping[str, Any], ctx: Context) -> None: ...

    async def turn(self, turn: Turn[list[Call]], ctx: Context) -> list[CallResult]:
        judge: ActorRef[ApprovalRequest] = ctx.start_soon(Judge)
        await ctx.dispatch([Call("1", "search", '{"query": 1}')], tools=[search, Writes()], approver=approve)
        await ctx.dispatch(turn.mail[0].message, approver=lambda request: request.doubt == "", approval_timeout=3)
        work = Dispatch([Call(2, "write", {"path": "x"})], approver=judge)
        assert_type(await work.run(ctx), list[CallResult])
        return work.results


async def main() -> None:
    assert_type(search, FunctionTool)
    assert_type(count_all, FunctionTool)
    async with open_supervisor("stage", approval="auto") as root:
        root.start_soon(Boss)
