"""What an actor has of its MCP server: tools, resources and prompts, from any task, each call with an end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import trio

from ._crew import Crew
from ._errors import McpRequestFailed, McpRequestTimeout, ToolDisabled, UnknownTool
from ._link import Link, useful
from ._process import Command
from ._spec import Approval, Check, ServerSpec

if TYPE_CHECKING:
    from mcp import Client
    from mcp.shared.dispatcher import ProgressFnT
    from mcp.types import (
        CallToolResult,
        GetPromptResult,
        Implementation,
        PaginatedResult,
        Prompt,
        ReadResourceResult,
        Resource,
        ResourceTemplate,
        ServerCapabilities,
        Tool,
    )

R = TypeVar("R")
P = TypeVar("P", bound="PaginatedResult")

# Pages of a list, at most: a server that never ends its list must not hold up its actor for ever.
_PAGES = 100


@attrs.frozen
class ToolTraits:
    """What a dispatcher needs to know of a call before it makes it. What is not known is False, and needs approval.

    Attributes:
        read_only: the server says that the tool changes nothing. It is the server's word, not a check.
        parallel_safe: calls of this server may run at the same time.
        approval: "ask", "auto" or "deny".
    """

    read_only: bool = False
    parallel_safe: bool = False
    approval: Approval = "ask"


class McpConnection:
    """A live connection to one MCP server; `ctx.services[name]` of an actor that has an `mcp_server`.

    All of it may be used from any task of the program, by many at once. Requests that are under way when the server goes
    fail at once with `McpConnectionLost`, as does all that is asked later.
    """

    def __init__(self, spec: ServerSpec, link: Link, client: Client) -> None:
        self._spec = spec
        self._link = link
        self._client = client
        # Kept here: the SDK's client forgets them when it is closed, and who looks at what went wrong wants them.
        self._server_info = client.server_info
        self._instructions = client.instructions
        self._capabilities = client.server_capabilities
        self._protocol_version = client.protocol_version

    def __repr__(self) -> str:
        where = self._spec.where
        place = f"{where.command!r}, pid {self.pid}" if isinstance(where, Command) else where.shown
        state = "" if self.is_alive else ", gone"
        return f"<McpConnection {self.name!r} to {place}, {len(self.tools)} tools{state}>"

    @property
    def name(self) -> str:
        """The service's name."""
        return self._spec.name

    @property
    def is_alive(self) -> bool:
        """Whether requests can still be made, as far as is known."""
        return not self._link.gone.is_set()

    @property
    def pid(self) -> int | None:
        """The id of the server's process, session and process group; None for a server behind a URL."""
        return self._link.pid

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools that the actor may call: a snapshot of what the server listed last, without the disabled ones.

        Kept up to date when the server says that its list has changed; see also `refresh_tools`.
        """
        return tuple(tool for tool in self._link.tools if not self._spec.excluded_by(tool.name))

    @property
    def server_info(self) -> Implementation | None:
        """What the server calls itself, and its version; None when it does not say."""
        return self._server_info

    @property
    def instructions(self) -> str | None:
        """What the server says about how to use it; None when it says nothing."""
        return self._instructions

    @property
    def capabilities(self) -> ServerCapabilities:
        """What kinds of requests the server answers."""
        return self._capabilities

    @property
    def protocol_version(self) -> str:
        """The version of MCP that both sides agreed on: a date."""
        return self._protocol_version

    @property
    def stderr(self) -> tuple[str, ...]:
        """The last lines of the server's stderr: at most 20, of about 4 kB together; a snapshot. Empty behind a URL."""
        return self._link.stderr()

    @property
    def client(self) -> Client:
        """The SDK's own client, for what is not here. Its errors and timeouts are the SDK's; it must not be closed."""
        return self._client

    def traits(self, tool: str, arguments: Mapping[str, Any] | None = None) -> ToolTraits:
        """Say what a call would be, for who decides how and whether to make it.

        Args:
            tool: the tool's name. One that is unknown or disabled is neither read-only nor parallel-safe, and is denied.
            arguments: of the call; they make no difference yet.
        """
        for known in self.tools:
            if known.name == tool:
                return ToolTraits(
                    read_only=known.annotations is not None and known.annotations.read_only_hint is True,
                    parallel_safe=self._spec.supports_parallel_tool_calls,
                    approval=self._spec.tool_approval.get(tool, self._spec.approval),
                )
        return ToolTraits(approval="deny")

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_progress: ProgressFnT | None = None,
    ) -> CallToolResult:
        """Call a tool and wait for its result.

        What approvals are needed is for the caller to see to: see `traits`.

        Args:
            name: one of `tools`.
            arguments: by name; JSON data.
            timeout: seconds for all of the call; None is the server's `tool_timeout`, `math.inf` no limit.
            on_progress: an async function, called with progress, total and message when the server reports them.

        Returns:
            The SDK's result. A tool that ran and failed says so there, by `is_error`.

        Raises:
            UnknownTool: the server listed no such tool; nothing was sent.
            ToolDisabled: it is not for this actor; nothing was sent.
            McpRequestTimeout: the time has passed; the server was told that nobody waits any more.
            McpRequestFailed: the server answered with an error, or with what is not valid; or the arguments are not JSON data.
            McpConnectionLost: the server has gone: before the call, or in its middle, and then at once.
            InvalidSpec: the arguments are no mapping of names, or the timeout is no number of seconds; nothing was sent.

        Checkpoint: always.
        Cancellation: the server is told that nobody waits any more; what the tool has done stays done.
        """
        option = self._spec.excluded_by(name)
        if all(tool.name != name for tool in self._link.tools):
            raise UnknownTool(self.name, name, [tool.name for tool in self.tools])
        if option:
            raise ToolDisabled(self.name, name, option)
        given = {} if arguments is None else Check(self.name).mapping("arguments", arguments)
        call = partial(self._client.call_tool, name, given, progress_callback=on_progress)
        return await self._request(f"tools/call {name!r}", call, timeout)

    async def refresh_tools(self, *, timeout: float | None = None) -> tuple[Tool, ...]:
        """Ask the server for its list of tools again; `tools` is then that list.

        Returns:
            The new `tools`.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`; `tools` is what it was.

        Checkpoint: always.
        Cancellation: `tools` is what it was.
        """
        await self._request("tools/list", self._link.refresh_tools, timeout)
        return self.tools

    async def list_resources(self, *, timeout: float | None = None) -> tuple[Resource, ...]:
        """Ask for the server's resources, all pages; none from a server that has no such thing.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        return await self._all(
            "resources", "resources/list", self._client.list_resources, lambda page: page.resources, timeout
        )

    async def list_resource_templates(self, *, timeout: float | None = None) -> tuple[ResourceTemplate, ...]:
        """Ask for the patterns of the resources that the server makes on demand, all pages.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        return await self._all(
            "resources",
            "resources/templates/list",
            self._client.list_resource_templates,
            lambda page: page.resource_templates,
            timeout,
        )

    async def read_resource(self, uri: str, *, timeout: float | None = None) -> ReadResourceResult:
        """Read one resource.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        return await self._request(f"resources/read {uri!r}", partial(self._client.read_resource, uri), timeout)

    async def list_prompts(self, *, timeout: float | None = None) -> tuple[Prompt, ...]:
        """Ask for the server's prompts, all pages; none from a server that has no such thing.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        return await self._all("prompts", "prompts/list", self._client.list_prompts, lambda page: page.prompts, timeout)

    async def get_prompt(
        self, name: str, arguments: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> GetPromptResult:
        """Ask for one prompt, filled in.

        Raises:
            McpRequestTimeout, McpRequestFailed, McpConnectionLost: as `call_tool`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        call = partial(self._client.get_prompt, name, None if arguments is None else dict(arguments))
        return await self._request(f"prompts/get {name!r}", call, timeout)

    async def wait_lost(self) -> None:
        """Wait until the connection has gone.

        Raises:
            McpConnectionLost: always, with the cause, as soon as it has gone.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        await self._link.gone.wait()
        raise self._link.lost_error()

    async def _all(
        self,
        kind: str,
        during: str,
        ask: Callable[..., Awaitable[P]],
        items: Callable[[P], Iterable[R]],
        timeout: float | None,
    ) -> tuple[R, ...]:
        """Ask for all pages of a list; an empty one of what the server does not have."""

        async def pages() -> tuple[R, ...]:
            await trio.lowlevel.checkpoint()
            found: list[R] = []
            cursor: str | None = None
            for _ in range(_PAGES if getattr(self._capabilities, kind) is not None else 0):
                page = await ask(cursor=cursor)
                found += items(page)
                cursor = page.next_cursor
                if cursor is None:
                    break
            return tuple(found)

        return await self._request(during, pages, timeout)

    async def _request(self, during: str, send: Callable[[], Awaitable[R]], timeout: float | None) -> R:
        """Make one request in the caller's task, and tell its failures apart."""
        import anyio
        from mcp import InputRequiredRoundsExceededError, MCPError
        from mcp.types import CONNECTION_CLOSED
        from pydantic import ValidationError

        link = self._link
        own = "the server's tool_timeout"
        limit = self._spec.tool_timeout if timeout is None else Check(self.name).seconds("timeout", timeout, none=own)
        if link.gone.is_set():
            raise link.lost_error(during)
        with trio.move_on_after(limit):
            try:
                return await send()
            except MCPError as error:
                # The error of a server that has gone may look like any other ("session not found").
                if error.code != CONNECTION_CLOSED and not link.is_ending:
                    raise self._failed(during, error.message, error.code, error.data) from error
                # No answer will come. Wait for what happened to the server, which is known in a moment.
                await link.verify()
                if not link.gone.is_set():
                    raise self._failed(during, error.message, error.code, error.data) from error
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                await link.verify()
            except (ValidationError, InputRequiredRoundsExceededError) as error:
                raise self._failed(during, f"the answer is not valid: {error}") from error
            except BaseExceptionGroup as group:
                # A handler of the user's raised while it answered the server: that error, as it is. Or the caller was cancelled meanwhile.
                says_most = useful(group)
                if not isinstance(says_most, anyio.ClosedResourceError | anyio.BrokenResourceError):
                    raise says_most from None
                await link.verify()
            except ValueError as error:
                # What pydantic raises for what it cannot write as JSON.
                raise self._failed(during, f"the arguments are not JSON data: {error}") from error
            except RuntimeError as error:
                # What the SDK raises for a result that does not match the tool's schema, and for a client that was closed.
                if not link.gone.is_set():
                    raise self._failed(during, str(error)) from error
            raise link.lost_error(during)
        raise McpRequestTimeout(self.name, during=during, timeout=limit)

    def _failed(self, during: str, message: str, code: int | None = None, data: Any = None) -> McpRequestFailed:
        return McpRequestFailed(self.name, during=during, message=message, code=code, data=data)


@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_connection(spec: ServerSpec) -> AsyncGenerator[McpConnection, None]:
    """Connect to a server; leaving the block closes the connection and ends the server's process.

    Raises:
        McpStartupFailed: it could not be started, or not in time; nothing of it is left.

    Checkpoint: always.
    Cancellation: the connection is closed in full first, which takes at most the time that the spec grants for closing.
    """
    link = Link(spec)
    async with Crew() as crew:
        crew.start_soon(link.run)
        try:
            with trio.move_on_after(spec.startup_timeout) as startup:
                await link.settled.wait()
            if startup.cancelled_caught:
                await _close(link)
                raise link.startup_error(f"no handshake within {spec.startup_timeout:g} s")
            if link.client is None or link.gone.is_set():
                await _close(link)
                raise link.startup_error()
            yield McpConnection(spec, link, link.client)
        finally:
            await _close(link)


async def _close(link: Link) -> None:
    link.close()
    with trio.CancelScope(shield=True):
        await link.ended.wait()
