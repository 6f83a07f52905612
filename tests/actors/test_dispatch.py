"""Section 7: what comes of the calls."""

from typing import Any

import attrs
import pytest
import trio
import trio.testing

from greenroom import (
    Agent,
    AgentTool,
    Call,
    CallResult,
    Context,
    Deadlock,
    Dispatch,
    LimitReached,
    Limits,
    Request,
    Tool,
    Turn,
    tool,
)
from greenroom.testing import open_tree

from .boss import Boss, PlainBoss, dispatch
from .results import kinds
from .tools import FREE, LOOK, Arguments, calls_of, fails, search, write

# -- batches


@pytest.mark.parametrize("kind", [Boss, PlainBoss])
async def test_the_calls_of_a_batch_run_at_the_same_time_and_the_batches_one_after_the_other(kind: Any) -> None:
    start = trio.current_time()
    results = await dispatch(
        calls_of("search", "search", "search", "write", "write", "search"), search, write, kind=kind
    )
    assert trio.current_time() - start == pytest.approx(4)
    assert [(result.id, result.tool, result.kind) for result in results] == [
        (0, "search", "completed"), (1, "search", "completed"), (2, "search", "completed"),
        (3, "write", "completed"), (4, "write", "completed"), (5, "search", "completed"),
    ]  # fmt: skip
    assert [result.value for result in results] == ["found 0", "found 1", "found 2", "written", "written", "found 5"]
    assert {result.cause for result in results} == {""}


async def test_results_come_in_the_order_of_the_calls_whatever_ends_first() -> None:
    @tool(**LOOK)
    async def nap(arguments: Arguments, ctx: Context) -> int:
        await trio.sleep(arguments["seconds"])
        return arguments["seconds"]

    results = await dispatch([Call(f"c{n}", "nap", {"seconds": n}) for n in (3, 1, 2)], nap)
    assert [(result.id, result.value) for result in results] == [("c3", 3), ("c1", 1), ("c2", 2)]


async def test_what_comes_later_sees_what_an_earlier_batch_has_done() -> None:
    table: list[int] = []

    @tool(**FREE)
    async def put(arguments: Arguments, ctx: Context) -> None:
        await trio.sleep(1)
        table.append(arguments["n"])

    @tool(**LOOK)
    def look(arguments: Arguments, ctx: Context) -> list[int]:
        return list(table)

    results = await dispatch(calls_of("look", "put", "look", "put", "look"), put, look)
    assert [result.value for result in results] == [[], None, [1], None, [1, 3]]


async def test_no_calls_are_no_results_and_a_checkpoint_all_the_same() -> None:
    async with open_tree("stage") as root:

        async def work(ctx: Context) -> Any:
            with trio.testing.assert_checkpoints():
                return await ctx.dispatch([])

        boss = await root.start(Boss)
        assert await boss.run_turn(work) == []
        root.reports.drain()


async def test_a_function_actor_has_the_tools_that_it_names() -> None:
    async def worker(ctx: Context, into: list[Any]) -> None:
        into += await ctx.dispatch(calls_of("search", "write"), tools=[search])

    into: list[CallResult] = []
    async with open_tree("stage") as root:
        await root.start_soon(worker, into).wait_stopped()
        root.reports.drain()
    assert kinds(into) == ["completed", "refused"]


async def test_tools_that_are_given_go_before_the_hooks() -> None:
    assert kinds(await dispatch(calls_of("search", "write"), search, tools=[write])) == ["refused", "completed"]


async def test_a_method_may_be_a_tool_and_the_hook_is_asked_at_each_dispatch() -> None:
    class Grows(Agent[Any]):
        def __init__(self) -> None:
            self.asked = 0

        def tools(self, ctx: Context) -> list[Tool]:
            self.asked += 1
            return [tool(self.count, name=f"count{self.asked}", **LOOK)]

        async def count(self, arguments: Arguments, ctx: Context) -> int:
            """Count."""
            return self.asked

        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            return [await ctx.dispatch(calls_of("count1")), await ctx.dispatch(calls_of("count1"))]

    async with open_tree("stage") as root:
        first, second = await (await root.start(Grows)).run_turn("go")
        root.reports.drain()
    assert (first[0].kind, first[0].value, second[0].kind) == ("completed", 1, "refused")


@attrs.define
class Log:
    lines: list[str] = attrs.field(factory=list)


class Child(Agent[Any]):
    log = Log()

    async def startup(self, ctx: Context) -> None:
        self.log.lines.append(f"startup {len(ctx.parent._slot.more.family.children)}")  # type: ignore[union-attr]
        await trio.sleep(5)


def starts(count: int) -> list[Call]:
    return [Call(n, "agent", {"action": "start", "factory": "child"}) for n in range(count)]


# -- starts


@pytest.mark.parametrize("count", [20, 200, 2_000])
async def test_many_starts_are_one_batch_and_all_are_registered_before_the_first_startup_runs(count: int) -> None:
    Child.log = Log()
    start = trio.current_time()
    calls = [Call("s", "search"), *starts(count), Call("t", "search")]
    results = await dispatch(calls, search, AgentTool({"child": Child}))
    assert set(kinds(results)) == {"completed"}
    assert trio.current_time() - start == pytest.approx(1)  # the search; nobody waited for a startup
    assert Child.log.lines == [f"startup {count}"] * count
    assert [result.value["uid"] for result in results[1:-1]] == list(range(3, 3 + count))


async def test_the_start_over_a_limit_is_told_so_and_the_others_proceed() -> None:
    Child.log = Log()
    results = await dispatch(starts(20), AgentTool({"child": Child}), limits=Limits(max_actors=14))
    assert kinds(results) == ["completed"] * 12 + ["errored"] * 8
    for result in results[12:]:
        assert isinstance(result.error, LimitReached)
        assert result.error.limit == "max_actors"
        assert "Limits.max_actors=14 is reached" in result.cause


class Hello(Request[str]):
    pass


# -- in whose task


async def test_a_tool_that_asks_its_own_agent_in_its_own_turn_is_told_of_the_deadlock() -> None:
    @tool(**FREE)
    async def asks(arguments: Arguments, ctx: Context) -> Any:
        return await ctx.ref.ask(Hello())

    (result,) = await dispatch(calls_of("asks"), asks)
    assert isinstance(result.error, Deadlock)


async def test_a_tool_may_dispatch_itself() -> None:
    @tool(**LOOK)
    async def deeper(arguments: Arguments, ctx: Context) -> Any:
        return kinds(await ctx.dispatch(calls_of("search", "fails")))

    results = await dispatch(calls_of("deeper", "deeper"), deeper, search, fails)
    assert [result.value for result in results] == [["completed", "errored"]] * 2


async def test_the_reprs_say_what_it_is() -> None:
    made = Dispatch(calls_of("search"))
    assert repr(made) == "<Dispatch of 1 calls, not begun>"
    assert repr(search) == "<FunctionTool 'search'>"
    assert made.calls == tuple(calls_of("search"))
    assert search.schema == {"type": "object"}
