"""Heartbeats, and what counts as the time of a message."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorStopped, Context, HandlerOverdue, Limits, Shutdown
from greenroom.testing import open_tree

from .watched import KINDS, Plain, Turns, Work, ask, overdue

Log = list[Any]


# -- heartbeats


@pytest.mark.parametrize("kind", KINDS)
async def test_a_heartbeat_begins_the_time_anew(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, Log(), handler_timeout=5.0, on_overdue="restart", restart="permanent")
        assert await ask(ref, Work(16.0, (4.0, None), (8.0, None), (12.0, None))) == "done"
        assert overdue(caplog) == []
        got = await ask(ref, Work(100.0, (4.0, None)))
        assert isinstance(got, ActorStopped)
        assert trio.current_time() == 25
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_declared_long_work_has_the_seconds_that_it_has_declared(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, Log(), handler_timeout=5.0, on_overdue="restart", restart="permanent")
        assert await ask(ref, Work(60.0, (0.0, 61.0))) == "done"
        got = await ask(ref, Work(100.0, (1.0, 30.0)))
        assert isinstance(got, ActorStopped)
        assert trio.current_time() == 91
        # Of another message it is no concern, also not when it would have lasted longer.
        assert await ask(ref, Work(10.0, (0.5, 1_000.0))) == "done"
        got = await ask(ref, Work(100.0))
        assert trio.current_time() == 106
        root.reports.drain()


@pytest.mark.parametrize("extend", [0, 0.0, 1.0, 3.9])
async def test_a_heartbeat_takes_nothing_away(extend: float) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Plain, Log(), handler_timeout=5.0, on_overdue="cancel")
        await ask(ref, Work(100.0, (1.0, extend)))
        assert trio.current_time() == 5
        assert await ask(ref, Work(29.0, (0.0, 30.0), (1.0, None), (2.0, extend))) == "done"


async def test_a_heartbeat_comes_from_any_task_of_the_actor_and_does_nothing_where_nothing_is_in_hand() -> None:
    class Beats(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.heartbeat(1_000.0)
            ctx.run_in_background(self.beat, ctx)

        async def beat(self, ctx: Context) -> None:
            for _ in range(5):
                await trio.sleep(3)
                ctx.heartbeat()

        async def receive(self, message: Any, ctx: Context) -> None:
            await trio.sleep_forever()

    async with open_tree("stage") as root:
        free = await root.start(Beats)  # no limit at all
        ref = await root.start(Beats, handler_timeout=5.0, on_overdue="cancel")
        with pytest.raises(HandlerOverdue):
            await ref.ask(Work(0.0))
        assert trio.current_time() == 20
        assert free.is_alive


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "5", True, [], {}, -0.1, 1j, object()])
async def test_a_heartbeat_for_no_number_of_seconds_is_refused(bad: Any) -> None:
    errors = Log()

    class Beats(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            try:
                ctx.heartbeat(bad)
            except (ValueError, TypeError) as error:
                errors.append(str(error))

    async with open_tree("stage") as root:
        ref = await root.start(Beats)
        ref.tell(1)
        await wait_all_tasks_blocked()
    assert "heartbeat: extend" in errors[0]


async def test_a_heartbeat_of_an_incarnation_that_has_ended_is_refused() -> None:
    kept: list[Context] = []

    class Keeps(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            kept.append(ctx)

    async with open_tree("stage") as root:
        ref = await root.start(Keeps)
        ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.stop()
        with pytest.raises(ActorStopped):
            kept[0].heartbeat()


# -- what counts as its time


async def test_what_it_waits_for_counts_as_its_time() -> None:
    class Asks(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            return await message.ask(Work(100.0))

    async with open_tree("stage") as root:
        slow: Any = await root.start(Plain, Log())
        ref: Any = await root.start(Asks, handler_timeout=5.0, on_overdue="cancel")
        with pytest.raises(HandlerOverdue):
            await ref.ask(slow)
        assert trio.current_time() == 5


async def test_a_turn_that_waits_for_its_permit_has_not_begun(caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage", limits=Limits(max_running_turns=1)) as root:
        first = await root.start(Turns, Log())
        second = await root.start(Turns, Log(), handler_timeout=5.0)
        first.tell(Work(50.0))
        await wait_all_tasks_blocked()
        second.tell(Work(4.0))
        await trio.sleep(100)
        assert overdue(caplog) == []
        root.reports.drain()


async def test_startup_and_shutdown_have_their_own_deadlines(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(20)

        async def receive(self, message: Any, ctx: Context) -> None:
            await trio.sleep(message)

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(20)

    async with open_tree("stage") as root:
        ref = root.start_soon(Slow, handler_timeout=5.0, on_overdue="restart", shutdown=None, mail=1.0)
        await ref.wait_ready()
        await ref.stop()
        assert ref.exit_reason == Shutdown()
        assert trio.current_time() == 41
    assert overdue(caplog) == []


async def test_a_function_is_judged_from_one_receive_to_the_next_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def slow(ctx: Context) -> None:
        await trio.sleep(50)
        await ctx.receive()
        await trio.sleep(4)
        await ctx.receive()
        await trio.sleep(6)

    async with open_tree("stage") as root:
        ref = root.start_soon(slow, handler_timeout=5.0)
        ref.tell(1)
        await trio.sleep(100)
        assert overdue(caplog) == []
        ref.tell(2)
        await ref.wait_stopped()
        assert len(overdue(caplog)) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_message_that_crashes_leaves_no_time_to_the_next_incarnation(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, Log(), restart="permanent", handler_timeout=5.0, on_overdue="restart")
        ref.tell(Work(100.0))
        await trio.sleep(3)
        ref.crash(OSError("x"))
        await wait_all_tasks_blocked()
        ref.tell(Work(4.0))
        await trio.sleep(50)
        assert ref.incarnation == 2
        ref.tell(Work(4.0))
        await trio.sleep(50)
        assert overdue(caplog) == []
        root.reports.drain()


async def test_an_actor_without_a_limit_has_no_watchdog_and_one_with_a_limit_one_timer_whatever_comes() -> None:
    added: Log = []
    async with open_tree("stage") as root:
        runtime = root._slot.runtime
        add_chore = runtime.deadlines.add_chore

        def counted(when: float, action: Any, label: str) -> Any:
            added.append(label)
            return add_chore(when, action, label)

        runtime.deadlines.add_chore = counted  # type: ignore[method-assign]
        free = await root.start(Plain, Log())
        watched = await root.start(Plain, Log(), name="watched", handler_timeout=5.0)
        for ref in (free, watched):
            for _ in range(1_000):
                await ask(ref, Work(0.0))
        assert free._slot.more is None or free._slot.more.watchdog is None
        assert added == ["watchdog of watched"]
        await ask(watched, Work(4.0))
        await ask(watched, Work(4.0))
        assert len(added) == 2
        await trio.sleep(100)
        assert len(added) == 2
        await ask(watched, Work(1.0))
        timers = [timer for _, _, timer in runtime.deadlines._heap if timer.label == "watchdog of watched"]
        assert [timer.is_wanted for timer in timers].count(True) == 1
        await watched.stop()
        assert not any(timer.is_wanted for timer in timers)
