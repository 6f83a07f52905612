"""MCP servers as services of actors: tools, resources and prompts of real servers, by the official SDK under Trio.

Why a server is more than a client and a URL here: it is mostly a child process, and a child process is the part of a program
that outlives its mistakes. So what this package is about is ends. A server that does not start says why, in one line with the last
words of its stderr. One that dies in the middle of a call ends that call at once, and its actor with it. And when the actor
ends, however it ends, no process of the server is left, nor of those that the server started.

    mcp_server ──▶ Service ──▶ open_connection ──▶ McpConnection          what the actor has
                                     │
                                   Link                                   the task that holds the SDK's client
                                     │
                       StdioWire ────┴──── HttpWire                       the way to the server
                           │
                     ServerProcess ── survivors                           the process, and who it leaves behind

Needs the extra `greenroom[mcp]`. The SDK takes half a second to import, which happens when the first server connects, in a
thread, while the server starts.

What cannot be promised: when this program is killed by SIGKILL, nobody is left to close anything. A server that reads its stdin
sees that end, and exits; one that does not, and a process that left its server's session on purpose (a daemon), live on.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..actors._service import Service
from ._connection import McpConnection as McpConnection
from ._connection import ToolTraits as ToolTraits
from ._connection import open_connection
from ._errors import McpConnectionLost as McpConnectionLost
from ._errors import McpNotInstalled as McpNotInstalled
from ._errors import McpRequestFailed as McpRequestFailed
from ._errors import McpRequestTimeout as McpRequestTimeout
from ._errors import McpServerError as McpServerError
from ._errors import McpStartupFailed as McpStartupFailed
from ._errors import McpToolFailed as McpToolFailed
from ._errors import ToolDisabled as ToolDisabled
from ._errors import UnknownTool as UnknownTool
from ._http import Endpoint
from ._link import require_sdk
from ._process import Command
from ._spec import Approval as Approval
from ._spec import Check, Handlers, ServerSpec
from ._tool import McpTool as McpTool
from ._tool import mcp_tools as mcp_tools

if TYPE_CHECKING:
    from mcp.client.session import ElicitationFnT, ListRootsFnT, LoggingFnT, SamplingFnT

__all__ = [
    "Approval",
    "McpConnection",
    "McpConnectionLost",
    "McpNotInstalled",
    "McpRequestFailed",
    "McpRequestTimeout",
    "McpServerError",
    "McpStartupFailed",
    "McpTool",
    "McpToolFailed",
    "ToolDisabled",
    "ToolTraits",
    "UnknownTool",
    "mcp_server",
    "mcp_tools",
]


def mcp_server(
    name: str,
    *,
    command: str | os.PathLike[str] | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    required: bool = True,
    enabled: bool = True,
    disabled_reason: str = "",
    wait: bool = False,
    startup_timeout: float | None = 30.0,
    tool_timeout: float | None = 60.0,
    exit_grace: float = 2.0,
    term_grace: float = 1.0,
    enabled_tools: Collection[str] | None = None,
    disabled_tools: Collection[str] = (),
    supports_parallel_tool_calls: bool = False,
    approval: Approval = "ask",
    tool_approval: Mapping[str, Approval] | None = None,
    mode: str = "auto",
    on_elicitation: ElicitationFnT | None = None,
    on_sampling: SamplingFnT | None = None,
    on_roots: ListRootsFnT | None = None,
    on_log: LoggingFnT | None = None,
) -> Service[McpConnection]:
    """Describe an MCP server that an actor needs; the actor finds an `McpConnection` in `ctx.services[name]`.

    Nothing is started here. When the actor starts, the server is started (or its URL called), the handshake made and its tools
    listed; when the actor ends, the server is ended. A server that goes by itself crashes its actor, if `required`.

    Closing: the server's stdin is closed, and it has `exit_grace` seconds to exit; then SIGTERM goes to its session, whose
    processes have `term_grace` seconds; then SIGKILL, and 1 s to be gone. A normal server takes some hundredths of a second; the worst
    case is `exit_grace + term_grace + 1` (4 s by default, less than an actor's default shutdown time of 5 s: a server with
    longer graces needs an actor with a longer one). A process that a polite server leaves behind costs `term_grace` at most.

    Args:
        name: its key in `ctx.services`, and its name in errors and logs.
        command: a program, by name or path; or else a `url`.
        args: its arguments, one string each.
        env: variables on top of HOME, LOGNAME, PATH, SHELL, TERM and USER, which are all that a server inherits; never shown.
        cwd: the directory it runs in; None is this program's.
        url: the endpoint of a server that speaks streamable HTTP; or else a `command`.
        headers: sent with each HTTP request (a token, say); never shown.
        required: an actor whose required server does not start, does not start.
        enabled: False is as if it were not there.
        disabled_reason: why not; said by the log at each start of the actor, and by the `ServiceNotFound` of who asks for it.
        wait: a server that is not required delays readiness only with `wait=True`.
        startup_timeout: seconds for starting, handshake and list of tools together; None is no limit. When it has passed,
            the server is closed first, and then the error raised.
        tool_timeout: seconds that a request has if it does not say otherwise; None is no limit.
        exit_grace: seconds to exit after stdin was closed; behind a URL, to be told that the session is over.
        term_grace: seconds to end after SIGTERM. Without meaning behind a URL.
        enabled_tools: the only tools that the actor may call; None is all. A name that the server does not have fails its start.
        disabled_tools: tools that the actor may not call; a name that the server does not have fails its start.
        supports_parallel_tool_calls: whether `ctx.dispatch` may make several calls at once; see `mcp_tools`.
        approval: what `ctx.dispatch` needs before it calls a tool: "ask" for consent, "auto" nothing, "deny" never.
        tool_approval: the same for single tools, by name.
        mode: how to agree on a version of the protocol: "auto" (the newest that both know), "legacy" (the handshake of before
            2026), or a version's date.
        on_elicitation: answers a server that asks the user something; None declines. So do the next two.
        on_sampling: answers a server that asks for a language model.
        on_roots: answers a server that asks for the directories it may look at.
        on_log: is given what the server logs; None passes it on to the logger `greenroom.mcp`, at debug level.

    Returns:
        The service: `connect` raises `McpStartupFailed`, `watch` raises `McpConnectionLost`. Its own `timeout` is None.

    Raises:
        InvalidSpec: an argument is wrong, or two do not go together.
        McpNotInstalled: the MCP SDK is not there.
    """
    check = Check(name)
    where: Command | Endpoint
    if command is None and url is None:
        raise check.wrong(
            "command, url", "one of the two is needed: a command to start, or the URL of a running server"
        )
    if command is not None and url is not None:
        raise check.wrong("command, url", "only one of the two can be given")
    grace = check.seconds("exit_grace", exit_grace, zero=True)
    term = check.seconds("term_grace", term_grace, zero=True)
    if command is not None:
        if headers is not None:
            raise check.wrong("headers", "they go with a url, not with a command")
        where = Command(
            command=check.path("command", command),
            args=check.texts("args", args, empty=True),
            env=check.variables("env", {} if env is None else env),
            cwd=None if cwd is None else check.path("cwd", cwd),
            exit_grace=grace,
            term_grace=term,
        )
    else:
        for argument, given in (("args", args != ()), ("env", env is not None), ("cwd", cwd is not None)):
            if given:
                raise check.wrong(argument, "it goes with a command, not with a url")
        where = Endpoint(
            url=check.url("url", url),
            headers=check.headers("headers", {} if headers is None else headers),
            exit_grace=grace,
        )
    enabled_set = None if enabled_tools is None else frozenset(check.texts("enabled_tools", enabled_tools))
    disabled_set = frozenset(check.texts("disabled_tools", disabled_tools))
    if both := sorted((enabled_set or frozenset()) & disabled_set):
        raise check.wrong("enabled_tools, disabled_tools", f"both name {', '.join(map(repr, both))}")
    overrides = check.mapping("tool_approval", {} if tool_approval is None else tool_approval)
    spec = ServerSpec(
        name=name,
        where=where,
        startup_timeout=check.seconds("startup_timeout", startup_timeout),
        tool_timeout=check.seconds("tool_timeout", tool_timeout),
        enabled_tools=enabled_set,
        disabled_tools=disabled_set,
        supports_parallel_tool_calls=check.flag("supports_parallel_tool_calls", supports_parallel_tool_calls),
        approval=check.approval("approval", approval),
        tool_approval={tool: check.approval(f"tool_approval[{tool!r}]", word) for tool, word in overrides.items()},
        mode=check.mode("mode", mode),
        handlers=Handlers(
            elicitation=check.handler("on_elicitation", on_elicitation),
            sampling=check.handler("on_sampling", on_sampling),
            roots=check.handler("on_roots", on_roots),
            log=check.handler("on_log", on_log),
        ),
    )
    flags = {"required": required, "enabled": enabled, "wait": wait}
    for argument, value in flags.items():
        check.flag(argument, value)
    if enabled:
        require_sdk()
    return Service(
        name,
        partial(open_connection, spec),
        required=required,
        # None: the timeout is kept inside, where the server can be closed first and the error has the tail of its stderr.
        timeout=None,
        enabled=enabled,
        disabled_reason=check.any_text("disabled_reason", disabled_reason),
        wait=wait,
        kind="MCP server",
        watch=McpConnection.wait_lost,
    )
