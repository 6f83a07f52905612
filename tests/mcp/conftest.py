import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, mcp_server

from ..processes import adopt_orphans, descendants, put_an_end_to

SERVERS = Path(__file__).parent / "servers"

Launch = Callable[..., Service[McpConnection]]
Gone = Callable[[int], Awaitable[None]]
Says = Callable[[Path, str], Awaitable[None]]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process and no session that a test started is there when it has ended: no child, no orphan, nobody unreaped."""
    adopt_orphans()
    before = descendants()
    yield
    left = {pid: what for pid, what in descendants().items() if pid not in before}
    for pid, process in list(left.items()):
        if process.state == "Z" and process.session != pid:
            # A dead orphan that came to us is ours to wait for. A dead leader of a session was not.
            os.waitpid(pid, 0)
            del left[pid]
    put_an_end_to(left)
    assert not left


def script(name: str) -> Launch:
    def launch(*args: str, **options: Any) -> Service[McpConnection]:
        return mcp_server(name, command=sys.executable, args=[str(SERVERS / f"{name}.py"), *args], **options)

    return launch


@pytest.fixture
def toolbox() -> Launch:
    """Declare the real server that can do everything, with these arguments and options."""
    return script("toolbox")


@attrs.frozen
class Gate:
    """Hold a server back at its start, until it is opened: the server is given the path."""

    path: str

    async def open(self) -> None:
        """Let it go on, once it has come so far."""
        await trio.to_thread.run_sync(Path(self.path).write_bytes, b"", abandon_on_cancel=True)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    os.mkfifo(tmp_path / "gate")
    return Gate(str(tmp_path / "gate"))


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
