from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildSpec,
    Context,
    Limits,
    PendingInit,
    Service,
    StartupFailed,
    StartupInProgress,
    Supervisor,
    open_supervisor,
)

from .queued import Starts, permits

Log = list[Any]


class OwnStarts(Starts):
    own_task = True


class Plain(Actor[Any]):
    pass


class PlainAgent(Agent[Any]):
    pass


async def function(_ctx: Context) -> None:
    await trio.sleep_forever()


def lives(root: Supervisor) -> list[str]:
    return [ref.lifecycle for ref in root.which_children()]


@pytest.mark.parametrize("kind", [Starts, OwnStarts])
async def test_p6_who_waits_for_a_permit_is_queued_visible_with_the_reason_and_has_not_begun(
    kind: type[Starts],
) -> None:
    log: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=2)) as root:
        refs: list[ActorRef[Any]] = [root.start_soon(kind, 1.0, None, log, name=f"a{i}") for i in range(4)]
        assert lives(root) == ["initializing", "initializing", "queued", "queued"]
        assert refs[2].status == PendingInit()
        info = root.snapshot().find("/stage/a2")
        assert info is not None
        assert info.waiting_for == ("a launch permit",)
        assert refs[2].tell("mail") == 1
        await trio.sleep(0.5)
        assert sorted(log) == ["a0", "a1"]
        await trio.sleep(1)
        assert sorted(log) == ["a0", "a1", "a2", "a3"]
        for ref in refs:
            await ref.wait_ready()
        await wait_all_tasks_blocked()
        assert trio.current_time() == 2.0
        assert log[-1] == "mail"
        assert permits(root) == (0, 0)


async def test_p6_first_come_first_served() -> None:
    log: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        refs = [root.start_soon(Starts, 1.0, None, log, name=f"a{i}") for i in range(6)]
        await refs[-1].wait_ready()
        assert log == [f"a{i}" for i in range(6)]
        assert trio.current_time() == 6.0


async def test_p6_the_deadline_of_a_queued_startup_has_not_begun() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 100.0, startup_timeout=None)
        late = root.start_soon(Starts, 1.0, startup_timeout=2.0)
        await late.wait_ready()
        assert trio.current_time() == 101.0


async def test_p6_who_subscribes_to_a_queued_child_sees_it_begin_and_become_ready() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 1.0)
        ref = root.start_soon(Starts, 1.0)
        async with ref.subscribe() as feed:
            await ref.wait_ready()
            await ref.stop()
            seen = [change.lifecycle async for change in feed]
        assert seen == ["initializing", "ready", "stopping", "stopped"]


@pytest.mark.parametrize("how", ["request_stop", "stop", "kill", "cancelled start"])
async def test_p6_a_queued_child_can_be_cancelled_its_startup_never_begins(how: str) -> None:
    log: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 1.0, name="holder")
        if how == "cancelled start":
            with trio.move_on_after(0.5):
                await root.start(Starts, 1.0, None, log, name="a")
        else:
            ref = root.start_soon(Starts, 1.0, None, log, name="a")
            last: ActorRef[Any] = root.start_soon(Starts, 1.0, None, log, name="b")
            result = getattr(ref, how)()
            if result is not None:
                await result
            await ref.wait_stopped()
            assert trio.current_time() == 0.0
            assert permits(root) == (1, 1)
            await last.wait_ready()
            assert trio.current_time() == 2.0
        assert "a" not in log
        assert "a" not in [ref.name for ref in root.which_children()]


async def test_p6_direct_turns_of_a_queued_agent_are_refused_as_starting() -> None:
    class Slow(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)

    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 1.0)
        ref: ActorRef[Any] = root.start_soon(Slow)
        assert ref.lifecycle == "queued"
        with pytest.raises(StartupInProgress):
            ref.start_turn("x")


class Breaks(Starts):
    def __init__(self) -> None:
        raise OSError("in the factory")


class Slow:
    async def __aenter__(self) -> None:
        await trio.sleep_forever()

    async def __aexit__(self, *_: object) -> None:
        pass


class Serves(Starts):
    def services(self) -> Any:
        return [Service("a", Slow, timeout=2.0)]


class ShieldsItsCleanup(Starts):
    async def startup(self, ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)


def unannounced() -> Any:
    return Plain()


WAYS: list[tuple[Any, str, float]] = [
    (partial(Starts, 1.0), "", 1.0),
    (partial(OwnStarts, 1.0), "", 1.0),
    (partial(Starts, 1.0, OSError("no")), "", 1.0),
    (partial(OwnStarts, 1.0, OSError("no")), "", 1.0),
    (partial(Starts, 1e9), "", 5.0),
    (Breaks, "", 0.0),
    (Serves, "", 2.0),
    (unannounced, "", 0.0),
    (partial(Starts, 1e9), "stop", 1.0),
    (partial(Starts, 1e9), "kill", 1.0),
    (partial(OwnStarts, 1e9), "kill", 1.0),
    (partial(Starts, 1e9), "crash", 1.0),
    (ShieldsItsCleanup, "stop", 4.0),
    (ShieldsItsCleanup, "kill", 4.0),
]


@pytest.mark.parametrize(("factory", "act", "at"), WAYS)
async def test_p6_the_permit_comes_back_when_the_startup_has_really_ended_on_every_path(
    factory: Any, act: str, at: float
) -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        ref = root.start_soon(factory, startup_timeout=5.0)
        log: Log = []
        heir = root.start_soon(Starts, 1.0, None, log)
        assert heir.lifecycle == "queued"

        async def act_on() -> None:
            await trio.sleep(1)
            if act == "crash":
                ref.crash(OSError("x"))
            elif act:
                await getattr(ref, act)()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(act_on)
            async with heir.subscribe() as feed:
                async for change in feed:
                    assert change.lifecycle == "initializing"
                    break
            assert trio.current_time() == at
            assert permits(root) == (1, 0)
        await heir.wait_ready()
        assert permits(root) == (0, 0)
        root.reports.drain()


@pytest.mark.parametrize("factory", [Plain, PlainAgent, function])
async def test_p6_what_has_nothing_to_start_takes_no_permit(factory: Any) -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        root.start_soon(Starts, 100.0, startup_timeout=None)
        ref: Any = await root.start(factory)
        assert trio.current_time() == 0.0
        assert ref.lifecycle == "ready"


async def test_p6_declared_children_go_through_the_gate_in_their_order() -> None:
    log: Log = []
    specs = [
        ChildSpec("deferred0", Starts, (1.0, None, log), startup="deferred"),
        ChildSpec("deferred1", Starts, (1.0, None, log), startup="deferred"),
        ChildSpec("inline", Starts, (1.0, None, log)),
    ]
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1), children=specs) as root:
        assert log == ["deferred0", "deferred1", "inline"]
        assert trio.current_time() == 3.0
        assert lives(root) == ["ready"] * 3


async def test_p6_a_restart_waits_at_the_gate_like_any_start() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        ref = await root.start(Starts, 1.0, restart="permanent")
        other = root.start_soon(Starts, 3.0)
        ref.crash(OSError("x"))
        await wait_all_tasks_blocked()
        assert (ref.lifecycle, ref.incarnation) == ("queued", 2)
        await ref.wait_ready()
        assert trio.current_time() == 5.0
        assert other.lifecycle == "ready"
        root.reports.drain()


async def test_p6_a_queued_restart_can_be_stopped_and_is_parked() -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        ref = await root.start(OwnStarts, 1.0, restart="permanent")
        root.start_soon(Starts, 3.0)
        ref.crash(OSError("x"))
        await wait_all_tasks_blocked()
        await ref.stop()
        assert ref.lifecycle == "parked"
        assert permits(root) == (1, 0)
        root.reports.drain()


async def test_p6_a_tree_ends_with_a_full_gate_and_a_long_queue() -> None:
    log: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=2)) as root:
        for i in range(50):
            root.start_soon(OwnStarts if i % 2 else Starts, 1e6, None, log, startup_timeout=None)
        await wait_all_tasks_blocked()
        keep = root
    assert permits(keep) == (0, 0)
    assert len(log) == 2


async def test_p6_a_hundred_children_never_exceed_the_gate() -> None:
    running = 0
    most = 0

    class Counts(Actor[Any]):
        def __init__(self, i: int) -> None:
            self.i = i

        async def startup(self, ctx: Context) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await trio.sleep(self.i % 7 / 10)
                if self.i % 5 == 0:
                    raise OSError("x")
            finally:
                running -= 1

    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=4)) as root:
        refs = [root.start_soon(Counts, i) for i in range(100)]
        for ref in refs:
            with suppress(StartupFailed):
                await ref.wait_ready()
        assert most == 4
        assert permits(root) == (0, 0)
        root.reports.drain()
