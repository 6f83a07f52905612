"""A server as a child process: JSON-RPC, a message per line, over its stdin and stdout.

Source: the transport "stdio" of the Model Context Protocol; the messages themselves are the SDK's.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import trio

from ._crew import Crew
from ._process import Command, ServerProcess, how_it_ended, open_process
from ._wire import Diagnosis, Tell

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

logger = logging.getLogger("greenroom.mcp")

# Messages that may wait to be written. A server that stops reading its stdin thus delays nobody who gives up waiting for it.
_OUTBOX = 1_000
# Bytes in one message from the server, at most: one that never ends its line must not eat all memory.
_LONGEST_MESSAGE = 64 * 2**20
# Seconds from the end of its output to that of the process, so that its exit code can be told. A process closes its pipes
# on its way out, so only one that closed its stdout and lives on takes all of it.
_EXIT_AFTER_OUTPUT = 1.0
_SHOWN_NOISE = 120


class StdioWire:
    """The pipes to one server process."""

    def __init__(self, name: str, process: ServerProcess, tell: Tell) -> None:
        self._name = name
        self._process = process
        self._tell = tell
        self._over = False
        self._fault = ""
        self._noise = ""

    @property
    def pid(self) -> int | None:
        """The server's process."""
        return self._process.pid

    def stderr(self) -> tuple[str, ...]:
        """Give the last lines of the server's stderr."""
        return self._process.stderr.last()

    def hint(self) -> str:
        """Say what else was on its stdout: a stray `print` breaks many a server."""
        return f"its stdout has what is not JSON-RPC: {self._noise!r}" if self._noise else ""

    @asynccontextmanager
    async def transport(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Carry messages between the process and the SDK's client."""
        import anyio

        to_session, from_server = anyio.create_memory_object_stream["SessionMessage | Exception"](0)
        to_server, from_session = anyio.create_memory_object_stream["SessionMessage"](_OUTBOX)
        with to_session, from_server, to_server, from_session:
            async with Crew() as crew:
                crew.start_soon(self._read, to_session)
                crew.start_soon(self._write, from_session, to_session)
                yield from_server, to_server

    async def diagnose(self, error: BaseException | None, *, started: bool) -> Diagnosis:
        """Say how the process ended, or what was wrong with what it said."""
        process = self._process
        if self._over:
            with trio.move_on_after(_EXIT_AFTER_OUTPUT):
                await process.exited.wait()
                await process.told.wait()
        if process.exited.is_set():
            cause = how_it_ended(process.exit_code)
            if not started:
                cause += " before the handshake"
        elif self._over:
            cause = self._fault or "closed its stdout"
        else:
            cause = f"protocol error: {error}"
        if not started and (hint := self.hint()):
            cause += f"; {hint}"
        return Diagnosis(cause=cause, exit_code=process.exit_code, stderr=self.stderr())

    def _end(self, fault: str = "") -> None:
        self._over = True
        self._fault = self._fault or fault
        self._tell("over")

    async def _read(self, to_session: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Carry what the server says, line by line, until its output ends."""
        import anyio

        try:
            with to_session:
                pending = bytearray()
                while chunk := await self._process.receive():
                    searched = len(pending)
                    pending += chunk
                    if b"\n" not in chunk and len(pending) > _LONGEST_MESSAGE:
                        self._end(f"sent a message of more than {_LONGEST_MESSAGE} bytes")
                        return
                    start = 0
                    while (end := pending.find(b"\n", max(start, searched))) >= 0:
                        line = bytes(pending[start:end])
                        start = end + 1
                        if line.strip():
                            await to_session.send(self._parsed(line))
                    del pending[:start]
        except anyio.BrokenResourceError:
            # The session is being closed: nobody listens, and the process is about to be told.
            return
        finally:
            self._end()

    def _parsed(self, line: bytes) -> SessionMessage | Exception:
        from mcp.shared.message import SessionMessage
        from mcp.types import jsonrpc_message_adapter

        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError as error:
            text = line.decode("utf-8", "replace").strip()
            self._noise = text if len(text) <= _SHOWN_NOISE else text[:_SHOWN_NOISE] + "…"
            logger.debug("%s: not JSON-RPC: %s", self._name, self._noise, extra={"mcp_server": self._name})
            return error

    async def _write(
        self,
        from_session: MemoryObjectReceiveStream[SessionMessage],
        to_session: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        """Carry what the session says, until the server no longer reads it."""
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp.types import INVALID_PARAMS, ErrorData, JSONRPCError, JSONRPCRequest

        async for item in from_session:
            try:
                data = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()
            except ValueError as error:
                # Text that is no Unicode (a lone surrogate). Answered here, or who asked would wait for ever.
                if isinstance(item.message, JSONRPCRequest):
                    refusal = ErrorData(code=INVALID_PARAMS, message=f"cannot be sent as JSON: {error}")
                    answer = SessionMessage(JSONRPCError(jsonrpc="2.0", id=item.message.id, error=refusal))
                    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                        await to_session.send(answer)
                continue
            try:
                await self._process.send(data + b"\n")
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._end("closed its stdin")
                return


@asynccontextmanager
async def open_stdio(name: str, command: Command, tell: Tell) -> AsyncGenerator[StdioWire, None]:
    """Start a server's process; leaving the block ends it."""
    async with open_process(name, command) as process:
        yield StdioWire(name, process, tell)
