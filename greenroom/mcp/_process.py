"""One server process: its pipes, its end, and how it is ended.

Why not the SDK's `stdio_client`? It hides the process, so nobody could tell how it ended; it hands stderr to a file, and the tail
of stderr is what says why; and it leaves alone the grandchildren of a server that exits politely.
"""

import logging
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol, cast

import attrs
import trio

from ._crew import Crew
from ._stderr import StderrTail
from ._survivors import exit_code, signal_survivors, survivors, survivors_gone

logger = logging.getLogger("greenroom.mcp")

# Seconds that a process gets to be gone after SIGKILL. Only one that hangs inside the kernel needs more; it is given up.
KILL_WAIT = 1.0
# Seconds to read what is left in the pipe of a process that has ended: bounded, should a stranger who has the pipe fill it on.
_LAST_READING = 0.2
# Bytes taken from a pipe at once: what a pipe holds on Linux.
_CHUNK = 65_536

# Source: the MCP SDK's DEFAULT_INHERITED_ENV_VARS, so that a server sees here what it sees elsewhere; a test compares the two.
INHERITED_VARIABLES = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")


@attrs.frozen
class Command:
    """How to start a server's process, and how long it may take to end.

    `env` comes on top of the few variables that every server inherits: secrets in this program's environment stay here.
    """

    command: str
    args: Sequence[str]
    env: Mapping[str, str] = attrs.field(repr=False)
    cwd: str | None
    exit_grace: float
    term_grace: float

    def environment(self) -> dict[str, str]:
        """Give the variables that the server sees."""
        inherited = {name: value for name in INHERITED_VARIABLES if (value := os.environ.get(name)) is not None}
        return inherited | dict(self.env)


class HasFileno(Protocol):
    """What a pipe of Trio's has, though its declared type does not say so."""

    def fileno(self) -> int:
        """Give its file descriptor."""
        ...


class ServerProcess:
    """A running server: write to it, read from it, see it end.

    Its stderr is read all the time, so that it never blocks on a full pipe.
    """

    def __init__(self, name: str, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._name = name
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr = process.stderr
        self._receiving: set[trio.CancelScope] = set()
        self._exit_code: int | None = None
        self.exited = trio.Event()
        """Set when the server's own process has ended; others that it started may live on."""
        self.told = trio.Event()
        """Set when its stderr has been read to its end, or to what its own process wrote before it ended."""
        self.stderr = StderrTail()

    @property
    def pid(self) -> int:
        """The id of the server's own process, its session and its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._exit_code

    async def send(self, data: bytes) -> None:
        """Write all of the data to its stdin.

        Raises:
            trio.BrokenResourceError: it has closed its stdin, or has ended.

        Checkpoint: always.
        Cancellation: a part may have been written.
        """
        await self._stdin.send_all(data)

    async def receive(self) -> bytes:
        """Take what it wrote to stdout; nothing when that has ended, or its own process has and the pipe is empty.

        The second matters: a grandchild that inherited the pipe keeps it open for as long as it lives.

        Checkpoint: always.
        Cancellation: nothing is lost.
        """
        return await self._receive(self._stdout)

    async def _receive(self, stream: trio.abc.ReceiveStream) -> bytes:
        if not self.exited.is_set():
            with trio.CancelScope() as until_exit:
                self._receiving.add(until_exit)
                try:
                    return bytes(await stream.receive_some(_CHUNK))
                except (trio.ClosedResourceError, trio.BrokenResourceError):
                    return b""
                finally:
                    self._receiving.discard(until_exit)
        await trio.lowlevel.checkpoint()
        return _left_in(stream)

    async def watch_exit(self) -> None:
        """See the process end: a task of the crew."""
        try:
            self._exit_code = await exit_code(self._process)
        finally:
            # In any case: `close` must not wait for a task that has failed.
            self.exited.set()
            for scope in self._receiving:
                scope.cancel()

    async def read_stderr(self) -> None:
        """Read its stderr as long as there is any: a task of the crew."""
        while chunk := await self._receive(self._stderr):
            for line in self.stderr.feed(chunk):
                logger.debug("%s: %s", self._name, line, extra={"mcp_server": self._name, "pid": self.pid})
        self.told.set()

    async def discard_output(self) -> None:
        """Read and forget its stdout, so that it does not block on a full pipe on its way out: a task of the crew."""
        while await self.receive():
            pass

    async def close(self, exit_grace: float, term_grace: float) -> None:
        """End the process and whatever it left in its session: politely, then by SIGTERM, then by SIGKILL.

        Needs the crew: `watch_exit`, `read_stderr` and `discard_output` run. To be called once, shielded.

        Args:
            exit_grace: seconds to exit by itself after its stdin was closed.
            term_grace: seconds to end after SIGTERM, for the process and for what it left behind.

        Checkpoint: always. Takes at most `exit_grace + term_grace + KILL_WAIT` seconds.
        """
        await trio.aclose_forcefully(self._stdin)
        with trio.move_on_after(exit_grace):
            await self.exited.wait()
        for signum, grace in ((signal.SIGTERM, term_grace), (signal.SIGKILL, KILL_WAIT)):
            if not survivors(self.pid):
                break
            signal_survivors(self.pid, signum)
            with trio.move_on_after(grace):
                await survivors_gone(self.pid)
        if stuck := survivors(self.pid):
            logger.error("%s: could not end %s", self._name, stuck, extra={"mcp_server": self._name, "pid": self.pid})
        if self.pid not in stuck:
            # Only now, as its last act, is the process reaped: until here nobody else could get its id.
            await self.exited.wait()
            await self._process.wait()
            with trio.move_on_after(_LAST_READING):
                await self.told.wait()
        await trio.aclose_forcefully(self._stdout)
        await trio.aclose_forcefully(self._stderr)


# Protected, both when it opens and when it closes: Ctrl-C in the middle of either would leave the process behind.
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_process(name: str, command: Command) -> AsyncGenerator[ServerProcess, None]:
    """Start a server's process; leaving the block ends it, and all that it left in its session.

    Raises:
        OSError: it cannot be started.

    Cancellation: the process is ended in full, in at most `exit_grace + term_grace + KILL_WAIT` seconds.
    """
    process = ServerProcess(name, await _spawn(command))
    # No checkpoint between the line above and the `try` below: a cancellation there would leave the process behind.
    async with Crew() as crew:
        try:
            crew.start_soon(process.watch_exit)
            crew.start_soon(process.read_stderr)
            yield process
        finally:
            with trio.CancelScope(shield=True):
                crew.start_soon(process.discard_output)
                await process.close(command.exit_grace, command.term_grace)


async def _spawn(command: Command) -> trio.Process:
    return await trio.lowlevel.open_process(
        [command.command, *command.args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.environment(),
        cwd=command.cwd,
        start_new_session=True,
    )


def why_not_started(command: Command, error: OSError) -> str:
    """Say in a line why the process could not be started."""
    if command.cwd is not None and error.filename == command.cwd:
        return f"cannot enter the working directory {command.cwd!r}: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        hint = "; the arguments go into args" if any(map(str.isspace, command.command)) else ""
        return f"command not found: {command.command!r}{hint}"
    return f"command {command.command!r} cannot be run: {error.strerror or error}"


def how_it_ended(code: int | None) -> str:
    """Say in words what an exit code means."""
    if code is None:
        return "ended in an unknown way"
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _left_in(stream: trio.abc.ReceiveStream) -> bytes:
    """Read what is in a pipe now, without waiting for more."""
    descriptor = cast("HasFileno", stream).fileno()
    try:
        return os.read(descriptor, _CHUNK)
    except (BlockingIOError, OSError):
        return b""
