"""What an actor does with a connection: real servers, one of this folder and two from PyPI."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp.types import (
    CallToolResult,
    CreateMessageResult,
    ElicitResult,
    ListRootsResult,
    LoggingMessageNotificationParams,
    Root,
    TextContent,
)

from greenroom.actors._service import Service
from greenroom.mcp import (
    McpConnection,
    McpRequestFailed,
    McpRequestTimeout,
    ToolDisabled,
    ToolTraits,
    UnknownTool,
    mcp_server,
)

Launch = Callable[..., Service[McpConnection]]
Says = Callable[[Path, str], Awaitable[None]]

BOTH_PROTOCOLS = pytest.mark.parametrize("mode", ["auto", "legacy"])


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"]
    return subprocess.run(
        ["git", "-C", str(repository), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


async def test_the_git_server_from_pypi_reads_the_commit_that_git_made(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "play.txt").write_text("To be\n", encoding="utf-8")
    git(tmp_path, "add", "play.txt")
    git(tmp_path, "commit", "--quiet", "-m", "The first act")
    service = mcp_server("git", command=sys.executable, args=["-m", "mcp_server_git", "--repository", str(tmp_path)])
    async with service.connect() as connection:
        log = await connection.call_tool("git_log", {"repo_path": str(tmp_path)})
    assert git(tmp_path, "rev-parse", "HEAD") in text_of(log)
    assert "The first act" in text_of(log)


async def test_the_time_server_from_pypi_tells_the_time_in_another_zone() -> None:
    service = mcp_server("time", command=sys.executable, args=["-m", "mcp_server_time", "--local-timezone", "UTC"])
    question = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    async with service.connect() as connection:
        assert "T21:00:00+09:00" in text_of(await connection.call_tool("convert_time", question))


@BOTH_PROTOCOLS
async def test_a_connection_says_what_it_is_connected_to(toolbox: Launch, mode: str) -> None:
    async with toolbox(mode=mode).connect() as connection:
        assert connection.name == "toolbox"
        was_alive = connection.is_alive
        assert connection.server_info is not None
        assert (connection.server_info.name, connection.server_info.version) == ("toolbox", "1.2.3")
        assert connection.instructions == "Use the tools one by one."
        assert connection.capabilities.tools is not None
        assert connection.protocol_version == {"auto": "2026-07-28", "legacy": "2025-11-25"}[mode]
        assert {"add", "echo"} <= {tool.name for tool in connection.tools}
        assert repr(connection) == (
            f"<McpConnection 'toolbox' to {sys.executable!r}, pid {connection.pid}, {len(connection.tools)} tools>"
        )
    assert (was_alive, connection.is_alive) == (True, False)
    assert repr(connection).endswith("tools, gone>")
    assert connection.instructions == "Use the tools one by one."


@BOTH_PROTOCOLS
async def test_tools_resources_and_prompts_of_a_real_server_are_used(toolbox: Launch, mode: str) -> None:
    async with toolbox(mode=mode).connect() as connection:
        added = await connection.call_tool("add", {"a": 2, "b": 3})
        assert added.structured_content == {"result": 5}
        assert text_of(await connection.call_tool("echo", {"text": "é\u2028\n" * 50_000})) == "é\u2028\n" * 50_000
        failed = await connection.call_tool("fail", {"text": "no luck"})
        assert failed.is_error
        assert "no luck" in text_of(failed)
        assert [str(resource.uri) for resource in await connection.list_resources()] == ["text://motto"]
        assert [t.uri_template for t in await connection.list_resource_templates()] == ["text://letter/{name}"]
        (letter,) = (await connection.read_resource("text://letter/Ann")).contents
        assert getattr(letter, "text", None) == "Dear Ann"
        assert [prompt.name for prompt in await connection.list_prompts()] == ["greet"]
        (message,) = (await connection.get_prompt("greet", {"name": "Bo"})).messages
        assert isinstance(message.content, TextContent)
        assert message.content.text == "Say hello to Bo"
        with pytest.raises(
            McpRequestFailed, match=r"^MCP server 'toolbox': resources/read 'text://none' failed: .* \(code -\d+\)"
        ):
            await connection.read_resource("text://none")


async def test_calls_of_many_tasks_are_under_way_at_the_same_time(toolbox: Launch, tmp_path: Path) -> None:
    async with toolbox().connect() as connection:
        call = partial(connection.call_tool, "meet", {"folder": str(tmp_path), "count": 12})
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                for _ in range(12):
                    nursery.start_soon(call)


@BOTH_PROTOCOLS
async def test_a_call_that_takes_too_long_is_given_up_and_the_server_told(
    toolbox: Launch, tmp_path: Path, says: Says, mode: str
) -> None:
    async with toolbox(mode=mode, tool_timeout=0.2).connect() as connection:
        marks = [tmp_path / "first", tmp_path / "second"]
        with pytest.raises(McpRequestTimeout, match=r"tools/call 'wait_for_ever' was not answered within 0\.2 s"):
            await connection.call_tool("wait_for_ever", {"mark": str(marks[0])})
        with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
            await connection.call_tool("wait_for_ever", {"mark": str(marks[1])}, timeout=0.1)
        for mark in marks:
            await says(mark, "cancelled")
        assert text_of(await connection.call_tool("add", {"a": 1, "b": 1}, timeout=math.inf)) == "2"


async def test_a_call_is_cancelled_at_once_and_the_server_told(toolbox: Launch, tmp_path: Path, says: Says) -> None:
    mark = tmp_path / "mark"
    async with toolbox().connect() as connection:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.call_tool, "wait_for_ever", {"mark": str(mark)})
            await says(mark, "begun")
            nursery.cancel_scope.cancel()
        await says(mark, "cancelled")
        assert text_of(await connection.call_tool("add", {"a": 1, "b": 1})) == "2"


async def test_a_server_that_stops_reading_delays_nobody_who_gives_up(toolbox: Launch) -> None:
    async with toolbox(exit_grace=0.0, term_grace=0.0).connect() as connection:
        assert connection.pid is not None
        os.kill(connection.pid, signal.SIGSTOP)
        began = trio.current_time()
        for _ in range(3):
            with pytest.raises(McpRequestTimeout):
                await connection.call_tool("echo", {"text": "x" * 100_000}, timeout=0.1)
        assert trio.current_time() - began < 10.0  # a call's own time is 60 s


async def test_every_call_is_a_checkpoint(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        calls: list[Callable[[], Awaitable[Any]]] = [
            partial(connection.call_tool, "add", {"a": 1, "b": 1}),
            connection.refresh_tools,
            connection.list_resources,
            connection.list_resource_templates,
            connection.list_prompts,
            partial(connection.read_resource, "text://motto"),
            partial(connection.get_prompt, "greet", {"name": "Bo"}),
            connection.wait_lost,
        ]
        for call in calls:
            with trio.CancelScope() as scope:
                scope.cancel()
                await call()
            assert scope.cancelled_caught, call


async def test_progress_reaches_the_caller(toolbox: Launch) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        await trio.lowlevel.checkpoint()

    async with toolbox().connect() as connection:
        await connection.call_tool("steps", {"count": 2}, on_progress=hear)
    assert heard == [(1, 2, "step 1"), (2, 2, "step 2")]


async def test_tools_that_are_disabled_or_unknown_are_not_called(toolbox: Launch) -> None:
    async with toolbox(enabled_tools=["add", "echo"]).connect() as connection:
        assert [tool.name for tool in connection.tools] == ["add", "echo"]
        with pytest.raises(ToolDisabled, match="tool 'crash' is disabled by enabled_tools"):
            await connection.call_tool("crash", {"code": 1, "words": ""})
        with pytest.raises(UnknownTool, match="has no tool 'ecko'; did you mean \"echo\""):
            await connection.call_tool("ecko")
    async with toolbox(disabled_tools=["crash"]).connect() as connection:
        assert "crash" not in {tool.name for tool in connection.tools}
        with pytest.raises(ToolDisabled, match="tool 'crash' is disabled by disabled_tools"):
            await connection.call_tool("crash", {"code": 1, "words": ""})


async def test_traits_say_what_is_known_of_a_call_and_deny_what_is_not(toolbox: Launch) -> None:
    service = toolbox(
        supports_parallel_tool_calls=True, approval="auto", tool_approval={"echo": "deny"}, disabled_tools=["crash"]
    )
    async with service.connect() as connection:
        assert connection.traits("add", {"a": 1}) == ToolTraits(read_only=True, parallel_safe=True, approval="auto")
        assert connection.traits("echo") == ToolTraits(read_only=False, parallel_safe=True, approval="deny")
        closed = ToolTraits(read_only=False, parallel_safe=False, approval="deny")
        assert connection.traits("crash") == connection.traits("none") == closed
    async with toolbox().connect() as connection:
        assert connection.traits("add") == ToolTraits(read_only=True, parallel_safe=False, approval="ask")


@BOTH_PROTOCOLS
async def test_a_tool_that_a_server_adds_later_is_seen(toolbox: Launch, mode: str) -> None:
    async with toolbox(mode=mode).connect() as connection:
        await connection.call_tool("grow")
        with trio.fail_after(10):
            while "echo_again" not in {tool.name for tool in connection.tools}:
                await trio.sleep(0.005)
        assert text_of(await connection.call_tool("echo_again", {"text": "hi"})) == "hi"


async def test_what_cannot_be_sent_is_refused_at_once(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        with trio.fail_after(5):
            with pytest.raises(McpRequestFailed, match="cannot be sent as JSON"):
                await connection.call_tool("echo", {"text": "\ud800"})
            with pytest.raises(McpRequestFailed, match="the arguments are not JSON data"):
                await connection.call_tool("echo", {"text": object()})
        assert text_of(await connection.call_tool("echo", {"text": "hi"})) == "hi"


async def test_a_chatty_server_is_never_blocked_by_its_stderr(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        assert text_of(await connection.call_tool("chatter", {"lines": 5_000}, timeout=20)) == "said"
        while not connection.stderr or not connection.stderr[-1].startswith("chatter 4999"):
            await trio.sleep(0.005)
        assert len(connection.stderr) <= 20
        assert sum(map(len, connection.stderr)) <= 4_000


@BOTH_PROTOCOLS
@pytest.mark.parametrize("tool", ["ask_user", "ask_model", "ask_roots"])
async def test_what_nobody_answers_is_declined_and_never_a_hang(toolbox: Launch, mode: str, tool: str) -> None:
    async with toolbox(mode=mode).connect() as connection:
        with trio.fail_after(10), pytest.raises(McpRequestFailed, match="did not declare"):
            await connection.call_tool(tool)
        asked = {"what": tool.removeprefix("ask_")}
        with trio.fail_after(10), pytest.raises(McpRequestFailed, match=r"not supported|no back-channel"):
            await connection.call_tool("ask_anyway", asked)


async def say_yes(*_: Any) -> ElicitResult:
    await trio.lowlevel.checkpoint()
    return ElicitResult(action="accept", content={"word": "yes"})


async def say_hello(*_: Any) -> CreateMessageResult:
    await trio.lowlevel.checkpoint()
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="hello"), model="none")


async def say_root(*_: Any) -> ListRootsResult:
    await trio.lowlevel.checkpoint()
    return ListRootsResult(roots=[Root.model_validate({"uri": "file:///stage"})])


@BOTH_PROTOCOLS
async def test_handlers_answer_what_a_server_asks(toolbox: Launch, mode: str) -> None:
    heard: list[object] = []

    async def hear(params: LoggingMessageNotificationParams) -> None:
        heard.append(params.data)
        await trio.lowlevel.checkpoint()

    service = toolbox(mode=mode, on_elicitation=say_yes, on_sampling=say_hello, on_roots=say_root, on_log=hear)
    async with service.connect() as connection:
        assert text_of(await connection.call_tool("ask_user")) == "yes"
        assert text_of(await connection.call_tool("ask_model")) == "hello"
        assert text_of(await connection.call_tool("ask_roots")) == "file:///stage"
        await connection.call_tool("log", {"words": "by the way"})
        while not heard:
            await trio.sleep(0.005)
    assert heard == ["by the way"]


async def test_what_a_handler_raises_reaches_the_caller_as_it_is(toolbox: Launch) -> None:
    error = LookupError("of the handler")

    async def fail(*_: Any) -> ElicitResult:
        await trio.lowlevel.checkpoint()
        raise error

    async with toolbox(on_elicitation=fail).connect() as connection:
        with pytest.raises(LookupError) as caught:
            await connection.call_tool("ask_user")
        assert caught.value is error
        assert text_of(await connection.call_tool("add", {"a": 1, "b": 1})) == "2"


async def test_arguments_that_are_no_mapping_of_names_are_refused(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        for arguments in ("x", [1], 3, {1: 2}):
            with pytest.raises(ValueError, match=r"mcp_server\('toolbox'\): arguments.*: .* is not a (mapping|string)"):
                await connection.call_tool("add", arguments)  # type: ignore[arg-type]


async def test_a_timeout_that_is_no_number_of_seconds_is_refused(toolbox: Launch) -> None:
    async with toolbox().connect() as connection:
        for timeout in (0, -1, math.nan, "1", True):
            with pytest.raises(ValueError, match=r"timeout: .* above 0; None means the server's tool_timeout"):
                await connection.call_tool("add", {"a": 1, "b": 1}, timeout=timeout)  # type: ignore[arg-type]
