"""Section 7, explored: one result for each call, whenever the turn is interrupted, cancelled or crashes."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    AgentTool,
    Call,
    Context,
    Dispatch,
    Limits,
    Tool,
    Turn,
    open_supervisor,
    races,
    tool,
)
from greenroom.races import Sim

from .keeping_boss import Boss, PlainBoss
from .naps import alone, fails, nap, naps
from .results import kinds

FINAL = {"completed", "errored", "refused", "denied", "interrupted", "not begun"}


class Child(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()


def everything(count: int) -> tuple[list[Call], list[Tool]]:
    """Calls of all sorts, and tools for them."""
    starts = [Call(f"s{n}", "agent", {"action": "start", "factory": "child"}) for n in range(count)]
    calls = [
        *naps(0, 1),
        *starts,
        Call("f", "fails"),
        Call("g", "gated"),
        Call("n", "nobody"),
        *naps(0, name="alone"),
        Call("st", "agent", {"action": "status"}),
    ]
    return calls, [nap, alone, fails, tool(lambda *_: 1, name="gated"), AgentTool({"child": Child})]


def check_account(made: Dispatch, children: int) -> None:
    """Hold the account of a dispatch against its calls, and against the children that are there."""
    results = made.results
    assert made.is_done
    assert [(result.id, result.tool) for result in results] == [(call.id, call.tool) for call in made.calls]
    assert set(kinds(results)) <= FINAL
    started = [result for result in results if result.tool == "agent" and str(result.id).startswith("s")]
    done = Counter(result.kind for result in started if result.id != "st")
    assert done["completed"] == children
    assert set(done) <= {"completed", "not begun", "errored"}
    # What came later never began before what came earlier had ended.
    ended = [result.kind != "not begun" for result in results if result.kind != "refused"]
    assert ended == sorted(ended, reverse=True)
    for result in results:
        assert (result.kind == "completed") == (result.cause == "")


async def an_interrupt_somewhere(sim: Sim) -> None:
    calls, tools = everything(3)
    made = Dispatch(calls, tools=tools, approver=lambda _: True)
    async with open_supervisor("stage") as root:
        boss = await root.start(sim.choose([Boss, PlainBoss]))
        boss.tell(made)
        for _ in range(sim.choose(range(12))):
            await trio.lowlevel.checkpoint()
        interrupted = await boss.interrupt()
        await settle_turn(boss)
        if made.is_done:
            check_account(made, len(boss._slot.more.family.children) if has_children(boss) else 0)
        else:
            assert not interrupted
        assert boss.lifecycle == "ready"
        root.reports.drain()


def has_children(ref: ActorRef[Any]) -> bool:
    more = ref._slot.more
    return more is not None and more.family is not None


async def settle_turn(ref: ActorRef[Any]) -> None:
    while ref._slot.in_turn or ref._slot.box.has_triggers:
        await trio.sleep(1)


@races.explore(schedules=150)
async def test_an_interrupt_at_any_moment_leaves_one_result_for_each_call(sim: Sim) -> None:
    await an_interrupt_somewhere(sim)


@races.explore(schedules=150)
async def test_all_starts_of_a_batch_are_registered_before_the_first_startup_runs_in_any_order(sim: Sim) -> None:
    seen: list[int] = []

    class Counts(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            parent = ctx.parent
            assert parent is not None
            seen.append(len(parent._slot.more.family.children))

    class PlainCounts(Actor[Any]):
        def __init__(self, into: list[int], parent: list[ActorRef[Any]]) -> None:
            into.append(len(parent[0]._slot.more.family.children))

    parents: list[ActorRef[Any]] = []
    agents = AgentTool({"agent": Counts, "plain": lambda: PlainCounts(seen, parents)})
    calls = [
        *naps(0),
        *(Call(n, "agent", {"action": "start", "factory": ["agent", "plain"][n % 2]}) for n in range(5)),
        *naps(1),
    ]
    made = Dispatch(calls, tools=[nap, agents])
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=sim.choose([1, 5]))) as root:
        boss = await root.start(Boss)
        parents.append(boss)
        assert kinds(await boss.run_turn(made)) == ["completed"] * 7
        root.reports.drain()
    assert set(seen) <= {5}


async def cancelled_somewhere(sim: Sim) -> None:
    """The same with the turn's own scope, which is cancelled at every step."""
    calls, tools = everything(2)
    made = Dispatch(calls, tools=tools, approver=lambda _: True)

    class Scoped(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            with sim.scope("victim"):
                await made.run(ctx)

    async with open_supervisor("stage") as root:
        boss = await root.start(Scoped)
        await boss.run_turn("go")
        check_account(made, len(boss._slot.more.family.children) if has_children(boss) else 0)
        root.reports.drain()


async def approved_by_an_actor(sim: Sim) -> None:
    """An approver that may die at any time, and a cancellation at every step."""

    class Judge(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> bool:
            await trio.lowlevel.checkpoint()
            return True

    made = Dispatch([*naps(0), Call("g", "gated"), *naps(0)], tools=[nap, tool(lambda *_: 1, name="gated")])

    async with open_supervisor("stage") as root:
        judge: ActorRef[Any] = root.start_soon(Judge)
        made = Dispatch(made.calls, tools=[nap, tool(lambda *_: 1, name="gated")], approver=judge)

        class Scoped(Agent[Any]):
            async def turn(self, turn: Turn[Any], ctx: Context) -> None:
                with sim.scope("victim"):
                    await made.run(ctx)

        boss = await root.start(Scoped)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(boss.run_turn, "go")
            for _ in range(sim.choose(range(6))):
                await trio.lowlevel.checkpoint()
            nursery.start_soon(judge.kill)
        assert made.is_done
        assert [result.id for result in made.results] == ["nap0", "g", "nap0"]
        assert made.results[1].kind in {"completed", "denied", "not begun"}
        root.reports.drain()


@pytest.mark.parametrize("scenario", [cancelled_somewhere, approved_by_an_actor])
def test_a_cancellation_at_every_step_leaves_one_result_for_each_call(
    scenario: Callable[[Sim], Awaitable[None]],
) -> None:
    swept = races.cancel_everywhere(scenario, schedules=20)
    assert swept.points > 100
    assert not swept.failures, str(swept)


@pytest.mark.parametrize("at", ["startup", "handler"])
def test_a_crash_of_anybody_leaves_one_result_for_each_call(at: Any) -> None:
    async def scenario(sim: Sim) -> None:
        calls, tools = everything(2)
        made = Dispatch(calls, tools=tools, approver=lambda _: True)
        async with open_supervisor("stage") as root:
            boss = root.start_soon(Boss, mail=made)
            await trio.sleep(10)
            if boss.lifecycle == "ready" and made._begun:
                assert made.is_done
                assert [result.id for result in made.results] == [call.id for call in calls]
                assert kinds(made.results)[:4] == ["completed"] * 4
            await boss.stop()
            root.reports.drain()

    swept = races.crash_everywhere(scenario, at=at, schedules=3)
    assert swept.points
    assert not swept.failures, str(swept)
