"""The reaper: it ends what is overdue and forgets what is old, with nobody looking."""

import logging
from contextlib import suppress
from math import inf
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ChildEnded,
    ChildrenFailed,
    ChildSpec,
    ChildStartupFailed,
    Context,
    Errored,
    Intensity,
    InvalidSpec,
    Killed,
    Limits,
    RestartIntensityExceeded,
    Service,
    StartupFailed,
    Supervisor,
    open_supervisor,
)

from .slow import FOR_EVER, Answers, Plain, Starts, StartsAlone, limits, next_round, reports


class Clings:
    """Be a service that is slow to close."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        await trio.sleep(FOR_EVER)


ALL = pytest.mark.parametrize("kind", [Starts, StartsAlone])


def lives(root: Supervisor) -> dict[str, str]:
    return {ref.name: ref.lifecycle for ref in root.which_children()}


# -- what is overdue, and what ends it


@ALL
async def test_a_startup_that_is_overdue_has_failed_and_the_parent_is_told(kind: Any) -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        ref = root.start_soon(kind, name="slow", startup_timeout=None)
        await trio.sleep(10.9)
        assert ref.lifecycle == "initializing"
        await trio.sleep(0.1)
        await wait_all_tasks_blocked()
        assert (ref.lifecycle, ref.is_alive) == ("failed", False)
        assert lives(root) == {}
        [report] = reports(root)
        assert isinstance(report, ChildStartupFailed)
        assert str(report) == "/stage/slow: failed to initialize: overdue: initializing for longer than 10 s"
        assert isinstance(report.error, TimeoutError)
        assert not report.restarting
        assert isinstance(ref.status, Errored)


async def test_who_awaits_a_start_that_is_overdue_is_told_that_it_failed_and_nobody_else() -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        with pytest.raises(StartupFailed, match="overdue: initializing for longer than 10 s"):
            await root.start(Starts, startup_timeout=None)
        assert trio.current_time() == 11.0
        assert reports(root) == []
        assert root.ended == ()


async def test_an_inline_child_that_is_overdue_fails_its_supervisor() -> None:
    children = [ChildSpec("slow", Starts, startup_timeout=None)]
    with pytest.raises(StartupFailed, match="overdue: initializing") as caught:
        async with open_supervisor("stage", limits=limits(), children=children):
            raise AssertionError("it has been entered")
    assert isinstance(caught.value.error, ChildrenFailed)
    assert trio.current_time() == 11.0


async def test_a_permanent_child_that_is_overdue_is_started_again_until_its_parent_has_had_enough() -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- leaving the block raises
        async with open_supervisor("stage", limits=limits(), intensity=Intensity(1, within=1.0)) as root:
            root.start_soon(Starts, name="slow", restart="permanent", startup_timeout=None)
            await trio.sleep_forever()
    assert caught.group_contains(RestartIntensityExceeded)
    # Overdue at 10, ended at 11 and started again; overdue at 21, ended at 22: two attempts in a row.
    assert trio.current_time() == 22.0


@ALL
async def test_a_child_that_is_queued_for_a_permit_for_too_long_has_failed_and_lets_others_pass(kind: Any) -> None:
    async with open_supervisor("stage", limits=limits(max_concurrent_startups=1)) as root:
        root.start_soon(kind, 7.5, name="holder")
        second = root.start_soon(kind, 7.5, name="second")
        third = root.start_soon(kind, 1.0, name="third")
        await trio.sleep(5)
        fourth = root.start_soon(kind, 1.0, name="fourth")
        await trio.sleep(6)
        await wait_all_tasks_blocked()
        assert (second.lifecycle, third.lifecycle, fourth.lifecycle) == ("initializing", "failed", "queued")
        [report] = reports(root)
        assert str(report) == "/stage/third: failed to initialize: overdue: queued for longer than 10 s"
        await second.wait_ready()
        await fourth.wait_ready()
        assert trio.current_time() == 16.0  # each has its own time in each state
        gate: Any = root._slot.runtime.launcher
        assert (gate.in_use, gate.waiting, gate.covered) == (0, 0, 0)


async def test_who_awaits_a_child_that_is_queued_for_too_long_is_told() -> None:
    async with open_supervisor("stage", limits=limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 9.0, name="holder")
        root.start_soon(Starts, 9.0, name="next")
        with pytest.raises(StartupFailed, match="overdue: queued for longer than 10 s"):
            await root.start(StartsAlone, 0.0)
        assert reports(root) == []


async def test_declared_children_that_wait_for_their_turn_are_not_overdue() -> None:
    children = [ChildSpec(f"c{number}", Starts, args=(6.0,)) for number in range(4)]
    async with open_supervisor("stage", limits=limits(), children=children) as root:
        assert trio.current_time() == 24.0
        assert set(lives(root).values()) == {"ready"}
        assert next_round(root) == inf


async def test_a_declared_child_waits_for_its_permit_only_from_when_its_turn_has_come() -> None:
    shown: list[Any] = []

    async def watch(supervisor: Supervisor) -> None:
        await trio.sleep(16)
        shown.extend(supervisor.which_children())
        shown.append([(child.lifecycle, child.stale) for child in supervisor.snapshot().children])

    children = [
        ChildSpec("first", Starts, args=(9.0,)),
        ChildSpec("holder", Starts, args=(9.0,), startup="deferred"),
        ChildSpec("last", Starts, args=(0.0,)),
    ]
    opened: list[Supervisor] = []
    async with trio.open_nursery() as nursery:

        def on_open(supervisor: Supervisor) -> None:
            opened.append(supervisor)
            nursery.start_soon(watch, supervisor)

        async with open_supervisor(
            "stage", limits=limits(max_concurrent_startups=1), children=children, on_open=on_open
        ) as root:
            assert shown[-1] == [("ready", False), ("initializing", False), ("queued", False)]
            assert set(lives(root).values()) == {"ready"}


async def test_the_root_is_never_overdue_and_shows_so() -> None:
    children = [ChildSpec(f"c{number}", Starts, args=(9.0,)) for number in range(3)]
    stale: list[bool] = []

    async def look(supervisor: Supervisor) -> None:
        await trio.sleep(15)
        stale.extend(info.stale for info in supervisor.snapshot().walk())

    async with (
        trio.open_nursery() as nursery,
        open_supervisor("stage", limits=limits(), children=children, on_open=lambda it: nursery.start_soon(look, it)),
    ):
        # Nor is the third of its children, which has waited for its turn all the time.
        assert stale == [False] * 4


@ALL
async def test_a_drain_that_takes_too_long_becomes_a_kill(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with open_supervisor("stage", limits=limits()) as root:
        ref = await root.start(kind, 0.0, name="busy", restart="permanent")
        for _ in range(5):
            ref.tell(4.0)
        await trio.sleep(0.5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.drain)
            await trio.sleep(10)
            assert ref.lifecycle == "draining"
        assert trio.current_time() == 11.0
        assert ref.lifecycle == "parked"
        assert ref.exit_reason == Killed("overdue: draining for longer than 10 s")
        [report] = reports(root)
        assert isinstance(report, ChildEnded)
        assert report.reason == ref.exit_reason
        assert not report.restarting
        assert root.dead_letters.counts == {"stopped": 2}
        assert "/stage/busy: overdue: draining for longer than 10 s; killed" in caplog.text


@ALL
async def test_a_stop_that_takes_too_long_is_cut_short(kind: Any) -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        ref = await root.start(kind, 0.0, name="busy", shutdown=None)
        ref.tell(FOR_EVER)
        await trio.sleep(0.5)
        await ref.stop()
        assert trio.current_time() == 11.0
        assert ref.exit_reason == Killed("overdue: stopping for longer than 10 s")


@ALL
async def test_a_hook_that_takes_too_long_is_cancelled(kind: Any) -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        ref = await root.start(kind, 0.0, FOR_EVER, name="busy", shutdown=None)
        await trio.sleep(0.5)
        await ref.stop()
        assert trio.current_time() == 11.0
        assert isinstance(ref.exit_reason, Killed)


async def test_a_service_that_takes_too_long_to_close_is_cancelled_and_so_it_is_by_a_kill() -> None:
    class Closes(Actor[Any]):
        def services(self) -> list[Service[Any]]:
            return [Service("db", connect=Clings)]

        def receive(self, message: Any, ctx: Context) -> None:
            pass

    async with open_supervisor("stage", limits=limits()) as root:
        one = await root.start(Closes, name="one", shutdown=None)
        two = await root.start(Closes, name="two", shutdown=None)
        await trio.sleep(0.5)
        one.request_stop()
        two.request_stop()
        await trio.sleep(0.5)
        await two.kill()
        assert trio.current_time() == 6.0
        await one.wait_stopped()
        assert trio.current_time() == 11.0


async def test_the_children_of_a_startup_that_is_overdue_end_before_it() -> None:
    class Parent(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Plain, name="child")
            await trio.sleep(FOR_EVER)

        def receive(self, message: Any, ctx: Context) -> None:
            pass

    async with open_supervisor("stage", limits=limits()) as root:
        ref = root.start_soon(Parent, name="parent", startup_timeout=None)
        with suppress(StartupFailed):
            await ref.wait_ready()
        assert [record.path for record in root.ended] == ["/stage/parent"]
        assert root._slot.runtime.alive == 1
        reports(root)


@pytest.mark.parametrize("services", [[], [Service("db", connect=Clings)]])
async def test_a_failed_startup_that_does_not_end_is_cut_short(services: list[Service[Any]]) -> None:
    class Fails(Starts):
        def services(self) -> list[Service[Any]]:
            return services

        async def startup(self, ctx: Context) -> None:
            raise OSError("no")

    async with open_supervisor("stage", limits=limits()) as root:
        ref = root.start_soon(Fails, 0.0, 0.0 if services else FOR_EVER, name="slow", shutdown=None)
        await ref.wait_stopped()
        assert trio.current_time() == 11.0
        [report] = reports(root)
        assert str(report) == "/stage/slow: failed to initialize: OSError: no"


async def test_a_stop_that_came_first_wins_over_the_reaper() -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        ref = root.start_soon(Starts, name="slow", startup_timeout=None)
        await trio.sleep(10.5)
        await ref.stop()
        assert [type(report) for report in reports(root)] == [ChildEnded]
        await trio.sleep(5)
        assert reports(root) == []


async def test_ready_children_are_left_alone_however_long_their_work_takes() -> None:
    async with open_supervisor("stage", limits=limits()) as root:
        refs: list[ActorRef[Any]] = [await root.start(Starts, 0.0), await root.start(Answers)]
        for ref in refs:
            ref.tell(100.0)
        await trio.sleep(99)
        assert [ref.lifecycle for ref in refs] == ["ready", "ready"]
        assert next_round(root) == inf


# -- limits


@pytest.mark.parametrize("value", [0, -1, inf, True, "1"])
def test_wrong_times_are_refused(value: Any) -> None:
    for field in ("reap_every", "stale_after"):
        with pytest.raises(InvalidSpec, match=rf"Limits\.{field}: .* above 0; None means never"):
            Limits(**{field: value})


@pytest.mark.parametrize("value", [-1, inf, True, "1"])
def test_a_wrong_retention_is_refused(value: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"Limits\.retention: .* from 0"):
        Limits(retention=value)


def test_the_defaults_are_those_of_the_page() -> None:
    assert (Limits().reap_every, Limits().stale_after, Limits().retention) == (1.0, None, 3_600.0)
