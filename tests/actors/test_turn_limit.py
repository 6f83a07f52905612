"""`Limits.max_running_turns`: how many agents of a tree may be in a turn at once."""

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Agent,
    AgentTool,
    Call,
    CallResult,
    Completed,
    Context,
    Dispatch,
    InvalidSpec,
    LimitReached,
    Limits,
    Request,
    Turn,
    TurnInterrupted,
    open_supervisor,
    races,
)
from greenroom.races import Sim

settle = trio.testing.wait_all_tasks_blocked


class Board:
    """Count who is in a turn: running code, not waiting in one."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.order: list[str] = []


class Works(Agent[Any]):
    """Sleep for as long as each message says, or do it."""

    def __init__(self, board: Board) -> None:
        self.board = board

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        board = self.board
        board.running += 1
        board.most = max(board.most, board.running)
        board.order.append(ctx.path.rpartition("/")[2])
        result = None
        try:
            for mail in turn.mail:
                if callable(mail.message):
                    result = await mail.message(ctx)
                else:
                    await trio.sleep(mail.message)
        finally:
            board.running -= 1
        return result


def gate_of(root: Any) -> Any:
    return root._slot.runtime.turns


async def test_no_more_turns_run_than_may_and_the_others_wait_in_order() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=2)) as root:
        refs: list[Any] = []
        for number in range(5):
            refs.append(root.start_soon(Works, board, name=f"a{number}", mail=1))
            await settle()
        await trio.sleep(0.5)
        assert [ref.status == Completed() for ref in refs] == [False] * 5
        assert (board.running, gate_of(root).waiting) == (2, 3)
        await trio.sleep(10)
        assert all(isinstance(ref.status, Completed) for ref in refs)
        assert board.most == 2
        assert [set(board.order[at : at + 2]) for at in (0, 2, 4)] == [{"a0", "a1"}, {"a2", "a3"}, {"a4"}]
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)


async def test_a_direct_turn_over_the_limit_is_refused_with_its_holders_and_its_message() -> None:
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:
        holder, other = root.start_soon(Works, Board(), name="holder"), root.start_soon(Works, Board(), name="other")
        await settle()
        handle = holder.start_turn(5)
        before = (other.status, other.generation)
        with pytest.raises(LimitReached) as caught:
            other.start_turn("mine")
        error = caught.value
        assert (error.limit, error.value, error.holders, error.message) == (
            "max_running_turns",
            1,
            ("/stage/holder",),
            "mine",
        )
        assert str(error).startswith("/stage/other: Limits.max_running_turns=1 is reached, held by /stage/holder;")
        assert (other.status, other.generation) == before
        with pytest.raises(LimitReached):
            await other.run_turn(0)
        await handle.outcome()
        assert await other.run_turn(0) is None


async def test_a_turn_that_waits_for_another_lends_its_permit() -> None:
    """With one permit, a chain of agents that each wait for the next, in five ways, ends."""
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:

        async def asks(ctx: Context) -> Any:
            child = ctx.start_soon(Works, board, name="asked")
            return await child.ask(by_wait)

        async def by_wait(ctx: Context) -> Any:
            child = ctx.start_soon(Works, board, name="waited", mail=by_mail)
            waited = await ctx.wait([child])
            return waited.statuses[child]

        async def by_mail(ctx: Context) -> Any:
            ctx.start_soon(Works, board, name="reporting", mail=by_reports)
            assert await ctx.wait_for_mail()
            return "mail"

        async def by_reports(ctx: Context) -> Any:
            ctx.start_soon(Works, board, name="read", mail=by_turn)
            async for report in ctx.reports:
                return report
            return None

        async def by_turn(ctx: Context) -> Any:
            child = await ctx.start(Works, board, name="run")
            return await child.run_turn(1)

        top = root.start_soon(Works, board, name="top")
        assert await top.ask(asks, timeout=10) == Completed("mail")
        await settle()
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)
        assert board.order == ["top", "asked", "waited", "reporting", "read", "run"]


async def test_a_turn_that_wants_its_permit_back_goes_before_those_that_have_not_begun() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:
        went: list[str] = []

        async def waits(ctx: Context) -> None:
            child = ctx.start_soon(Works, board, name="child", mail=1)
            await ctx.wait([child])
            went.append("parent")

        async def notes(ctx: Context) -> None:
            went.append(ctx.path)
            await trio.sleep(1)

        root.start_soon(Works, board, name="parent", mail=waits)
        await trio.sleep(0.5)
        for number in range(3):  # the first has its permit in the step in which the child gives it back
            root.start_soon(Works, board, name=f"late{number}", mail=notes)
            await settle()
        await trio.sleep(10)
        assert went == ["/stage/late0", "parent", "/stage/late1", "/stage/late2"]


async def test_a_lent_permit_goes_to_who_waits_for_one_already() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:

        async def waits(ctx: Context) -> None:
            await trio.sleep(1)
            await ctx.wait_for_mail(timeout=10)

        root.start_soon(Works, board, name="first", mail=waits)
        await settle()
        second = root.start_soon(Works, board, name="second", mail=1)
        await trio.sleep(2.5)
        assert second.status == Completed()


class Lingers(Works):
    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(4)


async def test_who_stops_while_it_waits_for_a_permit_is_not_granted_one_meanwhile() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:
        root.start_soon(Works, board, name="holder", mail=2)
        await settle()
        stopping = root.start_soon(Lingers, board, name="stopping", mail=1)
        await settle()
        last = root.start_soon(Works, board, name="last", mail=1)
        await trio.sleep(1)
        stopping.request_stop()
        await trio.sleep(2.5)
        assert last.status == Completed()
        assert stopping.lifecycle == "stopping"


@pytest.mark.parametrize("how", ["stop", "kill", "crash", "drain"])
async def test_who_waits_for_a_permit_and_is_told_to_end_takes_none(how: str) -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:
        root.start_soon(Works, board, name="holder", mail=3)
        await settle()
        waiting = root.start_soon(Works, board, name="waiting", mail=1)
        await settle()
        next_ = root.start_soon(Works, board, name="next", mail=1)
        await trio.sleep(1)
        assert await waiting.interrupt() is False  # it is in no turn
        begun = trio.current_time()
        if how == "crash":
            waiting.crash(ValueError("gone"))
            await waiting.wait_stopped()
        else:
            await getattr(waiting, how)()
        assert trio.current_time() - begun == (3 if how == "drain" else 0)
        await trio.sleep(10)
        assert board.order == (["holder", "waiting", "next"] if how == "drain" else ["holder", "next"])
        assert isinstance(next_.status, Completed)
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)


async def test_an_interrupted_turn_gives_its_permit_back_when_its_code_has_ended() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:

        async def lingers(_ctx: Context) -> None:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(2)

        holder = root.start_soon(Works, board, name="holder", mail=lingers)
        await settle()
        root.start_soon(Works, board, name="next", mail=0)
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(holder.interrupt)
            await trio.sleep(1)
            assert (board.order, gate_of(root).in_use) == (["holder"], 1)
        await settle()
        assert board.order == ["holder", "next"]


async def test_a_turn_that_waits_to_go_on_can_be_interrupted() -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=1)) as root:
        ended: list[str] = []

        async def waits(ctx: Context) -> None:
            child = ctx.start_soon(Works, board, name="child", mail=1)
            try:
                await ctx.wait([child])
            finally:
                ended.append(ctx.path)

        parent = root.start_soon(Works, board, name="parent")
        long = root.start_soon(Works, board, name="long")
        parent.tell(waits)
        await trio.sleep(0.5)
        long.tell(100)  # it is granted before the parent wants its permit back: the child's end and this come together
        await trio.sleep(0.6)
        if not ended:
            await parent.interrupt(grace=1)
        assert ended == ["/stage/parent"]
        await long.kill()
        await settle()
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", float("inf")])
def test_a_limit_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(
        InvalidSpec, match=r"Limits\.max_running_turns: .* is not a whole number from 1; None means no limit"
    ):
        Limits(max_running_turns=value)


class Sum(Request[int]):
    pass


class Family(Agent[Any]):
    """Start children that start children, ask them all, and add up."""

    def __init__(self, board: Board, depth: int, sim: Sim) -> None:
        self.board, self.depth, self.sim = board, depth, sim

    async def turn(self, turn: Turn[Any], ctx: Context) -> int:
        board = self.board
        board.running += 1
        board.most = max(board.most, board.running)
        try:
            await trio.lowlevel.checkpoint()
            if not self.depth:
                return 1
            children = [ctx.start_soon(Family, board, self.depth - 1, self.sim) for _ in range(2)]
            for child in children:
                child.tell("go")
        finally:
            board.running -= 1
        waited = await ctx.wait(children, mode="all")
        assert not waited.timed_out
        board.running += 1
        board.most = max(board.most, board.running)
        try:
            await trio.lowlevel.checkpoint()
            results = [status.result if isinstance(status, Completed) else 0 for status in waited.statuses.values()]
            return 1 + sum(results)
        finally:
            board.running -= 1


async def family(sim: Sim) -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=2)) as root:
        top = root.start_soon(Family, board, 2, sim, name="top")
        with sim.scope("victim") as scope:
            try:
                assert await top.ask(Sum()) == 7
            except TurnInterrupted:
                assert scope.cancel_called
        await top.stop()
        assert board.most <= 2
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)


def test_a_family_of_agents_ends_under_every_order_with_two_permits() -> None:
    found = races.search(family, schedules=150)
    assert found is None, str(found)


def test_permits_come_back_whatever_is_cancelled_or_crashes() -> None:
    sweep = races.cancel_everywhere(family)
    assert not sweep.failures, str(sweep)
    crashed = races.crash_everywhere(crashing_family, at="handler", schedules=3)
    assert not crashed.failures, str(crashed)


async def crashing_family(sim: Sim) -> None:
    board = Board()
    async with open_supervisor("stage", limits=Limits(max_running_turns=2)) as root:
        top = root.start_soon(Family, board, 2, sim, name="top")
        top.tell("go")
        await trio.sleep(1)
        await top.stop()
        assert board.most <= 2
        assert (gate_of(root).in_use, gate_of(root).waiting) == (0, 0)


@pytest.mark.parametrize("limit", [1, 2])
async def test_a_dispatched_wait_for_agents_lends_its_permit_to_them(
    limit: int,
) -> None:
    board = Board()
    agents = AgentTool({"works": partial(Works, board)})

    def start(name: str) -> Call:
        return Call(name, "agent", {"action": "start", "factory": "works", "name": name, "message": 1})

    async def wait(ctx: Context) -> list[CallResult]:
        calls = [*map(start, "abc"), Call("w", "agent", {"action": "wait", "agents": ["a", "b", "c"]})]
        return await Dispatch(calls, tools=[agents]).run(ctx)

    async with open_supervisor("stage", limits=Limits(max_running_turns=limit)) as root:
        boss = await root.start(Works, Board(), name="boss")
        results = await boss.run_turn(wait)
        assert results[3].value["timed_out"] is False
        assert [each["status"] for each in results[3].value["agents"]] == ["completed"] * 3
        assert trio.current_time() == pytest.approx({1: 3, 2: 2}[limit])
        assert board.most == limit
        assert gate_of(root).in_use == 0
        root.reports.drain()
