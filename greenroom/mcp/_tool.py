"""The tools of MCP servers, as tools that an agent can dispatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..actors import Tool, Traits
from ._errors import McpToolFailed

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from ..actors import Context
    from ._connection import McpConnection


class McpTool(Tool):
    """Be one tool of an MCP server; made by `mcp_tools`. What a call returns is the SDK's result.

    It is asked anew for each call what it is, so that a tool which the server has withdrawn is refused.
    """

    def __init__(
        self, connection: McpConnection, tool: str, name: str, description: str, schema: Mapping[str, Any]
    ) -> None:
        self._connection = connection
        self._tool = tool
        self.name = name
        self.description = description
        self.schema = schema

    def traits(self, arguments: Mapping[str, Any]) -> Traits:
        """Say what a call is: by the server's word (read-only), and by the options of its `mcp_server` (all else)."""
        known = self._connection.traits(self._tool, arguments)
        return Traits(
            blocked=known.approval == "deny",
            needs_approval=known.approval != "auto",
            read_only=known.read_only,
            parallel_safe=known.parallel_safe,
        )

    async def run(self, arguments: Mapping[str, Any], ctx: Context) -> CallToolResult:
        """Call the tool, as `McpConnection.call_tool`.

        Raises:
            McpToolFailed: the tool ran, and says that it failed.
            McpServerError: as `McpConnection.call_tool`.

        Checkpoint: always. Cancellation: the server is told that nobody waits any more; what the tool has done stays done.
        """
        result = await self._connection.call_tool(self._tool, arguments)
        if result.is_error:
            raise McpToolFailed(self._connection.name, self._tool, result, _words_of(result))
        return result


def mcp_tools(connection: McpConnection, *, prefix: str = "") -> list[McpTool]:
    """Return the tools of a connected server, for `ctx.dispatch`: a snapshot of those that the actor may call. Plain function.

    An agent that names them in its hook has those of the moment at each dispatch:

        def tools(self, ctx):
            return [*mcp_tools(ctx.services["files"]), *mcp_tools(ctx.services["web"], prefix="web_")]

    Args:
        connection: from `ctx.services`.
        prefix: put before each name, where the names of two servers would meet.
    """
    return [
        McpTool(connection, tool.name, f"{prefix}{tool.name}", tool.description or "", tool.input_schema)
        for tool in connection.tools
    ]


def _words_of(result: CallToolResult) -> str:
    """Return what a result says in words."""
    return "\n".join(block.text for block in result.content if block.type == "text")
