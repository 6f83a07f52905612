"""A fan-out for the race kit: one dispatch starts some children, and whoever is interrupted or stopped meanwhile has one outcome all the same."""

from collections import Counter
from contextlib import suppress
from typing import Any

import attrs
import trio

from greenroom import (
    ActorInfo,
    ActorRef,
    Agent,
    AgentTool,
    Call,
    CallResult,
    ChildEnded,
    ChildNotFound,
    ChildStartupFailed,
    Context,
    Dispatch,
    GreenroomError,
    Limits,
    Request,
    Supervisor,
    Turn,
    TurnFinished,
    open_supervisor,
)
from greenroom.races import Sim
from greenroom.supervisor import LatestTree

from .promise import settle, steps

CHILDREN = 3


@attrs.define(eq=False)
class Books:
    """Note what becomes of a fan-out."""

    results: list[CallResult] = attrs.field(factory=list[CallResult])
    reports: list[Any] = attrs.field(factory=list[Any])
    registered: set[int] = attrs.field(factory=set[int])
    starting: int = 0
    in_turn: int = 0
    last: list[ActorInfo] = attrs.field(factory=list[ActorInfo])


class Child(Agent[int]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        books = self.books
        books.registered.add(len(books.results))
        books.starting += 1
        assert books.starting <= 2
        try:
            await trio.lowlevel.checkpoint()
        finally:
            books.starting -= 1

    async def turn(self, turn: Turn[int], ctx: Context) -> int:
        books = self.books
        books.in_turn += 1
        assert books.in_turn <= 2
        try:
            await steps(3)
            return turn.mail[0].message
        finally:
            books.in_turn -= 1

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class Look(Request[None]):
    """Ask for nothing."""


class Boss(Agent[str | Look]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def turn(self, turn: Turn[str | Look], ctx: Context) -> None:
        books = self.books
        if "go" not in [mail.message for mail in turn.mail]:
            books.reports += [mail.message for mail in turn.drain()]
            return
        starts = [
            Call(n, "agent", {"action": "start", "factory": "child", "name": f"c-{n}", "message": n})
            for n in range(CHILDREN)
        ]
        waits = [Call("w", "agent", {"action": "wait", "agents": [f"c-{n}" for n in range(CHILDREN)], "timeout": 5})]

        def child() -> Child:
            return Child(books)

        work = Dispatch([*starts, *waits], tools=[AgentTool({"child": child})])
        try:
            await work.run(ctx)
        finally:
            books.results = work.results


async def follow(root: Supervisor, books: Books, sim: Sim) -> None:
    """Read the feed; a delivery may be broken off."""

    async def read(feed: LatestTree) -> None:
        async for state in feed:
            books.last[:] = [state]

    async with root.subscribe() as feed:
        with sim.scope("reader"):
            await read(feed)
        await read(feed)


async def a_fan_out_that_is_meddled_with(sim: Sim) -> None:
    """Each call has one result and each child one outcome, whoever is stopped or interrupted; the feed comes to the true state."""
    books = Books()
    limits = Limits(max_concurrent_startups=2, max_running_turns=2)
    async with open_supervisor("stage", limits=limits) as root, trio.open_nursery() as nursery:
        root_slot: Any = root._slot
        nursery.start_soon(follow, root, books, sim)
        boss: ActorRef[str | Look] = root.start_soon(Boss, books, name="boss", mail="go")
        stopped = sim.choose([True, False])
        interrupted = sim.choose(["not", "boss", "all"])

        async def stop() -> None:
            await steps(sim.choose([5, 10, 15, 20]))
            with suppress(ChildNotFound):
                await root.lookup(sim.choose(["boss/c-1", "boss/c-2"])).stop()

        async def interrupt() -> None:
            await steps(sim.choose([0, 10, 20]))
            await boss.interrupt(cascade=interrupted == "all")

        async with trio.open_nursery() as meddlers:
            if stopped:
                meddlers.start_soon(stop)
            if interrupted != "not":
                meddlers.start_soon(interrupt)
            with sim.scope("victim"), suppress(GreenroomError):
                await boss.ask(Look())
        await settle()
        if boss.try_tell("the rest"):  # it has not crashed itself, and its reports with it
            await settle()
            if boss.is_alive:
                _close(books, root)
        state = books.last[0]
        assert [attrs.evolve(each, age=0.0, children=()) for each in state.walk()] == [
            attrs.evolve(each, age=0.0, children=()) for each in root.snapshot().walk()
        ]
        gate, turns = root_slot.runtime.launcher, root_slot.runtime.turns
        assert (gate.in_use, gate.waiting, turns.in_use, turns.waiting) == (0, 0, 0, 0)
        root.reports.drain()
        nursery.cancel_scope.cancel()


def _close(books: Books, root: Supervisor) -> None:
    """See that all is accounted for."""
    if not books.results:  # interrupted before it had begun
        return
    assert [result.id for result in books.results] == [*range(CHILDREN), "w"]
    kinds = [result.kind for result in books.results]
    assert all(kind in {"completed", "not begun"} for kind in kinds[:-1])
    assert len(set(kinds[:-1])) == 1, "the starts are one batch"
    assert kinds[-1] in {"completed", "interrupted", "not begun"}
    started = {result.value["path"] for result in books.results[:-1] if result.kind == "completed"}
    turns = Counter(report.path for report in books.reports if isinstance(report, TurnFinished))
    ends = Counter(report.path for report in books.reports if isinstance(report, ChildEnded | ChildStartupFailed))
    alive = {info.path for info in root.snapshot().children[0].children}
    for path in started:
        assert turns[path] <= 1
        assert ends[path] == (path not in alive)
        assert turns[path] + ends[path] >= 1
    assert turns.keys() | ends.keys() == started
