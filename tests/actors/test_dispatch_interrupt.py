"""Section 7: N calls give N results, also when the turn is interrupted half-way."""

import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    AgentTool,
    Call,
    CallResult,
    Context,
    Dispatch,
    Limits,
    Tool,
    Traits,
    Turn,
    open_supervisor,
    races,
    tool,
)
from greenroom.races import Sim
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}
FINAL = {"completed", "errored", "refused", "denied", "interrupted", "not begun"}


@tool(**LOOK)
async def nap(arguments: Any, ctx: Context) -> float:
    await trio.sleep(arguments["seconds"])
    return arguments["seconds"]


@tool(needs_approval=False)
async def alone(arguments: Any, ctx: Context) -> None:
    await trio.sleep(arguments["seconds"])


@tool(**LOOK)
async def fails(arguments: Any, ctx: Context) -> None:
    await trio.lowlevel.checkpoint()
    raise OSError("x")


def naps(*seconds: float, name: str = "nap") -> list[Call]:
    return [Call(f"{name}{at}", name, {"seconds": each}) for at, each in enumerate(seconds)]


class Boss(Agent[Any]):
    """Run dispatches, and keep the last one: the next turn tells of it."""

    def __init__(self) -> None:
        self.last: Dispatch | None = None

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if isinstance(message, Dispatch):
            self.last = message
            return await message.run(ctx)
        return None if self.last is None else self.last.results


class PlainBoss(Actor[Any]):
    def __init__(self) -> None:
        self.last: Dispatch | None = None

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Dispatch):
            self.last = message
            return await message.run(ctx)
        return None if self.last is None else self.last.results


def kinds(results: list[CallResult]) -> list[str]:
    return [result.kind for result in results]


@pytest.mark.parametrize("kind", [Boss, PlainBoss])
async def test_an_interrupted_dispatch_tells_what_has_ended_what_was_running_and_what_had_not_begun(kind: Any) -> None:
    calls = [*naps(1, 10, 2), *naps(1, name="alone"), Call("x", "nobody"), *naps(1)]
    made = Dispatch(calls, tools=[nap, alone])
    async with open_tree("stage") as root:
        boss: ActorRef[Any] = root.start_soon(kind)
        boss.tell(made)
        await trio.sleep(0.5)
        assert kinds(made.results) == ["running"] * 3 + ["not begun", "refused", "not begun"]
        assert not made.is_done
        await trio.sleep(4.5)
        assert await boss.interrupt()
        assert made.is_done
        # The next turn can tell the model what came of each call.
        results = await boss.ask("what came of it?")  # type: ignore[arg-type]
        root.reports.drain()
    assert [(result.id, result.kind) for result in results] == [
        ("nap0", "completed"), ("nap1", "interrupted"), ("nap2", "completed"), ("alone0", "not begun"), ("x", "refused"),
        ("nap0", "not begun"),
    ]  # fmt: skip
    assert results[0].value == 1
    assert results[1].cause == "interrupted while it ran; what it had done by then stays done"
    assert results[3].cause == "not begun: what it was called in was interrupted before"


async def test_a_finally_sees_the_final_results() -> None:
    seen: list[list[str]] = []

    class Careful(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            made = Dispatch(naps(1, 10), tools=[nap])
            try:
                await made.run(ctx)
            finally:
                seen.append(kinds(made.results))

    async with open_tree("stage") as root:
        boss = root.start_soon(Careful, mail="go")
        await trio.sleep(5)
        await boss.kill()
        root.reports.drain()
    assert seen == [["completed", "interrupted"]]


async def test_a_timeout_around_a_dispatch_leaves_the_results() -> None:
    class Hasty(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            made = Dispatch(naps(1, 10), tools=[nap])
            with trio.move_on_after(3):
                await made.run(ctx)
            return made.results

    async with open_tree("stage") as root:
        assert kinds(await (await root.start(Hasty)).run_turn("go")) == ["completed", "interrupted"]
        root.reports.drain()


@pytest.mark.parametrize("count", [1, 3])
async def test_an_interrupted_batch_raises_one_cancelled_and_no_group(count: int) -> None:
    seen: list[type[BaseException]] = []

    class Looks(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            try:
                await ctx.dispatch(naps(*[10] * count), tools=[nap])
            except BaseException as error:
                seen.append(type(error))
                raise

    async with open_tree("stage") as root:
        boss = root.start_soon(Looks, mail="go")
        await trio.sleep(1)
        await boss.interrupt()
        root.reports.drain()
    assert seen == [trio.Cancelled]


@pytest.mark.parametrize("count", [1, 2])
async def test_what_fails_for_the_interrupt_is_its_calls_result_and_the_turn_is_interrupted_all_the_same(
    count: int,
) -> None:
    async def clings() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("while it was cancelled")

    @tool(**LOOK)
    async def crowd(arguments: Any, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(clings)
            nursery.start_soon(trio.sleep_forever)

    made = Dispatch([Call(n, "crowd") for n in range(count)], tools=[crowd])
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss)
        handle = (await root.start(Boss)).start_turn(made)
        await trio.sleep(1)
        handle.cancel()
        assert (await handle.outcome()).kind == "interrupted"
        await boss.stop()
        root.reports.drain()
    assert kinds(made.results) == ["errored"] * count
    assert "while it was cancelled" in made.results[0].cause


async def test_an_interrupt_while_the_approver_thinks_leaves_that_call_not_begun() -> None:
    async def ponders(_: Any) -> bool:
        await trio.sleep_forever()
        return True

    made = Dispatch([*naps(1), Call("g", "gated"), *naps(1)], tools=[nap, tool(print, name="gated")], approver=ponders)
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss, mail=made)
        await trio.sleep(5)
        await boss.interrupt()
        root.reports.drain()
    assert kinds(made.results) == ["completed", "not begun", "not begun"]


async def test_a_crash_of_the_agent_in_the_middle_leaves_the_results() -> None:
    made = Dispatch(naps(1, 10), tools=[nap])
    async with open_tree("stage") as root:
        boss = root.start_soon(Boss, mail=made)
        await trio.sleep(5)
        boss.crash(OSError("x"))
        await boss.wait_stopped()
        root.reports.drain()
    assert kinds(made.results) == ["completed", "interrupted"]


def spin() -> None:
    """Go on until somebody presses Ctrl-C, which happens at the thousandth round."""
    for number in range(100_000):
        if number == 1_000:
            signal.raise_signal(signal.SIGINT)
    raise AssertionError("Ctrl-C did not get through")


class Spins(Tool):
    """Never end, in one place or another."""

    def __init__(self, name: str) -> None:
        self.name = name

    def traits(self, arguments: Any) -> Traits:
        if self.name == "traits":
            spin()
        return Traits() if self.name == "approver" else Traits(**LOOK)

    def run(self, arguments: Any, ctx: Context) -> Any:
        if self.name == "plain":
            spin()
        return self.later()

    async def later(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.name == "later":
            spin()

    @staticmethod
    def approve(_: Any) -> bool:
        spin()
        return True


@pytest.mark.parametrize("where", ["plain", "later", "traits", "approver"])
@pytest.mark.parametrize("around", [0, 1])
def test_ctrl_c_reaches_code_that_does_not_end_and_the_results_are_final(where: str, around: int) -> None:
    calls = [*naps(*[5] * around), Call("s", where), *naps(*[5] * around)]
    made = Dispatch(calls, tools=[nap, Spins(where)], approver=Spins.approve)

    async def main() -> None:
        async with open_supervisor("stage") as root:
            root.start_soon(Boss, mail=made)
            await trio.sleep(100)

    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- bare, or in Trio's groups
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert "KeyboardInterrupt" in repr(caught.value)
    assert made.is_done
    assert set(kinds(made.results)) <= {"completed", "interrupted", "not begun"}
    assert made.results[around].kind == ("interrupted" if where in {"plain", "later"} else "not begun")


# -- explored


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
