"""The reaper: it ends what is overdue and forgets what is old, with nobody looking."""

import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildEnded,
    ChildrenFailed,
    ChildSpec,
    ChildStartupFailed,
    Completed,
    Context,
    Errored,
    Intensity,
    InvalidSpec,
    Killed,
    Limits,
    Report,
    RestartIntensityExceeded,
    Service,
    Shutdown,
    StartupFailed,
    Supervisor,
    Turn,
    open_supervisor,
)

FOR_EVER = 1e5


class Starts(Actor[Any]):
    """Take some time to start, and to handle a number; its hook may take time as well."""

    def __init__(self, seconds: float = FOR_EVER, hook: float = 0.0) -> None:
        self.seconds, self.hook = seconds, hook

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def receive(self, message: float, ctx: Context) -> None:
        await trio.sleep(message)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(self.hook)


class StartsAlone(Starts):
    own_task = True


class Clings:
    """Be a service that is slow to close."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        await trio.sleep(FOR_EVER)


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        pass


class Answers(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        if isinstance(turn.mail[0].message, float):
            await trio.sleep(turn.mail[0].message)
        return turn.mail[0].message


ALL = pytest.mark.parametrize("kind", [Starts, StartsAlone])


def limits(stale_after: float | None = 10.0, **others: Any) -> Limits:
    return Limits(stale_after=stale_after, **others)


def next_round(root: Supervisor) -> float:
    return root._slot.runtime.reaper.next_round


def reports(root: Supervisor) -> list[Report]:
    return root.reports.drain()


def lives(root: Supervisor) -> dict[str, str]:
    return {ref.name: ref.lifecycle for ref in root.which_children()}


async def run_at(when: float, call: Callable[[], Awaitable[Any]]) -> None:
    await trio.sleep_until(when)
    await call()


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


# -- rounds


async def test_rounds_are_whole_multiples_of_reap_every_from_the_opening() -> None:
    await trio.sleep(0.3)
    ends: dict[str, float] = {}

    async def note_end(ref: ActorRef[Any]) -> None:
        await ref.wait_stopped()
        ends[ref.name] = round(trio.current_time() - 0.3, 6)

    async with open_supervisor("stage", limits=limits(2.0, reap_every=0.75)) as root, trio.open_nursery() as nursery:
        for name, after in (("a", 0.0), ("b", 0.2), ("c", 0.2), ("d", 0.1)):
            await trio.sleep(after)
            nursery.start_soon(note_end, root.start_soon(Starts, name=name))
        await trio.sleep(4)
        reports(root)
    # Overdue at 2, 2.2, 2.4 and 2.5: the first two in the third round, the others in the next.
    assert ends == {"a": 2.25, "b": 2.25, "c": 3.0, "d": 3.0}


async def test_what_is_due_at_a_round_is_not_overdue_before_the_next() -> None:
    async with open_supervisor("stage", limits=limits(1.0)) as root:
        ref = root.start_soon(Starts)
        assert next_round(root) == 2.0
        await trio.sleep(1.0)
        assert not root.snapshot().children[0].stale
        await trio.sleep(0.5)
        assert root.snapshot().children[0].stale
        assert ref.lifecycle == "initializing"
        await trio.sleep(0.5)
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "failed"
        reports(root)


@pytest.mark.parametrize("every", [0.1, 0.3, 0.7, 1 / 3])
@pytest.mark.parametrize("stale_after", [0.1, 0.3, 0.7, 1.1])
async def test_each_round_finds_what_it_was_set_for_however_numbers_are_rounded(
    every: float, stale_after: float
) -> None:
    await trio.sleep(0.1)
    async with open_supervisor("stage", limits=limits(stale_after, reap_every=every)) as root:
        for _ in range(20):
            begun = trio.current_time()
            with suppress(StartupFailed):
                await root.start(Starts)
            assert stale_after < trio.current_time() - begun <= stale_after + every + 1e-6
            await trio.sleep(0.1)


async def test_the_timer_stands_only_while_something_can_become_overdue() -> None:
    async with open_supervisor("stage", limits=limits(retention=0)) as root:
        assert next_round(root) == inf
        ref = root.start_soon(Starts, 2.0, 2.0)
        assert next_round(root) == 11.0
        await ref.wait_ready()
        assert next_round(root) == inf
        ref.tell(2.0)
        await trio.sleep(1)
        ref.request_stop()
        assert next_round(root) == 14.0
        await ref.wait_stopped()
        assert next_round(root) == inf
        for _ in range(3):
            root.start_soon(Plain).request_stop()
        await wait_all_tasks_blocked()
        assert next_round(root) == inf
        assert len(root._slot.runtime.reaper._watched) == 0
        reports(root)


async def test_an_idle_tree_with_an_armed_reaper_wakes_once() -> None:
    rounds: list[float] = []
    async with open_supervisor("stage", limits=limits()) as root:
        reaper: Any = root._slot.runtime.reaper
        usual = reaper._round
        reaper._round = lambda: (rounds.append(trio.current_time()), usual())
        root.start_soon(Starts)
        root.start_soon(Starts)
        await trio.sleep(10_000)
        # Then the records of both are forgotten.
        assert rounds == [11.0, 3612.0]
        reports(root)


async def test_without_a_reaper_what_is_overdue_is_shown_and_goes_on() -> None:
    async with open_supervisor("stage", limits=limits(reap_every=None)) as root:
        ref = root.start_soon(Starts, 100.0, startup_timeout=None)
        await trio.sleep(50)
        assert root.snapshot().children[0].stale
        await ref.wait_ready()
        assert trio.current_time() == 100.0
        assert ref.crash(OSError("x"))
        await ref.wait_stopped()
        assert next_round(root) == inf
        await trio.sleep(80_000)
        reports(root)
        assert root.ended == ()  # old, though nobody has forgotten it


async def ends_of(reads: int) -> dict[str, tuple[float, str]]:
    """Return when and how the children of a tree ended, while somebody reads so often."""
    ends: dict[str, tuple[float, str]] = {}
    begun = trio.current_time()

    async def note_end(ref: ActorRef[Any]) -> None:
        ends[ref.name] = (-1.0, "lives")
        reason = await ref.wait_stopped()
        ends[ref.name] = (round(trio.current_time() - begun, 6), str(reason))

    async with open_supervisor("stage", limits=limits(3.0, max_concurrent_startups=2)) as root:
        async with trio.open_nursery() as nursery:
            for number, (seconds, hook) in enumerate(
                [(FOR_EVER, 0.0), (1.0, FOR_EVER), (2.5, 0.0), (9.0, 0.0), (0.0, 9.0)]
            ):
                ref = root.start_soon(Starts, seconds, hook, name=f"c{number}", shutdown=None)
                nursery.start_soon(note_end, ref)
                nursery.start_soon(run_at, begun + 6.5, ref.stop)
            for _ in range(reads):
                await trio.sleep(20 / reads)
                root.snapshot()
                root.count_children()
                assert all(ref.status for ref in root.which_children())
            await trio.sleep(80_000)
        reports(root)
    return ends


async def test_the_reaper_reaps_at_the_same_times_with_no_reader_and_with_10000_reads() -> None:
    alone = await ends_of(0)
    assert await ends_of(10_000) == alone
    assert {when for when, _ in alone.values()} == {4.0, 6.5, 10.0}, alone


# -- records


async def test_how_an_agent_ended_can_be_looked_up_for_an_hour() -> None:
    async with open_supervisor("stage") as root:
        agent = root.start_soon(Answers, name="agent", labels={"role": "critic"})
        await trio.sleep(5)
        await agent.run_turn("done")
        await agent.stop()
        [record] = root.ended
        assert (record.path, record.name, record.uid, record.incarnation) == ("/stage/agent", "agent", agent.uid, 1)
        assert (record.kind, record.lifecycle, record.labels) == ("agent", "stopped", {"role": "critic"})
        assert (record.status, record.last_turn) == (Shutdown(Shutdown().detail), Completed("done"))
        assert (record.reason, record.by) == (agent.exit_reason, "outside")
        assert (record.registered, record.ended) == (0.0, 5.0)
        await trio.sleep(3_600)
        assert root.ended == (record,)
        await trio.sleep(0.01)
        assert root.ended == ()


async def test_records_are_forgotten_with_nobody_looking() -> None:
    class Result:
        pass

    async def works(_ctx: Context) -> Result:
        return Result()

    async with open_supervisor("stage", limits=Limits(retention=7.0)) as root:
        ref: Any = root.start_soon(works)
        await ref.wait_stopped()
        [record] = root.ended
        assert isinstance(record.status, Completed)
        result = weakref.ref(record.status.result)
        del record, ref
        reports(root)
        await trio.sleep(7.5)
        gc.collect()
        assert result() is not None
        await trio.sleep(0.5)
        await wait_all_tasks_blocked()
        gc.collect()
        assert result() is None
        assert next_round(root) == inf


async def test_all_that_is_old_is_forgotten_in_one_round() -> None:
    async with open_supervisor("stage", limits=Limits(retention=7.0, reap_every=1_000.0)) as root:
        for _ in range(3):
            await root.start_soon(Answers).stop()
            await trio.sleep(1)
        await trio.sleep_until(1_000)
        await wait_all_tasks_blocked()
        assert len(root._slot.runtime.reaper.records) == 0
        reports(root)


async def test_which_ends_leave_a_record() -> None:
    async def function(_ctx: Context) -> str:
        return "result"

    async with open_supervisor("stage") as root:
        for name in ("plain", "failed"):
            await root.start(Plain, name=name)
        root.start_soon(function, name="function")
        await root.start(StartsAlone, 0.0, name="alone")
        await root.start(Answers, name="parked", restart="permanent")
        await root.lookup("plain").stop()
        root.lookup("failed").crash(OSError("no"))
        await root.lookup("alone").kill()
        await root.terminate_child("parked")
        with pytest.raises(StartupFailed):
            await root.start(Starts, name="awaited", startup_timeout=1.0)
        assert [record.name for record in root.ended] == ["function", "failed", "alone"]
        root.delete_child("parked")
        assert root.ended[-1].name == "parked"
        assert (root.ended[-1].by, root.ended[0].by) == ("outside", "itself")
        reports(root)


async def test_a_record_is_there_when_the_parent_hears_of_the_end() -> None:
    seen: list[Any] = []
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:

        async def read() -> None:
            report = await root.reports.receive()
            seen.append((report.path, [record.path for record in root.ended]))

        nursery.start_soon(read)
        root.start_soon(Answers, name="agent").request_stop()
    assert seen == [("/stage/agent", ["/stage/agent"])]


async def test_at_most_1000_records_are_kept_and_the_oldest_go_first() -> None:
    async def function(_ctx: Context) -> None:
        pass

    async with open_supervisor("stage", limits=Limits(retention=None)) as root:
        for number in range(1_005):
            root.start_soon(function, name=f"f{number}")
            if number == 4:
                await trio.sleep(1)  # those five end before the others
        await trio.sleep(80_000)
        assert {record.name for record in root.ended} == {f"f{number}" for number in range(5, 1_005)}
        assert next_round(root) == inf
        reports(root)


async def test_only_those_below_are_told_of_and_they_can_be_read_after_the_end() -> None:
    async def parent(ctx: Context) -> None:
        await (await ctx.start(Answers, name="child")).stop()
        await trio.sleep_forever()

    async with open_supervisor("stage") as root:
        ref = root.start_soon(parent, name="parent")
        await trio.sleep(1)
        assert [record.path for record in root.ended] == ["/stage/parent/child"]
        assert ref.is_alive
    assert [record.path for record in root.ended] == ["/stage/parent/child", "/stage/parent"]
    assert next_round(root) == inf


async def test_with_a_retention_of_0_nothing_is_kept() -> None:
    async with open_supervisor("stage", limits=Limits(retention=0)) as root:
        await root.start_soon(Answers).stop()
        assert root.ended == ()
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
