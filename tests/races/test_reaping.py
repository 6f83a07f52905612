"""The reaper under control of each step: a deadlock is found in spite of it, and whatever races it, each actor and each task has one outcome."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorInfo,
    Context,
    Limits,
    StartupFailed,
    open_supervisor,
    races,
)
from greenroom.races import Sim

#: When everything happens.
NOW = 2.0


# -- deadlocks


class Starts(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()

    def receive(self, message: Any, ctx: Context) -> None:
        pass


async def stuck(sim: Sim, limits: Limits) -> None:
    async with open_supervisor("stage", limits=limits) as root:
        root.start_soon(Starts, startup_timeout=None)
        await trio.lowlevel.checkpoint()
        await trio.Event().wait()


def test_a_deadlock_is_reported_in_its_very_step_though_the_reaper_is_armed() -> None:
    with_it = races.run(stuck, Limits(stale_after=5.0))
    without = races.run(stuck, Limits(reap_every=None))
    assert with_it.verdict == without.verdict == "deadlock"
    assert with_it.steps == without.steps
    assert str(with_it.error) == str(without.error)


async def forgets(sim: Sim) -> None:
    """Records wait to be forgotten."""
    async with open_supervisor("stage") as root:
        await root.start_soon(Starts).kill()
        assert len(root.ended) == 1
        assert root._slot.runtime.reaper.next_round == 3_601.0
        await trio.Event().wait()


def test_a_deadlock_is_reported_though_there_are_records_to_forget() -> None:
    result = races.run(forgets)
    assert result.verdict == "deadlock"
    assert "no timer runs" in str(result.error)


async def somebody_sleeps(sim: Sim) -> None:
    """As long as somebody waits for a time, the reaper has its rounds before it."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0)) as root:
        ref = root.start_soon(Starts, startup_timeout=None)
        await trio.sleep(5.5)
        assert ref.lifecycle == "initializing"
        await trio.sleep(100)
        assert ref.lifecycle == "failed"
        [record] = root.ended
        assert record.ended == 6.0
        root.reports.drain()


async def called_off(sim: Sim) -> None:
    """What was called off does not come due."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0, retention=0)) as root:
        root.start_soon(Starts, startup_timeout=None).request_stop()
        await trio.sleep(100)
        assert root._slot.runtime.reaper.next_round == float("inf")


@pytest.mark.parametrize("scenario", [somebody_sleeps, called_off])
def test_rounds_come_in_time(scenario: Any) -> None:
    found = races.search(scenario, schedules=30)
    assert found is None, str(found)


async def time_is_a_choice(sim: Sim) -> None:
    """Time that passes while others could go on has its rounds as well."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0)) as root:
        ref = root.start_soon(Starts, startup_timeout=None)
        await trio.sleep(100)
        await ref.wait_stopped()  # nobody would wait for that if the round had not come due
        root.reports.drain()


def test_rounds_come_where_time_is_a_choice() -> None:
    found = races.search(time_is_a_choice, schedules=60, time="choice")
    assert found is None, str(found)


# -- the reaper against the ready transition, a stop, a start by others


class StartsFor(Actor[Any]):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    def receive(self, message: Any, ctx: Context) -> None:
        pass


class StartsForAlone(StartsFor):
    own_task = True


async def a_start_that_is_reaped(sim: Sim) -> None:
    """It becomes ready, is stopped, is granted its permit and is overdue all at the same time: one report, and no permit is lost."""
    limits = Limits(stale_after=1.5, reap_every=NOW, max_concurrent_startups=1)
    kind = sim.choose([StartsFor, StartsForAlone])
    async with open_supervisor("stage", limits=limits) as root, trio.open_nursery() as nursery:
        first = root.start_soon(kind, NOW, name="first")
        second = root.start_soon(kind, 0.0, name="second", restart=sim.choose(["temporary", "transient"]))
        third = root.start_soon(kind, 0.0, name="third")

        async def stop() -> None:
            await trio.sleep(NOW)
            await sim.choose([first, second]).stop()

        async def start() -> None:
            with suppress(StartupFailed):
                await root.start(kind, 0.0, name="fourth")

        nursery.start_soon(stop)
        nursery.start_soon(start)
        await trio.sleep(20)
        told = Counter(report.path for report in root.reports.drain() if not getattr(report, "restarting", False))
        gate: Any = root._slot.runtime.launcher
        assert (gate.in_use, gate.waiting, gate.covered) == (0, 0, 0)
        for ref in (first, second, third):
            ended = ref.lifecycle in {"failed", "stopped", "parked"}
            assert ended or ref.lifecycle == "ready"
            assert told[ref.path] == ended, (ref, told)
        assert len(root._slot.runtime.reaper._watched) == 0
        nursery.cancel_scope.cancel()


def test_a_start_that_is_overdue_when_it_ends_has_one_outcome() -> None:
    found = races.search(a_start_that_is_reaped, schedules=150)
    assert found is None, str(found)


# -- feeds


def shown(info: ActorInfo) -> Any:
    return info.path, info.lifecycle, repr(info.status), tuple(shown(child) for child in info.children)


async def a_feed_that_is_followed(sim: Sim) -> None:
    """A reader is cancelled somewhere and reads on; another never reads; the first has the true last state, and the outcomes are the same."""
    last: list[ActorInfo] = []
    limits = Limits(stale_after=1.5, reap_every=NOW)
    async with open_supervisor("stage", limits=limits) as root, root.subscribe(), trio.open_nursery() as nursery:

        async def follow() -> None:
            async with root.subscribe() as feed:
                while True:
                    with sim.scope("reader"):
                        async for state in feed:
                            last[:] = [state]
                            await trio.lowlevel.checkpoint()

        nursery.start_soon(follow)
        done = root.start_soon(StartsFor, 0.0, name="done", restart="transient")
        root.start_soon(StartsFor, 9.0, name="overdue")
        await trio.sleep(1)
        done.request_stop()
        await trio.sleep(2)
        await trio.lowlevel.checkpoint()
        ended = {record.path: record.lifecycle for record in root.ended}
        assert ended == {"/stage/overdue": "failed"}
        root.delete_child("done")  # of which the reader is told in one step, and not again
        await trio.sleep(1)
        assert shown(last[0]) == shown(root.snapshot())
        root.reports.drain()
        nursery.cancel_scope.cancel()


def test_a_feed_whose_reader_is_cancelled_at_any_step_converges() -> None:
    sweep = races.cancel_everywhere(a_feed_that_is_followed, scope="reader")
    assert sweep.points > 20
    assert not sweep.failures, str(sweep)


def test_a_feed_converges_whatever_the_order() -> None:
    found = races.search(a_feed_that_is_followed, schedules=60)
    assert found is None, str(found)


RUNS: list[Callable[[Sim], Awaitable[None]]] = [a_start_that_is_reaped, somebody_sleeps]


@pytest.mark.parametrize("backend", ["gate", "hook"])
@pytest.mark.parametrize("scenario", RUNS)
def test_both_ways_to_control_steps_know_of_the_reaper(scenario: Any, backend: Any) -> None:
    result = races.run(scenario, backend=backend)
    assert result.verdict == "passed", result.error
