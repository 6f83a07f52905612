"""The watchdog's action restart: it ends the incarnation, and the restart type decides."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorStopped, ChildEnded, Context, Finished, Killed, open_supervisor
from greenroom.testing import open_tree

from .watched import KINDS, TEXT, Plain, Shielded, Turns, Work, ask, overdue

Log = list[Any]


@pytest.mark.parametrize("kind", KINDS)
async def test_restart_ends_the_incarnation_as_killed_counted_and_the_restart_type_decides(kind: Any) -> None:
    async with open_tree("stage") as root:
        cases: Any = (("permanent", "ready"), ("transient", "ready"), ("temporary", "stopped"))
        for restart, life in cases:
            log = Log()
            ref = await root.start(kind, log, restart=restart, name=restart, handler_timeout=5.0, on_overdue="restart")
            before = trio.current_time()
            got = await ask(ref, Work(100.0))
            assert trio.current_time() == before + 5
            await wait_all_tasks_blocked()
            assert isinstance(got, ActorStopped)
            what = "a turn" if kind is Turns else "a message"
            assert f"killed: overdue: {what} has taken 5 s, {TEXT}; it had begun" in str(got)
            assert (ref.lifecycle, ref.incarnation) == (life, 1 if life == "stopped" else 2)
            report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
            assert report.reason == Killed(f"overdue: {what} has taken 5 s, {TEXT}")
            assert (report.by, report.restarting) == ("itself", life == "ready")
            if life == "ready":
                assert await ask(ref, Work(1.0)) == "done"


async def test_restarts_for_being_overdue_count_against_the_intensity() -> None:
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage") as root:
            ref = await root.start(Plain, Log(), restart="permanent", handler_timeout=1.0, on_overdue="restart")
            for _ in range(5):
                ref.tell(Work(100.0))
            await trio.sleep_forever()
    assert trio.current_time() == 4


@pytest.mark.parametrize("kind", KINDS)
async def test_what_it_was_killed_on_is_given_again_as_often_as_redeliver_says(kind: Any) -> None:
    log = Log()
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, restart="permanent", redeliver=1, handler_timeout=5.0, on_overdue="restart")
        ref.tell("quick")
        await wait_all_tasks_blocked()
        ref.tell(Work(100.0))
        await trio.sleep(50)
        begun = [each for each in log if each[0] == "begun"]
        assert begun == [("begun", 1, 0.0), ("begun", 1, 0.0), ("begun", 2, 5.0)]
        assert ref.incarnation == 3
        root.reports.drain()


async def test_one_that_has_said_how_it_ends_and_hangs_then_is_killed_all_the_same() -> None:
    class Leaves(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop("result")
            if message == "hang":
                await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = await root.start(Leaves, restart="transient", name="a", handler_timeout=5.0, on_overdue="restart")
        ref.tell("hang")
        await trio.sleep(6)
        assert (ref.lifecycle, ref.incarnation) == ("ready", 2)
        ref.tell("leave")
        assert await ref.wait_stopped() == Finished("result")
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_who_others_have_told_to_stop_is_killed_for_being_overdue_and_not_restarted(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(
            kind, Log(), restart="permanent", shutdown=None, handler_timeout=5.0, on_overdue="restart"
        )
        ref.tell(Work(100.0))
        await trio.sleep(1)
        reason = await ref.stop()
        assert trio.current_time() == 5
        assert isinstance(reason, Killed)
        assert ref.lifecycle == "parked"
        root.reports.drain()


@pytest.mark.parametrize("action", ["warn", "cancel", "restart"])
async def test_a_watchdog_leaves_alone_who_has_been_killed(action: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Shielded, Log(), handler_timeout=5.0, on_overdue=action, restart="permanent")
        ref.tell(Work(50.0))
        await trio.sleep(1)
        await ref.kill()
        assert trio.current_time() == 50
        assert isinstance(ref.exit_reason, Killed)
        assert ref.exit_reason.detail == "by outside"
        assert overdue(caplog) == []
        root.reports.drain()
