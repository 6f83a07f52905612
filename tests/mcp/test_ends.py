"""A server that goes by itself: who waits for an answer has an error at once, and who watches has the cause."""

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, McpConnectionLost

Launch = Callable[..., Service[McpConnection]]
Says = Callable[[Path, str], Awaitable[None]]

# Seconds: less than any timeout that could stand in for the event that is waited for; more than a busy machine takes.
AT_ONCE = 4.0


async def watched(service: Service[McpConnection], connection: McpConnection) -> McpConnectionLost:
    """Watch the connection as the runtime does, and give the error that this ends with."""
    assert service.watch is not None
    with trio.fail_after(10), pytest.raises(McpConnectionLost) as caught:
        await service.watch(connection)
    return caught.value


async def test_a_crash_in_the_middle_of_a_call_ends_it_at_once_with_code_and_last_words(toolbox: Launch) -> None:
    service = toolbox()
    async with service.connect() as connection:
        began = trio.current_time()
        with pytest.raises(McpConnectionLost) as caught:
            await connection.call_tool("crash", {"code": 7, "words": "out of paper"})
        assert trio.current_time() - began < AT_ONCE
        assert str(caught.value) == (
            "MCP server 'toolbox' is gone: exited with code 7 (during tools/call 'crash'); stderr: out of paper"
        )
        assert (caught.value.exit_code, caught.value.during) == (7, "tools/call 'crash'")
        assert str(await watched(service, connection)) == (
            "MCP server 'toolbox' is gone: exited with code 7; stderr: out of paper"
        )
        assert not connection.is_alive
        with pytest.raises(McpConnectionLost, match=r"exited with code 7 \(during tools/call 'add'\)"):
            await connection.call_tool("add", {"a": 1, "b": 1})
        with pytest.raises(McpConnectionLost):
            await connection.list_resources()


async def test_all_calls_under_way_end_when_the_server_is_killed(toolbox: Launch, tmp_path: Path, says: Says) -> None:
    service = toolbox(tool_timeout=None)
    errors: list[McpConnectionLost] = []

    async def call(connection: McpConnection, mark: Path) -> None:
        with pytest.raises(McpConnectionLost) as caught:
            await connection.call_tool("wait_for_ever", {"mark": str(mark)})
        errors.append(caught.value)

    async with service.connect() as connection:
        assert connection.pid is not None
        marks = [tmp_path / str(n) for n in range(5)]
        async with trio.open_nursery() as nursery:
            for mark in marks:
                nursery.start_soon(call, connection, mark)
            for mark in marks:
                await says(mark, "begun")
            os.kill(connection.pid, signal.SIGKILL)
            killed = trio.current_time()
        assert trio.current_time() - killed < AT_ONCE
    assert {error.cause for error in errors} == {"was killed by SIGKILL"}
    assert len(set(map(id, errors))) == 5


async def test_an_idle_server_that_exits_is_noticed_at_once(toolbox: Launch) -> None:
    service = toolbox()
    async with service.connect() as connection:
        assert connection.pid is not None
        os.kill(connection.pid, signal.SIGTERM)
        began = trio.current_time()
        error = await watched(service, connection)
        assert trio.current_time() - began < AT_ONCE
    assert (error.cause, error.exit_code, error.during) == ("was killed by SIGTERM", -signal.SIGTERM, "")


async def test_a_server_that_dies_while_its_child_holds_the_pipes_is_noticed_at_once(toolbox: Launch) -> None:
    service = toolbox(term_grace=0.1)
    async with service.connect() as connection:
        await connection.call_tool("spawn", {"ignore_term": True})
        began = trio.current_time()
        with pytest.raises(McpConnectionLost, match="exited with code 5"):
            await connection.call_tool("crash", {"code": 5, "words": ""})
        assert trio.current_time() - began < AT_ONCE


async def test_a_server_that_closes_its_stdout_and_lives_on_is_gone(toolbox: Launch) -> None:
    service = toolbox()
    async with service.connect() as connection:
        with pytest.raises(McpConnectionLost, match="closed its stdout"):
            await connection.call_tool("close_stdout", timeout=10)


async def test_a_watch_that_is_cancelled_leaves_the_connection_as_it_is(toolbox: Launch) -> None:
    service = toolbox()
    async with service.connect() as connection:
        assert service.watch is not None
        with trio.move_on_after(0.05) as scope:
            await service.watch(connection)
        assert scope.cancelled_caught
        assert (await connection.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}


async def test_a_connection_that_was_closed_says_so(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        pass
    with pytest.raises(McpConnectionLost, match=r"is gone: the connection was closed \(during tools/call 'add'\)"):
        await connection.call_tool("add", {"a": 1, "b": 1})


async def test_a_call_under_way_when_its_connection_is_closed_ends(toolbox: Launch, tmp_path: Path, says: Says) -> None:
    mark = tmp_path / "mark"

    async def call(connection: McpConnection) -> None:
        with pytest.raises(McpConnectionLost, match="the connection was closed"):
            await connection.call_tool("wait_for_ever", {"mark": str(mark)})

    async with trio.open_nursery() as nursery, toolbox().connect() as connection:
        nursery.start_soon(call, connection)
        await says(mark, "begun")
