"""A server behind a URL, of the protocol of before 2026 (with a session) and of today (without one)."""

import gc
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import trio
from mcp import MCPError

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, McpConnectionLost, McpStartupFailed, mcp_server
from greenroom.mcp._http import Endpoint, HttpWire
from greenroom.mcp._link import useful

Serve = Callable[..., AbstractAsyncContextManager[Any]]
Says = Callable[[Path, str], Awaitable[None]]

# Seconds: less than any timeout that could stand in for the event that is waited for; more than a busy machine takes.
AT_ONCE = 4.0

# The SDK leaves the HTTP client's generators half-read when a stream has said what was asked; Trio tells of each.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


@pytest.fixture(autouse=True)
def generators_are_collected_here() -> Iterator[None]:
    """What this test leaves to the garbage collector does not fail another."""
    yield
    gc.collect()


def is_gone_from(url: str, cause: str) -> bool:
    """Whether the network said that a server was killed: how it says so depends on which connection is asked first."""
    return cause.startswith((f"cannot connect to {url}: ", f"lost the connection to {url}: "))


async def watched(service: Service[McpConnection], connection: McpConnection) -> McpConnectionLost:
    """Watch the connection as the runtime does, and give the error that this ends with."""
    assert service.watch is not None
    with trio.fail_after(10), pytest.raises(McpConnectionLost) as caught:
        await service.watch(connection)
    return caught.value


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_server_behind_a_url_is_used_and_leaves_nothing(serve_http: Serve, mode: str) -> None:
    async with serve_http() as server:
        async with mcp_server("far", url=server.url, mode=mode, exit_grace=20.0).connect() as connection:
            assert repr(connection).startswith(f"<McpConnection 'far' to {server.url}, ")
            assert connection.pid is None
            assert (await connection.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}
            closing = trio.current_time()
        assert trio.current_time() - closing < AT_ONCE


async def test_a_session_is_ended_when_its_actor_is_cancelled(serve_http: Serve) -> None:
    async with serve_http() as server:
        service = mcp_server("far", url=server.url, mode="legacy")
        for _ in range(2):
            with trio.CancelScope() as scope:
                async with service.connect() as connection:
                    assert (await connection.call_tool("count_sessions")).structured_content == {"result": 1}
                    scope.cancel()
                    await trio.sleep_forever()


async def test_a_silent_server_behind_a_url_is_left_after_its_grace(serve_http: Serve) -> None:
    async with serve_http() as server:
        async with mcp_server("far", url=server.url, mode="legacy", exit_grace=0.3).connect() as connection:
            await connection.call_tool("add", {"a": 1, "b": 2})
            server.process.send_signal(signal.SIGSTOP)
            closing = trio.current_time()
        assert 0.3 <= trio.current_time() - closing < 0.3 + AT_ONCE


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_server_behind_a_url_that_dies_in_the_middle_of_a_call_ends_it_at_once(
    serve_http: Serve, tmp_path: Path, says: Says, mode: str
) -> None:
    mark = tmp_path / "mark"
    async with serve_http() as server:
        service = mcp_server("far", url=server.url, mode=mode)

        async def call(connection: McpConnection) -> None:
            with pytest.raises(McpConnectionLost, match=r"\(during tools/call 'wait_for_ever'\)"):
                await connection.call_tool("wait_for_ever", {"mark": str(mark)})

        async with service.connect() as connection:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call, connection)
                await says(mark, "begun")
                server.process.kill()
                killed = trio.current_time()
            assert trio.current_time() - killed < AT_ONCE
            error = await watched(service, connection)
            assert is_gone_from(server.url, error.cause)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_an_idle_server_behind_a_url_that_ends_is_noticed_at_once(
    serve_http: Serve, mode: str, end: signal.Signals
) -> None:
    async with serve_http() as server:
        service = mcp_server("far", url=server.url, mode=mode)
        async with service.connect() as connection:
            # Until the stream that shows its life is open.
            await connection.call_tool("add", {"a": 1, "b": 1})
            server.process.send_signal(end)
            began = trio.current_time()
            error = await watched(service, connection)
            assert trio.current_time() - began < AT_ONCE
    assert is_gone_from(server.url, error.cause)


async def test_a_session_that_the_server_has_forgotten_is_lost(serve_http: Serve) -> None:
    async with serve_http() as server:
        service = mcp_server("far", url=server.url, mode="legacy")
        async with service.connect() as connection:
            await connection.call_tool("forget_sessions")
            with trio.fail_after(5), pytest.raises(McpConnectionLost, match="the server has ended the session"):
                await connection.call_tool("add", {"a": 1, "b": 1})
            error = await watched(service, connection)
    assert error.cause == f"HTTP 404 from {server.url}: the server has ended the session"


async def test_a_session_that_the_server_ends_is_lost_at_once(serve_http: Serve) -> None:
    async with serve_http() as server:
        service = mcp_server("far", url=server.url, mode="legacy")
        # A second later it would be noticed in any case. The best of a few: the machine may be busy with something else.
        for _ in range(8):
            async with service.connect() as connection:
                await connection.call_tool("end_sessions")
                began = trio.current_time()
                error = await watched(service, connection)
                took = trio.current_time() - began
            assert error.cause == f"HTTP 404 from {server.url}: the server has ended the session"
            if took < 0.7:
                break
        else:
            pytest.fail("it was never noticed at once")


async def test_headers_are_sent_and_never_shown(serve_http: Serve) -> None:
    async with serve_http("--token", "s3cret") as server:
        with pytest.raises(McpStartupFailed, match="HTTP 401 Unauthorized from"):
            async with mcp_server("far", url=server.url, headers={"Authorization": "Bearer wr0ng"}).connect():
                pass
        service = mcp_server("far", url=server.url, headers={"Authorization": "Bearer s3cret"})
        async with service.connect() as connection:
            assert (await connection.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}
            assert "s3cret" not in repr(connection) + repr(service) + repr(service.connect)


@pytest.mark.parametrize("broken", [anyio.BrokenResourceError, anyio.ClosedResourceError])
async def test_a_stream_that_broke_inside_the_sdk_is_told_as_what_broke_it(broken: type[Exception]) -> None:
    """It has no text of its own: the cause of the loss was "protocol error: ", and nothing after that."""
    endpoint = Endpoint("http://127.0.0.1:9/mcp", {}, 1.0)
    wire = HttpWire("far", endpoint, lambda _: None)
    assert (await wire.diagnose(broken(), started=True)).cause == f"the connection to {endpoint.url} has ended"
    wire.note_error(httpx2.ReadError("connection reset by peer"))
    assert (await wire.diagnose(broken(), started=True)).cause == (
        f"lost the connection to {endpoint.url}: connection reset by peer"
    )


def test_of_many_errors_one_of_a_closed_stream_says_least() -> None:
    lost, broken = MCPError(code=-32000, message="Connection closed"), anyio.BrokenResourceError()
    assert useful(ExceptionGroup("x", [broken, ExceptionGroup("y", [lost])])) is lost
    assert useful(ExceptionGroup("x", [broken, ValueError()])) is not broken


async def test_a_caller_never_sees_that_a_stream_inside_the_sdk_broke(
    serve_http: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone it is the loss of the connection, and beside a cancellation it is that, wherever the SDK raises it."""
    raised: list[BaseException] = []

    async def call_tool(*_: object, **__: object) -> None:
        await trio.lowlevel.checkpoint()
        if len(raised) > 1:
            raise raised[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise anyio.BrokenResourceError  # as a task group of the SDK's does, cancelled while it hands something on

    async with serve_http() as server, mcp_server("far", url=server.url).connect() as connection:
        monkeypatch.setattr(connection._client, "call_tool", call_tool)
        with trio.move_on_after(0.05) as scope:
            await connection.call_tool("add", {"a": 1, "b": 2})
        assert scope.cancelled_caught
        for error in (anyio.BrokenResourceError(), ExceptionGroup("x", [anyio.ClosedResourceError()])):
            raised[:] = [error, error]
            with pytest.raises(McpConnectionLost):
                await connection.call_tool("add", {"a": 1, "b": 2})
