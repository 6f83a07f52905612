"""A server behind a URL: MCP's streamable HTTP, over the SDK's own transport.

That transport keeps to itself much of what went wrong: an HTTP status becomes "Server returned an error response", a lost event
stream becomes silence. So it is given an HTTP client whose `send` looks at each response and each error on the way.

A server of the 2026 protocol has no session, so there is no connection that could be lost while nothing is asked: that such a
server has gone is seen by the next request. One with a session is seen to go when the stream that it keeps open ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit, urlunsplit

import attrs

from ._wire import Diagnosis, Tell

if TYPE_CHECKING:
    import httpx2
    from mcp.shared.message import SessionMessage

logger = logging.getLogger("greenroom.mcp")

# Seconds to connect, and to write a request. Reading has no limit of its own: `tool_timeout` and `startup_timeout` have the say.
_CONNECT_TIMEOUT = 30.0
_SESSION_HEADER = "mcp-session-id"


@attrs.frozen
class Endpoint:
    """Where a server is. Headers may hold secrets, and are never shown; neither is what the URL has of them."""

    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    exit_grace: float

    @property
    def shown(self) -> str:
        """The URL without its user, password, query and fragment."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class HttpWire:
    """The way to one server by HTTP."""

    def __init__(self, name: str, endpoint: Endpoint, tell: Tell) -> None:
        self._name = name
        self._endpoint = endpoint
        self._tell = tell
        self._client: httpx2.AsyncClient | None = None
        self._fault = ""
        self._status = ""
        self._error: Exception | None = None

    @property
    def pid(self) -> int | None:
        """No process of ours."""
        return None

    def stderr(self) -> tuple[str, ...]:
        """Nothing is heard of it."""
        return ()

    def hint(self) -> str:
        """Give the last refusal, if there was one."""
        return f"its last answer was {self._status}" if self._status else ""

    @asynccontextmanager
    async def transport(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Carry messages between the server and the SDK's client."""
        from mcp.client.streamable_http import streamable_http_client

        assert self._client is not None
        async with streamable_http_client(self._endpoint.url, http_client=self._client) as (receiving, sending):
            yield _Heard(receiving, self._tell), sending

    async def diagnose(self, error: BaseException | None, *, started: bool) -> Diagnosis:
        """Say what the network, the HTTP server or the MCP server answered."""
        import anyio
        import httpx2
        from mcp import MCPError

        if isinstance(error, anyio.BrokenResourceError | anyio.ClosedResourceError):
            # A task of the SDK's had an answer to hand on, and a failure elsewhere had closed its streams. It has no words of its own.
            error = None
        if isinstance(error, MCPError | None):
            # What the network said says more than what the SDK made of it.
            error = self._error or error
        where = self._endpoint.shown
        if self._fault:
            cause = self._fault
        elif isinstance(error, httpx2.ConnectError):
            cause = f"cannot connect to {where}: {_root(error)}"
        elif isinstance(error, httpx2.TransportError):
            cause = f"lost the connection to {where}: {_root(error)}"
        elif self._status and isinstance(error, MCPError | None):
            cause = f"{self._status} from {where}"
        elif error is None:
            cause = f"the connection to {where} has ended"
        else:
            cause = f"protocol error: {error}"
        return Diagnosis(cause=cause)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Self, None]:
        """Make the HTTP client; leaving the block closes its connections. The SDK must be imported."""
        import httpx2

        wire = self

        class Client(httpx2.AsyncClient):
            async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
                try:
                    response = await super().send(request, **options)
                except httpx2.TransportError as error:
                    wire.note_error(error)
                    raise
                wire.note_response(request, response)
                return response

        timeout = httpx2.Timeout(_CONNECT_TIMEOUT, read=None)
        async with Client(headers=dict(self._endpoint.headers), timeout=timeout) as client:
            self._client = client
            yield self

    def note_error(self, error: Exception) -> None:
        """See a request fail on the way."""
        self._error = error
        self._tell("doubt")

    def note_response(self, request: httpx2.Request, response: httpx2.Response) -> None:
        """See an answer, before its body is read."""
        self._error = None
        if request.method == "POST":
            self._status = f"HTTP {response.status_code} {_phrase(response.status_code)}" if response.is_error else ""
        if (
            response.status_code == HTTPStatus.NOT_FOUND
            and _SESSION_HEADER in request.headers
            and request.method != "DELETE"
        ):
            # Source: MCP, "Session management": 404 to a request with a session id says that the session is over.
            self._fault = f"HTTP 404 from {self._endpoint.shown}: the server has ended the session"
            self._tell("over")
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _watched(response.stream, self._tell, always=request.method == "GET")


class _Heard:
    """A read stream of the SDK's that says when it has ended, which the SDK tells nobody."""

    def __init__(self, stream: Any, tell: Tell) -> None:
        self._stream = stream
        self._tell = tell

    @property
    def last_context(self) -> Any:
        """The context of the sender of the last message, for the SDK's dispatcher."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        message: SessionMessage | Exception = await self._stream.receive()
        return message

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            message: SessionMessage | Exception = await self._stream.__anext__()
        except StopAsyncIteration:
            self._tell("over")
            raise
        return message

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stream.__aexit__(exc_type, exc, traceback)


def _watched(stream: Any, tell: Tell, *, always: bool) -> Any:
    """Wrap an event stream so that its end raises doubt about the server: any end, or only one by an error."""
    import httpx2

    # An iterator of its own class: an async generator that is dropped half-way is Trio's to complain about.
    class Watched(httpx2.AsyncByteStream):
        def __init__(self) -> None:
            self._chunks: AsyncIterator[bytes] = stream.__aiter__()

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            try:
                return await self._chunks.__anext__()
            except httpx2.TransportError:
                tell("doubt")
                raise
            except StopAsyncIteration:
                if always:
                    tell("doubt")
                raise

        async def aclose(self) -> None:
            await stream.aclose()

    return Watched()


def _root(error: BaseException) -> str:
    """Find the words of the operating system under the layers of the HTTP client; else its own."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BaseExceptionGroup):
            seen = cast("BaseExceptionGroup[BaseException]", seen).exceptions[0]
        elif isinstance(seen, OSError) and seen.strerror:
            # Trio puts the address into the text, where the URL is already; the name service has numbers below 0.
            number = seen.errno or 0
            return (os.strerror(number) if number > 0 else seen.strerror).lower()
        else:
            seen = seen.__cause__ or seen.__context__
    return str(error) or type(error).__name__


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def open_http(name: str, endpoint: Endpoint, tell: Tell) -> AbstractAsyncContextManager[HttpWire]:
    """Make an HTTP client for one server; leaving the block closes its connections. The SDK must be imported."""
    return HttpWire(name, endpoint, tell).opened()
