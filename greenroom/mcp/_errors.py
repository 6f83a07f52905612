"""What goes wrong between an actor and its MCP server: one class for each thing that the caller does differently."""

from collections.abc import Iterable
from typing import Any

from ..actors._texts import did_you_mean
from ..mailbox import GreenroomError

_SHOWN_LINES = 3
_SHOWN_CHARACTERS = 400


class McpServerError(GreenroomError):
    """The base of all errors that speak of an MCP server; `server` is the service's name."""

    def __init__(self, server: str, text: str) -> None:
        super().__init__(text)
        self.server = server


class _Ended(McpServerError):
    """A server that is not there, with what is known of why.

    The text is one line, so that it can stand in a list of failures; a traceback shows the whole tail of stderr, as a note.
    """

    def __init__(
        self, server: str, text: str, *, cause: str, exit_code: int | None = None, stderr: Iterable[str] = ()
    ) -> None:
        tail = tuple(stderr)
        super().__init__(server, f"MCP server {server!r} {text}{last_words(tail)}")
        self.cause = cause
        self.exit_code = exit_code
        self.stderr = tail
        if tail:
            self.add_note(
                "\n".join((f"the last lines of the stderr of MCP server {server!r}:", *(f"  {t}" for t in tail)))
            )


class McpStartupFailed(_Ended):
    """The server could not be started, or did not get through its handshake. No process of it is left.

    Attributes:
        server: the service's name.
        cause: what happened, without the server's name and stderr ("exited with code 3 before the handshake").
        exit_code: of the server's process, negative for a signal; None when it did not end by itself.
        stderr: the last lines that it wrote there, at most 20 and at most 4 kB.
    """

    def __init__(self, server: str, *, cause: str, exit_code: int | None = None, stderr: Iterable[str] = ()) -> None:
        super().__init__(server, f"did not start: {cause}", cause=cause, exit_code=exit_code, stderr=stderr)


class McpConnectionLost(_Ended):
    """The server has gone, or was closed. The connection is of no further use; the tool may or may not have run.

    Attributes:
        server: the service's name.
        during: the request that got no answer; empty when nothing was asked.
        cause: what happened ("exited with code 1").
        exit_code: of the server's process, negative for a signal; None when it did not end by itself.
        stderr: the last lines that it wrote there, at most 20 and at most 4 kB.
    """

    def __init__(
        self, server: str, *, cause: str, during: str = "", exit_code: int | None = None, stderr: Iterable[str] = ()
    ) -> None:
        text = f"is gone: {cause}"
        if during:
            text += f" (during {during})"
        super().__init__(server, text, cause=cause, exit_code=exit_code, stderr=stderr)
        self.during = during


class McpRequestFailed(McpServerError):
    """The server answered a request with an error, or with something that is not valid. The connection lives on.

    A tool that ran and says that it failed is no such error: its result has `is_error` set.

    Attributes:
        server: the service's name.
        during: the request.
        code: the JSON-RPC error code; None when the answer itself was not valid.
        data: what came with the error.
    """

    def __init__(self, server: str, *, during: str, message: str, code: int | None = None, data: Any = None) -> None:
        said = f"{message} (code {code})" if code is not None else message
        super().__init__(server, f"MCP server {server!r}: {during} failed: {said}")
        self.during = during
        self.code = code
        self.data = data


class McpRequestTimeout(McpServerError, TimeoutError):
    """The server did not answer in time. It was told that nobody waits any more; the connection lives on.

    Attributes:
        server: the service's name.
        during: the request.
        timeout: the seconds that were granted.
    """

    def __init__(self, server: str, *, during: str, timeout: float) -> None:
        super().__init__(server, f"MCP server {server!r}: {during} was not answered within {timeout:g} s")
        self.during = during
        self.timeout = timeout


class UnknownTool(McpServerError, LookupError):
    """The server lists no such tool; nothing was sent."""

    def __init__(self, server: str, tool: str, tools: Iterable[str]) -> None:
        known = tuple(tools)
        hint = did_you_mean(tool, known, none="it has no tools")
        super().__init__(server, f"MCP server {server!r} has no tool {tool!r}; {hint}")
        self.tool = tool
        self.tools = known


class ToolDisabled(McpServerError):
    """The server has the tool, but `enabled_tools` or `disabled_tools` keeps it from the actor; nothing was sent."""

    def __init__(self, server: str, tool: str, option: str) -> None:
        super().__init__(server, f"MCP server {server!r}: tool {tool!r} is disabled by {option}")
        self.tool = tool
        self.option = option


class McpToolFailed(McpServerError):
    """A dispatched tool ran, and says that it failed; the text is what it said.

    Attributes:
        tool: its name on the server.
        result: the SDK's result, with `is_error` set.
    """

    def __init__(self, server: str, tool: str, result: Any, words: str) -> None:
        super().__init__(server, f"MCP server {server!r}: tool {tool!r} failed: {words or '(it gave no words)'}")
        self.tool = tool
        self.result = result


class McpNotInstalled(GreenroomError, ImportError):
    """The MCP SDK is not installed."""

    def __init__(self) -> None:
        super().__init__("MCP servers need the MCP SDK, which is not installed; run: pip install greenroom[mcp]")


def last_words(stderr: tuple[str, ...]) -> str:
    """Fold the end of a stderr into what fits at the end of a line; empty when there is none."""
    lines = [line.strip() for line in stderr if line.strip()][-_SHOWN_LINES:]
    if not lines:
        return ""
    text = " | ".join(lines)
    if len(text) > _SHOWN_CHARACTERS:
        text = "…" + text[-_SHOWN_CHARACTERS:]
    return f"; stderr: {text}"
