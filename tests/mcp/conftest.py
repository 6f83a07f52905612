import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, mcp_server

SERVERS = Path(__file__).parent / "servers"
PR_SET_CHILD_SUBREAPER = 36

Launch = Callable[..., Service[McpConnection]]
Gone = Callable[[int], Awaitable[None]]
Says = Callable[[Path, str], Awaitable[None]]


def descendants() -> dict[int, tuple[str, int, str]]:
    """Every process below this one, the dead that nobody has waited for included: state, session, command line."""
    found: dict[int, tuple[str, int, str]] = {}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent, _, session = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parents[int(entry.name)] = int(parent)
                found[int(entry.name)] = (state.decode(), int(session), line)
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: found[pid] for pid in below - {os.getpid()}}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process and no session that a test started is there when it has ended: no child, no orphan, nobody unreaped."""
    # Orphans come to us instead of to process 1, so that they cannot hide.
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = descendants()
    yield
    left = {pid: what for pid, what in descendants().items() if pid not in before}
    for pid, (state, session, _) in list(left.items()):
        if state == "Z" and session != pid:
            # A dead orphan that came to us is ours to wait for. A dead leader of a session was not.
            os.waitpid(pid, 0)
            del left[pid]
    for pid in left:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert not left


def script(name: str) -> Launch:
    def launch(*args: str, **options: Any) -> Service[McpConnection]:
        return mcp_server(name, command=sys.executable, args=[str(SERVERS / f"{name}.py"), *args], **options)

    return launch


@pytest.fixture
def toolbox() -> Launch:
    """Declare the real server that can do everything, with these arguments and options."""
    return script("toolbox")


@pytest.fixture
def mute() -> Launch:
    """Declare the server that never answers, with these arguments and options."""
    return script("mute")


@attrs.frozen
class HttpServer:
    """A real server behind a URL, and its process."""

    url: str
    process: trio.Process


@asynccontextmanager
async def http_toolbox(*arguments: str) -> AsyncGenerator[HttpServer, None]:
    command = [sys.executable, str(SERVERS / "toolbox.py"), "--http", *arguments]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        with trio.fail_after(20):
            port = int(await process.stdout.receive_some())
        yield HttpServer(f"http://127.0.0.1:{port}/mcp", process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdout.aclose()


@pytest.fixture
def serve_http() -> Callable[..., AbstractAsyncContextManager[HttpServer]]:
    """Run the toolbox behind a URL of the loopback, with these arguments, for a block."""
    return http_toolbox


@pytest.fixture
def says() -> Says:
    """Wait until a file that another process writes says this."""

    async def wait(path: Path, text: str) -> None:
        with trio.fail_after(10):
            while not (path.exists() and path.read_text(encoding="utf-8") == text):
                await trio.sleep(0.005)

    return wait


@pytest.fixture
def gone() -> Gone:
    """Wait until a process has ended."""

    async def wait(pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            with trio.fail_after(10):
                await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    return wait
