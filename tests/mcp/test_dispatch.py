"""Tools of real MCP servers, dispatched by an agent: what their flags come to, and one result for each call."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import Agent, Call, CallResult, Context, Crashed, Dispatch, Service, ServiceEnded, Tool, Traits, Turn
from greenroom.mcp import McpConnection, McpConnectionLost, McpRequestFailed, McpToolFailed, mcp_server, mcp_tools
from greenroom.testing import open_tree

Launch = Callable[..., Service[McpConnection]]
Serve = Callable[..., AbstractAsyncContextManager[Any]]


class Clerk(Agent[Any]):
    """Run the dispatches that come, with the tools of its servers."""

    def __init__(self, servers: Sequence[Service[McpConnection]], prefixes: Sequence[str]) -> None:
        self.servers, self.prefixes = servers, prefixes

    def services(self) -> Sequence[Service[Any]]:
        return self.servers

    def tools(self, ctx: Context) -> list[Tool]:
        return [
            tool
            for server, prefix in zip(self.servers, self.prefixes, strict=True)
            for tool in mcp_tools(ctx.services[server.name], prefix=prefix)
        ]

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        return await (message.run(ctx) if isinstance(message, Dispatch) else message(ctx))


async def clerk_runs(
    what: Any, *servers: Service[McpConnection], prefixes: Sequence[str] = ("",), mode: Any = "ask"
) -> Any:
    async with open_tree("stage", approval=mode) as root:
        with trio.fail_after(30):
            clerk = await root.start(Clerk, servers, prefixes, name="clerk")
            result = await clerk.run_turn(what)
        root.reports.drain()
        await clerk.stop()
        root.reports.drain()
    return result


class Reads(Tool):
    """The server does not call its slow tools read-only; here somebody does who knows."""

    def __init__(self, tool: Tool) -> None:
        self.name, self._tool = tool.name, tool

    def traits(self, arguments: Any) -> Traits:
        return Traits(needs_approval=False, read_only=True, parallel_safe=True)

    def run(self, arguments: Any, ctx: Context) -> Any:
        return self._tool.run(arguments, ctx)


def kinds(results: Sequence[CallResult]) -> list[str]:
    return [result.kind for result in results]


def meetings(folder: Path, count: int) -> list[Call]:
    return [Call(n, "meet", {"folder": str(folder), "count": count}) for n in range(count)]


@pytest.mark.parametrize(
    ("options", "add", "echo"),
    [
        ({}, Traits(read_only=True), Traits()),
        (
            {"supports_parallel_tool_calls": True},
            Traits(read_only=True, parallel_safe=True),
            Traits(parallel_safe=True),
        ),
        (
            {"approval": "auto"},
            Traits(needs_approval=False, read_only=True),
            Traits(needs_approval=False),
        ),
        (
            {"approval": "deny", "tool_approval": {"add": "auto"}},
            Traits(needs_approval=False, read_only=True),
            Traits(blocked=True),
        ),
    ],
    ids=str,
)
async def test_what_a_call_is_comes_from_the_servers_hints_and_the_options(
    toolbox: Launch, options: dict[str, Any], add: Traits, echo: Traits
) -> None:
    async def look(ctx: Context) -> dict[str, Tool]:
        return {tool.name: tool for tool in mcp_tools(ctx.services["toolbox"])}

    tools = await clerk_runs(look, toolbox(**options))
    assert tools["add"].traits({"a": 1, "b": 2}) == add
    assert tools["echo"].traits({"text": "x"}) == echo


async def test_a_tool_is_known_by_name_description_and_schema_and_only_enabled_ones_are_there(toolbox: Launch) -> None:
    async def look(ctx: Context) -> list[Tool]:
        return list(mcp_tools(ctx.services["toolbox"], prefix="box_"))

    (add,) = await clerk_runs(look, toolbox(enabled_tools=["add"]))
    assert (add.name, add.description) == ("box_add", "Add two numbers.")
    assert set(add.schema["properties"]) == {"a", "b"}
    assert repr(add) == "<McpTool 'box_add'>"


async def test_reads_of_a_server_that_bears_it_are_one_batch_and_its_results_come_in_order(toolbox: Launch) -> None:
    made = Dispatch([Call(n, "add", {"a": n, "b": 1}) for n in range(10)])
    results = await clerk_runs(made, toolbox(supports_parallel_tool_calls=True, approval="auto"))
    assert list(made.batches) == [range(10)]
    assert [result.value.structured_content for result in results] == [{"result": n + 1} for n in range(10)]


async def test_what_a_server_does_not_call_read_only_is_alone_however_parallel_it_is(toolbox: Launch) -> None:
    made = Dispatch(
        [Call("a", "add", {"a": 1, "b": 1}), Call("e", "echo", {"text": "x"}), Call("b", "add", {"a": 1, "b": 1})]
    )
    results = await clerk_runs(made, toolbox(approval="auto", supports_parallel_tool_calls=True))
    assert kinds(results) == ["completed"] * 3
    assert [list(batch) for batch in made.batches] == [[0], [1], [2]]


async def test_approval_is_asked_for_by_the_servers_options_and_the_trees_mode(toolbox: Launch) -> None:
    asked: list[str] = []

    def approve(request: Any) -> bool:
        asked.append(request.call.tool)
        return bool(request.call.tool == "add")

    calls = [Call(1, "add", {"a": 1, "b": 1}), Call(2, "echo", {"text": "x"}), Call(3, "chatter", {"lines": 1})]
    server = toolbox(tool_approval={"chatter": "deny"})
    results = await clerk_runs(Dispatch(calls, approver=approve), server)
    assert kinds(results) == ["completed", "denied", "refused"]
    assert asked == ["add", "echo"]
    assert kinds(await clerk_runs(Dispatch(calls), server, mode="auto")) == ["completed", "completed", "refused"]
    assert kinds(await clerk_runs(Dispatch(calls), server, mode="deny")) == ["denied", "denied", "refused"]


async def test_a_disabled_tool_and_one_that_there_is_not_are_refused(toolbox: Launch) -> None:
    made = Dispatch([Call(1, "crash", {"code": 1, "words": "x"}), Call(2, "ad", {}), Call(3, "add", {"a": 1, "b": 1})])
    results = await clerk_runs(made, toolbox(disabled_tools=["crash"], approval="auto"))
    assert kinds(results) == ["refused", "refused", "completed"]
    assert 'did you mean "add"' in results[1].cause


async def test_a_tool_that_says_that_it_failed_and_one_that_is_called_wrongly_are_errors_of_their_calls(
    toolbox: Launch,
) -> None:
    made = Dispatch(
        [Call(1, "fail", {"text": "out of paper"}), Call(2, "add", {"a": "x"}), Call(3, "echo", {"text": "hi"})]
    )
    failed, wrong, fine = await clerk_runs(made, toolbox(approval="auto"))
    assert isinstance(failed.error, McpToolFailed)
    assert failed.error.result.is_error
    assert "out of paper" in failed.cause
    assert isinstance(wrong.error, (McpToolFailed, McpRequestFailed))
    assert fine.kind == "completed"


async def test_two_servers_have_their_own_prefixes(toolbox: Launch) -> None:
    other = toolbox(approval="auto")
    made = Dispatch([Call(1, "one_add", {"a": 1, "b": 2}), Call(2, "add", {"a": 1, "b": 2})])
    assert kinds(await clerk_runs(made, other, prefixes=["one_"])) == ["completed", "refused"]


async def test_a_server_that_dies_in_a_batch_is_the_error_of_its_calls_and_the_account_is_whole(
    toolbox: Launch,
) -> None:
    made = Dispatch(
        [
            Call("before", "add", {"a": 1, "b": 2}),
            Call("crash", "crash", {"code": 7, "words": "out of paper"}),
            Call("after", "add", {"a": 1, "b": 2}),
        ]
    )
    async with open_tree("stage") as root:
        clerk = await root.start(Clerk, [toolbox(approval="auto")], [""], name="clerk")
        clerk.tell(made)
        with trio.fail_after(30):
            await clerk.wait_stopped()
        root.reports.drain()
    assert [result.id for result in made.results] == ["before", "crash", "after"]
    assert made.results[0].kind == "completed"
    assert made.results[1].kind in {"errored", "interrupted"}
    assert made.results[2].kind in {"errored", "interrupted", "not begun"}
    if made.results[1].kind == "errored":
        assert isinstance(made.results[1].error, McpConnectionLost)


async def test_an_interrupt_tells_the_server_and_leaves_the_account_whole(
    toolbox: Launch, tmp_path: Path, says: Any
) -> None:
    mark = tmp_path / "mark"
    made = Dispatch(
        [
            Call(1, "add", {"a": 1, "b": 2}),
            Call(2, "wait_for_ever", {"mark": str(mark)}),
            Call(3, "add", {"a": 1, "b": 2}),
        ]
    )
    async with open_tree("stage") as root:
        clerk = await root.start(Clerk, [toolbox(approval="auto")], [""], name="clerk")
        clerk.tell(made)
        await says(mark, "begun")
        assert await clerk.interrupt()
        await says(mark, "cancelled")
        assert kinds(made.results) == ["completed", "interrupted", "not begun"]
        again = await clerk.run_turn(Dispatch([Call(4, "add", {"a": 1, "b": 2})]))
        assert kinds(again) == ["completed"]
        await clerk.stop()
        root.reports.drain()


async def test_calls_of_a_batch_are_under_way_at_the_same_time(toolbox: Launch, tmp_path: Path) -> None:
    async def work(ctx: Context) -> list[CallResult]:
        tools = [Reads(tool) for tool in mcp_tools(ctx.services["toolbox"]) if tool.name == "meet"]
        return await ctx.dispatch(meetings(tmp_path, 5), tools=tools)

    assert kinds(await clerk_runs(work, toolbox())) == ["completed"] * 5


# -- servers behind a URL, of the protocol of today ("auto") and of before 2026

every_protocol = pytest.mark.parametrize("protocol", ["auto", "legacy"])
# The SDK leaves the HTTP client's generators half-read when a stream has said what was asked; Trio tells of each.
half_read = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


@pytest.fixture
def generators_are_collected_here() -> Iterator[None]:
    """What such a test leaves to the garbage collector does not fail another."""
    yield
    gc.collect()


def far(server: Any, protocol: str) -> Service[McpConnection]:
    return mcp_server("far", url=server.url, mode=protocol, approval="auto", supports_parallel_tool_calls=True)


def slow_ones(folder: Path, count: int) -> list[Call]:
    return [Call(n, "wait_for_ever", {"mark": str(folder / str(n))}) for n in range(count)]


class Reader(Clerk):
    """Call any of its servers' tools at the same time as others."""

    def tools(self, ctx: Context) -> list[Tool]:
        return [Reads(tool) for tool in super().tools(ctx)]


def behind_a_url(test: Any) -> Any:
    return every_protocol(half_read(pytest.mark.usefixtures("generators_are_collected_here")(test)))


@behind_a_url
async def test_a_batch_of_calls_to_a_server_behind_a_url_is_made_at_the_same_time_and_answered_in_order(
    serve_http: Serve, tmp_path: Path, protocol: str
) -> None:
    adds = [Call(n, "add", {"a": n, "b": 1}) for n in range(20)]
    async with serve_http() as server, open_tree("stage") as root:
        with trio.fail_after(60):
            clerk = await root.start(Reader, [far(server, protocol)], [""], name="clerk")
            made = Dispatch([*adds, *meetings(tmp_path, 8), Call("bad", "fail", {"text": "out of paper"})])
            results = await clerk.run_turn(made)
            await clerk.stop()
        root.reports.drain()
    assert list(made.batches) == [range(29)]
    assert kinds(results) == ["completed"] * 28 + ["errored"]
    assert [result.id for result in results] == [*range(20), *range(8), "bad"]
    assert [result.value.structured_content for result in results[:20]] == [{"result": n + 1} for n in range(20)]
    assert isinstance(results[28].error, McpToolFailed)


@behind_a_url
@pytest.mark.parametrize("end", ["killed", "ended by a call"])
async def test_a_server_behind_a_url_that_dies_in_a_batch_is_the_error_of_its_calls_and_the_account_is_whole(
    serve_http: Serve, tmp_path: Path, says: Any, protocol: str, end: str
) -> None:
    crash = Call("crash", "crash", {"code": 7, "words": "out of paper"})
    made = Dispatch([Call("before", "add", {"a": 1, "b": 2})])
    also = Dispatch(
        [*slow_ones(tmp_path, 6), *([crash] if end == "ended by a call" else []), Call("w", "echo", {"text": "x"})]
    )
    async with serve_http() as server, open_tree("stage") as root:
        with trio.fail_after(60):
            clerk = await root.start(Reader, [far(server, protocol)], [""], name="clerk")
            assert kinds(await clerk.run_turn(made)) == ["completed"]
            clerk.tell(also)
            if end == "killed":
                for number in range(6):
                    await says(tmp_path / str(number), "begun")
                server.process.kill()
            reason = await clerk.wait_stopped()
        root.reports.drain()
    assert isinstance(reason, Crashed)
    assert isinstance(reason.error, ServiceEnded)
    assert server.url in str(reason.error)
    assert len(also.results) == len(also.calls)
    assert [result.id for result in also.results] == [call.id for call in also.calls]
    for result in also.results[:-1]:
        assert result.kind in {"errored", "interrupted"}, result
        assert result.kind == "interrupted" or isinstance(result.error, McpConnectionLost), result
    assert also.results[-1].kind in {"completed", "errored", "interrupted"}


@behind_a_url
async def test_an_interrupt_tells_a_server_behind_a_url_and_the_connection_lives_on(
    serve_http: Serve, tmp_path: Path, says: Any, protocol: str
) -> None:
    made = Dispatch([*slow_ones(tmp_path, 6), Call("add", "add", {"a": 1, "b": 2}), Call("no", "no such tool", {})])
    async with serve_http() as server, open_tree("stage") as root:
        with trio.fail_after(60):
            clerk = await root.start(Reader, [far(server, protocol)], [""], name="clerk")
            clerk.tell(made)
            for number in range(6):
                await says(tmp_path / str(number), "begun")
            while made.results[6].kind != "completed":
                await trio.sleep(0.005)
            assert await clerk.interrupt()
            assert kinds(made.results) == ["interrupted"] * 6 + ["completed", "refused"]
            for number in range(6):
                await says(tmp_path / str(number), "cancelled")
            again = await clerk.run_turn(Dispatch([Call(n, "add", {"a": n, "b": 2}) for n in range(6)]))
            assert kinds(again) == ["completed"] * 6
            assert clerk.incarnation == 1
            await clerk.stop()
        root.reports.drain()


@behind_a_url
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_an_agent_that_ends_in_a_batch_to_a_server_behind_a_url_leaves_the_account_whole(
    serve_http: Serve, tmp_path: Path, says: Any, protocol: str, end: str
) -> None:
    made = Dispatch([*slow_ones(tmp_path, 4), *[Call(n, "add", {"a": n, "b": 2}) for n in range(40)]])
    async with serve_http() as server, open_tree("stage") as root:
        with trio.fail_after(60):
            clerk = await root.start(Reader, [far(server, protocol)], [""], name="clerk", shutdown=0.1)
            clerk.tell(made)
            await says(tmp_path / "3", "begun")  # and answers to the others are on their way
            await getattr(clerk, end)()
        root.reports.drain()
    assert len(made.results) == 44
    assert kinds(made.results[:4]) == ["interrupted"] * 4
    assert set(kinds(made.results)) <= {"completed", "interrupted"}
