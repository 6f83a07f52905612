"""How one that rests ends (section 8), by others' orders and by its own failures."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    AlreadyRunning,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Crashed,
    Killed,
    Limits,
    NoActiveTurn,
    Shutdown,
    StartupFailed,
    TurnFinished,
    open_supervisor,
)
from greenroom.testing import open_tree

from .sleeper import Say, Sleeper, own_kind, put_to_bed

Log = list[Any]
settle = wait_all_tasks_blocked


@pytest.fixture
def kind() -> type[Sleeper]:
    return own_kind()


async def order(ref: ActorRef[Any], call: str) -> Any:
    return await getattr(ref, call)()


# -- others' orders


@pytest.mark.parametrize("lying", [True, False], ids=["lying", "lying down"])
@pytest.mark.parametrize("call", ["stop", "kill", "drain"])
@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_an_order_to_end_ends_it(kind: Any, call: str, restart: Any, lying: bool) -> None:
    """P26: administrative; only a drain wakes it, as there may be mail to handle."""
    log: Log = []
    kind.ending = 1.0
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a", restart=restart)
        ref.tell("kept", trigger_turn=False)
        ref.rest()
        await trio.sleep(2 if lying else 0.5)
        reason = await order(ref, call)
        assert reason == (Killed("by outside") if call == "kill" else Shutdown())
        assert ref.lifecycle == ("parked" if restart == "permanent" else "stopped")
        assert ("wake" in log) == (call == "drain")
        [report] = [report for report in root.reports.drain() if isinstance(report, ChildEnded)]
        assert (report.reason, report.by, report.restarting) == (reason, "outside", False)
        if restart == "temporary":
            [record] = root.ended
            assert (record.path, record.lifecycle, record.reason) == ("/stage/a", "stopped", reason)
        root.expect_dead_letters("stopped", 1)


async def test_a_drain_of_one_that_rests_handles_what_asks_for_a_turn(kind: Any) -> None:
    log: Log = []
    kind.ending = 1.0
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind, log)
        ref.rest()
        nursery.start_soon(ref.drain)
        await trio.sleep(0.5)
        ref.tell("x")
        await ref.wait_stopped()
        assert (2, ["x"]) in log
        root.reports.drain()


async def test_what_administrates_children_knows_of_rest(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, name="a", restart="permanent")
        await put_to_bed(ref)
        with pytest.raises(AlreadyRunning, match="resting"):
            await root.restart_child("a")
        with pytest.raises(AlreadyRunning, match="resting"):
            root.delete_child("a")
        assert ref.lifecycle == "resting"
        await root.terminate_child("a")
        assert ref.lifecycle == "parked"
        assert await root.restart_child("a") is ref
        await put_to_bed(ref)
        await root.terminate_child("a")
        root.delete_child("a")
        assert root.which_children() == []
        root.reports.drain()


async def test_a_tree_whose_agents_rest_ends_and_leaves_nothing(kind: Any) -> None:
    """P27."""
    kind.ending = 1.0

    class Team(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            return [await ctx.start(kind) for _ in range(3)]

    async with open_tree("stage") as root:
        team = await root.start(Team)
        refs = await team.ask("start")  # type: ignore[arg-type]
        refs[0].rest()
        await trio.sleep(2)
        refs[1].rest()
        await trio.sleep(0.1)
        await team.stop()
        assert {ref.lifecycle for ref in refs} == {"stopped"}
        assert [ref.exit_reason for ref in refs] == [Shutdown()] * 3
        root.reports.drain()


async def test_a_tree_that_is_cancelled_ends_those_that_rest(kind: Any) -> None:
    kind.ending = 1.0
    with trio.CancelScope() as scope:
        async with open_supervisor("stage") as root:
            refs = [await root.start(kind) for _ in range(2)]
            refs[0].rest()
            await trio.sleep(2)
            refs[1].rest()
            scope.cancel()
            await trio.sleep(1)
    assert {ref.lifecycle for ref in refs} == {"stopped"}


async def test_nothing_happens_to_one_that_rests_by_interrupt_steer_or_crash(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind)
        await put_to_bed(ref)
        generation = ref.generation
        assert await ref.interrupt() is False
        assert ref.crash(OSError()) is False
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        assert (ref.lifecycle, ref.generation) == ("resting", generation)


async def test_who_was_wanted_ready_once_may_rest_again(kind: Any) -> None:
    kind.ending = 1.0
    async with open_tree("stage") as root:
        ref = await root.start(kind)
        ref.rest()
        await ref.wait_ready()
        ref.rest()
        await trio.sleep(10)
        assert (ref.lifecycle, ref.incarnation) == ("resting", 3)


async def test_what_has_come_up_while_it_was_idle_keeps_it_when_its_time_comes(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, rest_after=10.0)
        await trio.sleep(5)
        ctx = ref._slot.ctx
        assert ctx is not None
        timer = ctx.send_after(20.0, "tick")  # by another task, which has the context
        await trio.sleep(10)
        assert ref.lifecycle == "ready"
        timer.cancel()
        await trio.sleep(11)
        assert ref.lifecycle == "resting"


# -- failures


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_a_waking_that_fails_is_a_startup_failure_told_once(kind: Any, restart: Any) -> None:
    """P10, P11: as any other; what waited for it is dealt with."""
    async with open_tree("stage") as root:
        ref = await root.start(kind, restart=restart, name="a")
        await put_to_bed(ref)
        kind.failing = True
        if restart == "temporary":
            with pytest.raises(StartupFailed, match="no luck"):
                await ref.ask(Say())
            assert ref.lifecycle == "failed"
        else:
            ref.tell("x")
            while not root.reports:
                await trio.lowlevel.checkpoint()
            kind.failing = False
            await ref.wait_ready()
            await settle()
        reports = [report for report in root.reports.drain() if not isinstance(report, TurnFinished)]
        assert [type(report) for report in reports] == [ChildStartupFailed]
        assert reports[0].incarnation == 2
        assert reports[0].restarting is (restart == "permanent")


@pytest.mark.parametrize("restart", ["temporary", "transient"])
async def test_a_shutdown_hook_that_raises_makes_a_crash_of_the_rest(kind: Any, restart: Any) -> None:
    kind.last_words = OSError("no rest")
    kind.ending = 1.0
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind, restart=restart)
        answers: Log = []

        async def ask() -> None:
            try:
                answers.append(await ref.ask(Say()))
            except ActorCrashed as error:
                answers.append(type(error))

        ref.rest()
        nursery.start_soon(ask)
        await trio.sleep(5)
        [report] = [report for report in root.reports.drain() if isinstance(report, ChildEnded)]
        assert isinstance(report.reason, Crashed)
        assert (report.incarnation, report.restarting) == (1, restart == "transient")
        assert ref.lifecycle == ("ready" if restart == "transient" else "stopped")
        assert len(answers) == 1
        assert (answers == [ActorCrashed]) == (restart == "temporary")
        kind.last_words = None


async def test_a_hook_that_takes_too_long_for_a_rest_is_cancelled(kind: Any) -> None:
    kind.ending = 100.0
    async with open_tree("stage") as root:
        ref = await root.start(kind, shutdown=3.0)
        before = trio.current_time()
        ref.rest()
        await ref.wait_stopped()
        assert trio.current_time() == before + 3
        assert isinstance(ref.exit_reason, Killed)
        root.reports.drain()


async def test_a_rest_that_is_overdue_shows_as_stale_and_is_cut_short_by_the_reaper(kind: Any) -> None:
    kind.ending = 100.0
    async with open_tree("stage", limits=Limits(stale_after=4.5)) as root:
        ref = await root.start(kind, name="a", shutdown=None)
        other = await root.start(kind, name="b", shutdown=None)
        opened = trio.current_time()
        other.rest()
        await trio.sleep(4.75)
        info = root.snapshot().find("/stage/b")
        assert info is not None
        assert info.stale
        await other.wait_stopped()
        assert trio.current_time() == opened + 5
        kind.ending = 0.0
        await put_to_bed(ref)
        await trio.sleep(1_000)
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert (info.lifecycle, info.stale) == ("resting", False)  # one that lies may do so for ever
        assert len(root._slot.runtime.reaper._watched) == 0
        root.reports.drain()
