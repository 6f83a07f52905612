"""The task that holds one connection: opens it, serves it, sees it end, closes it.

Why a task of its own? The SDK's client lives in task groups that must be left by the task that entered them, last in, first out,
and that cancel it when the transport breaks. Here that happens to a task that does nothing else: who uses the connection learns
of its end as an error with a cause, or by waiting for it, and is never cancelled by surprise.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, cast

import trio

from ._errors import McpConnectionLost, McpNotInstalled, McpStartupFailed
from ._http import open_http
from ._process import Command, why_not_started
from ._spec import ServerSpec
from ._stdio import open_stdio
from ._wire import Diagnosis, News, Wire

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import LoggingMessageNotificationParams, Tool

logger = logging.getLogger("greenroom.mcp")

# Seconds for a server that is in doubt to answer whether it is there.
_CHECK_TIMEOUT = 5.0
# Seconds that a stream of changes must have lasted to be asked for again: a server that ends it at once would be asked for ever.
_SHORTEST_STREAM = 1.0
# Pages of a list of tools, at most: a server that never ends its list must not hold up its actor for ever.
_PAGES = 100


def require_sdk() -> None:
    """Raise `McpNotInstalled` when the SDK is not there; cheap, nothing is imported."""
    if importlib.util.find_spec("mcp") is None:
        raise McpNotInstalled


def _import_sdk() -> None:
    # Half a second, which is why it happens in a thread.
    importlib.import_module("mcp")


class Link:
    """One connection, from its opening to its end, as its task sees it.

    `settled` is set when it is ready or has failed; `gone` when no answer will come any more.
    """

    def __init__(self, spec: ServerSpec) -> None:
        self._spec = spec
        self._scope = trio.CancelScope()
        self._send_news, self._news = trio.open_memory_channel[News](1_000)
        self._checks: list[trio.Event] = []
        self._diagnosis: Diagnosis | None = None
        self._error: BaseException | None = None
        self._wire: Wire | None = None
        self._closing = False
        self._looking = False
        self._look_again = False
        self.is_ending = False
        """Whether it is known that no more answers will come, though not yet why."""
        self.settled = trio.Event()
        self.gone = trio.Event()
        self.ended = trio.Event()
        self.client: Client | None = None
        self.tools: tuple[Tool, ...] = ()

    @property
    def pid(self) -> int | None:
        """The server's process; None behind a URL, or before it runs."""
        return None if self._wire is None else self._wire.pid

    def stderr(self) -> tuple[str, ...]:
        """Give the last lines of the server's stderr."""
        return () if self._wire is None else self._wire.stderr()

    def tell(self, news: News) -> None:
        """Put something into the task's inbox; never waits."""
        self.is_ending = self.is_ending or news == "over"
        try:
            self._send_news.send_nowait(news)
        except trio.WouldBlock:
            # A thousand unread words are a server that floods; the next look at it finds out the same.
            logger.debug("%s: dropped %r", self._spec.name, news)

    async def run(self) -> None:
        """Open, serve and close the connection: the task. What goes wrong is kept, not raised.

        Cancellation: closes the connection; see `close`.
        """
        try:
            with self._scope:
                await self._run()
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises means the end of this one connection
            self._conclude(Diagnosis(cause=f"{type(error).__name__}: {error}", stderr=self.stderr()), error)
        finally:
            if self._diagnosis is None:
                self._conclude(Diagnosis(cause="the connection was closed", stderr=self.stderr()), None)
            self.ended.set()

    async def _run(self) -> None:
        where = self._spec.where
        if isinstance(where, Command):
            # The server starts while the SDK is being imported: both take half a second.
            opening: AbstractAsyncContextManager[Wire] = open_stdio(self._spec.name, where, self.tell)
        else:
            await trio.to_thread.run_sync(_import_sdk)
            opening = open_http(self._spec.name, where, self.tell)
        try:
            async with opening as wire:
                self._wire = wire
                await self._converse(wire)
        except OSError as error:
            if self._wire is not None or not isinstance(where, Command):
                raise
            self._conclude(Diagnosis(cause=why_not_started(where, error)), error)

    async def _converse(self, wire: Wire) -> None:
        await trio.to_thread.run_sync(_import_sdk)
        from mcp import Client

        handlers = self._spec.handlers
        try:
            async with Client(
                wire.transport(),
                mode=self._spec.mode,
                client_info=_client_info(),
                elicitation_callback=handlers.elicitation,
                sampling_callback=handlers.sampling,
                list_roots_callback=handlers.roots,
                logging_callback=handlers.log or self._log,
                log_level="debug" if handlers.log else None,
                message_handler=self._hear,
            ) as client:
                self.client = client
                await self.refresh_tools()
                self.settled.set()
                await self._serve(wire, client)
                # What the SDK does on its way out (telling an HTTP server that the session is over) has its time, too.
                self._scope.deadline = trio.current_time() + self._spec.where.exit_grace
        except Exception as raised:
            if self._closing or self._diagnosis is not None:
                logger.debug("%s: raised while closing", self._spec.name, exc_info=raised)
                return
            error = useful(raised)
            if isinstance(error, _Unusable):
                self._conclude(Diagnosis(cause=str(error), stderr=wire.stderr()), None)
            else:
                self._conclude(await wire.diagnose(error, started=self.settled.is_set()), error)

    async def _serve(self, wire: Wire, client: Client) -> None:
        """Wait until the connection is to be closed, or has ended; meanwhile look after it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, client)
            async for news in self._news:
                if news in {"doubt", "tools changed"}:
                    # One look at a time: a burst of news is answered by the look that comes after it.
                    if self._looking:
                        self._look_again = True
                    else:
                        self._looking = True
                        nursery.start_soon(self._look, wire)
                else:
                    if news == "over" and not self._closing:
                        self._conclude(await wire.diagnose(None, started=True), None)
                    nursery.cancel_scope.cancel()
                    return

    @trio.lowlevel.enable_ki_protection
    async def _listen(self, client: Client) -> None:
        """Hear of changes of the tools from a server of the 2026 protocol; one of before says so without being asked.

        Behind a URL this is also what shows that the server has gone, while nothing else is asked of it.
        """
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        tools = client.server_capabilities.tools
        while tools is not None and tools.list_changed:
            began = trio.current_time()
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    # Nothing is said again of what changed before the server began to tell.
                    self.tell("tools changed")
                    async for _ in changes:
                        self.tell("tools changed")
            except (ListenNotSupportedError, MCPError) as error:
                logger.debug("%s: does not tell of changes", self._spec.name, exc_info=error)
                return
            except SubscriptionLost as error:
                logger.debug("%s: a stream was lost", self._spec.name, exc_info=error)
            await self.verify()
            if self.gone.is_set() or trio.current_time() - began < _SHORTEST_STREAM:
                return

    @trio.lowlevel.enable_ki_protection
    async def _look(self, wire: Wire) -> None:
        """Ask for the tools: an answer is a sign of life and the news about the tools in one."""
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        while self._looking:
            self._look_again = False
            waiting, self._checks = self._checks, []
            try:
                with trio.fail_after(_CHECK_TIMEOUT):
                    await self.refresh_tools()
            except trio.TooSlowError:
                self._conclude(
                    Diagnosis(cause=f"gave no sign of life for {_CHECK_TIMEOUT:g} s", stderr=wire.stderr()), None
                )
                self.tell("over")
            except MCPError as error:
                # An error that the server itself made is a sign of life.
                if error.code == CONNECTION_CLOSED or wire.hint():
                    self._conclude(await wire.diagnose(error, started=True), error)
                    self.tell("over")
            for check in waiting:
                check.set()
            self._looking = self._look_again

    async def refresh_tools(self) -> None:
        """Ask the server for its tools, all pages.

        Raises:
            mcp.MCPError: the server answered with an error, or has gone.
        """
        client = self.client
        if client is None:
            raise RuntimeError("not connected")
        found: list[Tool] = []
        if client.server_capabilities.tools is not None:
            cursor: str | None = None
            for _ in range(_PAGES):
                page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                found += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    break
        if not self.settled.is_set() and (problem := self._spec.misnamed([tool.name for tool in found])):
            raise _Unusable(problem)
        self.tools = tuple(found)

    async def verify(self) -> None:
        """Return when it is known whether the server is still there: look at `gone`.

        Checkpoint: always.
        Cancellation: nothing is left behind.
        """
        await trio.lowlevel.checkpoint()
        if not self.gone.is_set():
            check = trio.Event()
            self._checks.append(check)
            self.tell("doubt")
            await check.wait()

    def close(self) -> None:
        """Ask the task to close the connection politely; if it is not ready yet, to give up."""
        self._closing = True
        if self.settled.is_set():
            self.tell("closing")
        else:
            self._scope.cancel()

    def startup_error(self, cause: str = "") -> McpStartupFailed:
        """Make the error of a startup that failed."""
        diagnosis = self._diagnosis or Diagnosis(cause="", stderr=self.stderr())
        if cause and self._wire is not None and (hint := self._wire.hint()):
            cause += f"; {hint}"
        error = McpStartupFailed(
            self._spec.name,
            cause=cause or diagnosis.cause,
            exit_code=None if cause else diagnosis.exit_code,
            stderr=diagnosis.stderr,
        )
        error.__cause__ = self._error
        return error

    def lost_error(self, during: str = "") -> McpConnectionLost:
        """Make the error of a connection that is gone: a new one each time, since each has a traceback of its own."""
        diagnosis = self._diagnosis or Diagnosis(cause="the connection was closed")
        error = McpConnectionLost(
            self._spec.name,
            cause=diagnosis.cause,
            during=during,
            exit_code=diagnosis.exit_code,
            stderr=diagnosis.stderr,
        )
        error.__cause__ = self._error
        return error

    def _conclude(self, diagnosis: Diagnosis, error: BaseException | None) -> None:
        """Say why there is no connection (any more), and wake everybody who waits for it. The first word stands."""
        if self._diagnosis is None:
            self._diagnosis = diagnosis
            self._error = error
        self.gone.set()
        for check in self._checks:
            check.set()
        self._checks.clear()
        self.settled.set()

    async def _hear(self, message: Any) -> None:
        from mcp.types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self.tell("tools changed")
        await trio.lowlevel.checkpoint()

    async def _log(self, params: LoggingMessageNotificationParams) -> None:
        logger.debug("%s: %s: %s", self._spec.name, params.level, params.data, extra={"mcp_server": self._spec.name})
        await trio.lowlevel.checkpoint()


class _Unusable(Exception):
    """The server is there, but not what the options say."""


def useful(error: BaseException) -> BaseException:
    """Find the exception that says most in nested exception groups: one of the network before one of the protocol.

    That a stream inside the SDK was closed under one of its tasks says nothing: whatever closed it may.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [useful(inner) for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions]

    def rank(leaf: BaseException) -> int:
        module = type(leaf).__module__
        if module.startswith("anyio"):
            return 4
        if isinstance(leaf, trio.Cancelled):
            return 3
        if isinstance(leaf, (OSError, _Unusable)) or module.startswith("httpx2"):
            return 0
        return 2 if module.startswith("mcp") else 1

    return min(leaves, key=rank)


def _client_info() -> Any:
    from mcp.types import Implementation

    try:
        version = importlib.metadata.version("greenroom")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return Implementation(name="greenroom", version=version)
