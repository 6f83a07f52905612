"""A tree that runs away, as each agent starts two more, is held by its limits (P5, P6), and stopped whole by one stop at its top (P27, P28)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import pytest
import trio

from greenroom import (
    ActorRef,
    Agent,
    AgentTool,
    Call,
    CallResult,
    ChildEnded,
    Context,
    LimitReached,
    Limits,
    Service,
    Tool,
    Turn,
)
from greenroom.actors._runner import RUNNERS
from greenroom.testing import Tree, open_tree

#: Seconds: what a startup, a step of work, a hook and the closing of a service take.
STARTS, WORKS, HOOK, CLOSES = 0.3, 0.5, 0.05, 0.02


@attrs.define(eq=False)
class Books:
    """Count what lives, and what was refused."""

    serving: int = 0
    working: int = 0
    beside: int = 0
    most_working: int = 0
    most_starting: int = 0
    starting: int = 0
    refused: list[LimitReached] = attrs.field(factory=list[LimitReached])
    results: list[CallResult] = attrs.field(factory=list[CallResult])
    refs: list[ActorRef[Any]] = attrs.field(factory=list[ActorRef[Any]])


@asynccontextmanager
async def connection(books: Books) -> AsyncGenerator[Books]:
    books.starting += 1
    books.most_starting = max(books.starting, books.most_starting)
    await trio.sleep(STARTS)
    books.starting -= 1
    books.serving += 1
    try:
        yield books
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(CLOSES)
        books.serving -= 1


class Runaway(Agent[Any]):
    """Start two more, and go on with that for ever: when one of them ends, and when there was no room."""

    def __init__(self, books: Books, *, by_calls: bool = False) -> None:
        self.books, self.by_calls = books, by_calls
        self.begun = 0

    def services(self) -> Sequence[Service[Any]]:
        return [Service("line", lambda: connection(self.books))]

    def tools(self, ctx: Context) -> list[Tool]:
        return [AgentTool({"runaway": lambda: Runaway(self.books, by_calls=True)})]

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        books = self.books
        books.working += 1
        books.most_working = max(books.working, books.most_working)
        try:
            if not ctx.pending_count():
                ctx.run_in_background(self.idle)
            for report in turn.drain():
                self.begun -= isinstance(report.message, ChildEnded)
            await (self.call(ctx) if self.by_calls else self.start(ctx))
            await trio.sleep(WORKS)
        finally:
            books.working -= 1
        ctx.ref.tell("again")

    async def start(self, ctx: Context) -> None:
        while self.begun < 2:
            try:
                self.books.refs.append(ctx.start_soon(Runaway, self.books, mail="go", wake_parent=True))
            except LimitReached as error:
                self.books.refused.append(error)
                return
            self.begun += 1
            await trio.sleep(WORKS / 2)

    async def call(self, ctx: Context) -> None:
        call = {"action": "start", "factory": "runaway", "message": "go"}
        results = await ctx.dispatch([Call(number, "agent", call) for number in range(2 - self.begun)])
        for result in results:
            if isinstance(result.error, LimitReached):
                self.books.refused.append(result.error)
        self.begun += sum(result.kind == "completed" for result in results)
        self.books.results += results

    async def idle(self) -> None:
        self.books.beside += 1
        try:
            await trio.sleep_forever()
        finally:
            self.books.beside -= 1

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(HOOK)


def size(root: Tree) -> int:
    return sum(1 for _ in root.snapshot().walk())


def depth(root: Tree) -> int:
    return max(info.path.count("/") - 1 for info in root.snapshot().walk())


def check_nothing_lives(root: Tree, top: ActorRef[Any], books: Books) -> None:
    """See that of all that there was nothing but the root is there: no slot, task, permit, service, work or turn."""
    runtime: Any = root._slot.runtime
    assert [info.path for info in root.snapshot().walk()] == ["/stage"]
    assert runtime.alive == 1
    assert (books.serving, books.working, books.beside) == (0, 0, 0)
    assert all(ref.exit_reason is not None for ref in books.refs)
    assert {None if runner.slot is None else runner.slot.path for runner in RUNNERS.values()} <= {None, "/stage"}
    assert not [task for task in runtime.nursery.child_tasks if top.path in task.name]
    for gate in (runtime.launcher, runtime.turns):
        assert gate is None or (gate.in_use, gate.waiting) == (0, 0)


#: Seconds: the shutdown time of the top, for its turn, and then that of those below it.
AT_MOST = 2 * 5.0
#: Seconds after which there is no more room.
FULL = 8
LIMITS = {
    "depth": (Limits(max_depth=5), 1 + 31, 5),
    "count": (Limits(max_actors=40), 40, None),
    "both, with few permits": (
        Limits(max_depth=5, max_actors=25, max_concurrent_startups=3, max_running_turns=4), 25, 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("by_calls", [False, True])
@pytest.mark.parametrize("seconds", [0, 0.35, 1.1, FULL])
@pytest.mark.parametrize("what", LIMITS)
async def test_p27_a_runaway_tree_is_held_by_its_limits_and_stopped_whole_by_one_stop(
    what: str, seconds: float, *, by_calls: bool
) -> None:
    limits, most, deepest = LIMITS[what]
    books = Books()
    async with open_tree("stage", limits=limits) as root:
        root.ignore_dead_letters()
        top = root.start_soon(lambda: Runaway(books, by_calls=by_calls), name="top", mail="go")
        books.refs.append(top)
        until = trio.current_time() + seconds
        while trio.current_time() < until:
            await trio.sleep(0.35)
            assert size(root) <= most
            assert deepest is None or depth(root) <= deepest
        if seconds == FULL:
            assert size(root) == most
            assert deepest is None or depth(root) == deepest or what != "depth"
            assert books.refused
            for error in books.refused:
                assert error.value == getattr(limits, error.limit)
                assert error.holders
        began = trio.current_time()
        await top.stop()
        assert trio.current_time() - began <= AT_MOST
        check_nothing_lives(root, top, books)
        for _ in range(2):  # there is room again, for as many as before
            again = root.start_soon(lambda: Runaway(books), name="again", mail="go")
            books.refs.append(again)
            await trio.sleep(1)
            await again.stop()
            check_nothing_lives(root, top, books)
        root.reports.drain()


class Stubborn(Agent[Any]):
    """Start more at once, and have an hour's work and an hour's hook."""

    def __init__(self, count: int, refs: list[ActorRef[Any]]) -> None:
        self.count, self.refs = count, refs

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for _ in range(self.count):
            with suppress(LimitReached):
                self.refs.append(ctx.start_soon(Stubborn, self.count, self.refs, mail="go", shutdown=3.0))
        await trio.sleep(3_600)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(3_600)


@pytest.mark.parametrize(("count", "deepest"), [(1, 59), (2, 6), (30, 3)])
async def test_p28_how_long_a_stop_takes_depends_on_shutdown_times_and_not_on_the_depth_below(
    count: int, deepest: int
) -> None:
    refs: list[ActorRef[Any]] = []
    async with open_tree("stage", limits=Limits(max_actors=60)) as root:
        root.ignore_dead_letters()
        top = root.start_soon(Stubborn, count, refs, name="top", mail="go", shutdown=3.0)
        refs.append(top)
        await trio.sleep(1)
        assert len(refs) == 59
        assert depth(root) == deepest
        began = trio.current_time()
        await top.stop()
        assert trio.current_time() - began <= 2 * 3.0
        assert [info.path for info in root.snapshot().walk()] == ["/stage"]
        assert all(ref.exit_reason is not None for ref in refs)
        root.reports.drain()
