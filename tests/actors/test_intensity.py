from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ChildEnded,
    ChildSpec,
    ChildStartupFailed,
    Context,
    Escalated,
    Intensity,
    RestartIntensityExceeded,
    Shutdown,
    StartupFailed,
    open_supervisor,
)
from greenroom.supervisor._intensity import RestartLog
from greenroom.testing import open_tree


@given(
    st.integers(0, 5),
    st.floats(0.1, 10.0),
    st.lists(st.floats(0.0, 5.0), max_size=30),
)
def test_the_log_allows_what_a_window_over_all_restarts_allows(
    max_restarts: int, within: float, steps: list[float]
) -> None:
    log = RestartLog(Intensity(max_restarts, within))
    times: list[float] = []
    now = 0.0
    for step in steps:
        now += step
        times.append(now)
        wanted = sum(1 for time in times if now - time < within) <= max_restarts
        assert log.add(now) is wanted


class Fails(Actor[Any]):
    """Take `seconds` to start, and fail as often as `failures` says."""

    left: int = 0

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)
        if Fails.left > 0:
            Fails.left -= 1
            raise OSError("no")

    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message


async def crash(ref: ActorRef[Any], times: int, apart: float = 0.0) -> None:
    for _ in range(times):
        await trio.sleep(apart)
        ref.tell(OSError("x"))
        await wait_all_tasks_blocked()


async def test_as_many_restarts_as_allowed_within_the_window_and_the_tree_stands() -> None:
    Fails.left = 0
    async with open_supervisor("stage", intensity=Intensity(3, 5.0)) as root:
        ref = root.start_soon(Fails, restart="permanent")
        await crash(ref, 3)
        assert (ref.lifecycle, ref.incarnation) == ("ready", 4)
        await trio.sleep(5)
        await crash(ref, 3)
        assert (ref.lifecycle, ref.incarnation) == ("ready", 7)
        root.reports.drain()


async def test_one_restart_too_many_within_the_window_ends_the_tree() -> None:
    Fails.left = 0
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(3, 5.0)) as root:
            ref = root.start_soon(Fails, restart="permanent")
            sibling = root.start_soon(Fails)
            await crash(ref, 4, apart=1.2)
            await trio.sleep_forever()
    [error] = caught.value.exceptions
    assert isinstance(error, RestartIntensityExceeded)
    assert trio.current_time() == 4 * 1.2
    assert ref.incarnation == 4
    assert sibling.exit_reason == Shutdown()


async def test_restarts_further_apart_than_the_window_go_on_for_ever() -> None:
    Fails.left = 0
    async with open_supervisor("stage", intensity=Intensity(1, 5.0)) as root:
        ref = root.start_soon(Fails, restart="permanent")
        await crash(ref, 20, apart=5.0)
        assert ref.incarnation == 21
        root.reports.drain()


async def test_no_restart_is_allowed_by_0() -> None:
    Fails.left = 0
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            ref = root.start_soon(Fails, restart="permanent")
            await crash(ref, 1)
            await trio.sleep_forever()
    assert ref.incarnation == 1


async def test_the_restarts_of_all_children_count_together() -> None:
    Fails.left = 0
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(3, 5.0)) as root:
            for _ in range(4):
                await crash(root.start_soon(Fails, restart="permanent"), 1)
            await trio.sleep_forever()


async def test_slow_startups_do_not_outlive_the_window() -> None:
    Fails.left = 100
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(2, 5.0)) as root:
            root.start_soon(Fails, 30.0, restart="permanent")
            await trio.sleep_forever()
    assert trio.current_time() == 90.0
    assert Fails.left == 97


async def test_attempts_that_never_became_ready_are_counted_in_a_row_only() -> None:
    async with open_supervisor("stage", intensity=Intensity(2, 5.0)) as root:
        Fails.left = 2
        ref = root.start_soon(Fails, 30.0, restart="permanent")
        await ref.wait_ready()
        assert ref.incarnation == 3
        Fails.left = 1
        ref.tell(OSError("x"))
        await trio.sleep(31)
        await ref.wait_ready()
        assert ref.incarnation == 5
        root.reports.drain()


async def test_a_permanent_run_time_child_retries_a_failed_first_startup_and_each_attempt_is_reported() -> None:
    Fails.left = 2
    async with open_tree("stage") as root:
        ref: Any = root.start_soon(Fails, 1.0, restart="permanent")
        ref.tell("waits")
        await ref.wait_ready()
        assert trio.current_time() == 3.0
        reports = root.reports.drain()
        assert [type(report) for report in reports] == [ChildStartupFailed] * 2
        assert [(report.incarnation, report.restarting) for report in reports] == [(1, True), (2, True)]  # type: ignore[union-attr]
        assert await ref.ask("x") == "x"
        assert ref._slot.box.seq == 2


async def test_an_actor_with_children_is_their_supervisor_and_gives_up_as_escalated() -> None:
    class Boss(Actor[Any]):
        intensity = Intensity(1, 5.0)

        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Fails, name="a", restart="permanent")
            ctx.start_soon(Fails, name="b")

        async def receive(self, message: Any, ctx: Context) -> None:
            await trio.sleep_forever()

    Fails.left = 0
    async with open_tree("stage") as root:
        boss = await root.start(Boss, name="boss", mail=1)
        a, b = root.lookup("boss/a"), root.lookup("boss/b")
        await crash(a, 2)
        reason = await boss.wait_stopped()
        assert isinstance(reason, Escalated)
        assert isinstance(reason.error, RestartIntensityExceeded)
        assert (reason.error.path, reason.error.child) == ("/stage/boss", "/stage/boss/a")
        assert (a.lifecycle, b.lifecycle) == ("stopped", "stopped")
        assert trio.current_time() == 0.0
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.reason == reason


async def test_giving_up_while_the_supervisor_starts_is_a_failure_to_start() -> None:
    Fails.left = 100
    specs = [
        ChildSpec("a", Fails, startup="deferred"),
        ChildSpec("slow", Fails, (100.0,)),
    ]
    with pytest.raises(StartupFailed) as caught:
        async with open_supervisor("stage", children=specs):
            raise AssertionError
    assert isinstance(caught.value.error, RestartIntensityExceeded)
    assert trio.current_time() == 0.0


async def test_what_the_children_of_a_crashed_parent_were_doing_is_finished_not_killed() -> None:
    class Busy(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            await trio.sleep(message)

    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Busy, name="a", mail=2.0)

    async with open_tree("stage") as root:
        boss = await root.start(Boss, name="boss")
        ref = root.lookup("boss/a")
        await wait_all_tasks_blocked()
        boss.crash(OSError("x"))
        await boss.wait_stopped()
        assert ref.exit_reason == Shutdown()
        assert trio.current_time() == 2.0
        root.reports.drain()
