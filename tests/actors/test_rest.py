"""Rest and waking (section 8): what rests, when, and what wakes it."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ChildEnded,
    ChildSpec,
    Completed,
    Context,
    Down,
    Idle,
    Intensity,
    MailboxFull,
    MailboxSpec,
    Rested,
    Service,
    StartupInProgress,
    Turn,
)
from greenroom.actors._deadlines import Deadlines
from greenroom.testing import open_tree

from .sleeper import Say, Sleeper, doze, own_kind, put_to_bed

Log = list[Any]
settle = wait_all_tasks_blocked


@pytest.fixture
def kind() -> type[Sleeper]:
    return own_kind()


# -- going to rest


async def test_an_idle_agent_rests_without_report_or_down_and_keeps_its_place(kind: Any) -> None:
    """Section 8: it is no end."""
    log: Log = []
    downs: Log = []

    class Watches(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            if isinstance(message, Down):
                downs.append((message.ref, message.reason))
            else:
                ctx.monitor(message)

    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a")
        pin = ref.pin()
        watcher = await root.start(Watches)
        watcher.tell(ref)
        watcher.tell(pin)
        await settle()
        ref.rest()
        assert ref.lifecycle == "resting"  # at once
        await settle()
        assert log == ["new", Rested()]
        assert root.reports.drain() == []
        assert downs == [(pin, Rested())]
        assert root.lookup("/stage/a") is ref
        assert (ref.is_alive, ref.status, ref.exit_reason) == (True, Idle(), None)
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert (info.lifecycle, info.restarts, info.rests, info.stale) == ("resting", 0, 1, False)
        assert info.last_exit == "rested: by outside"
        assert root.tree().find("/stage/a") == root.snapshot().find("/stage/a")
        assert root.count_children()["active"] == 2
        assert root.ended == ()


async def test_its_services_are_closed_and_its_task_has_ended_before_it_lies() -> None:
    closed: Log = []

    class Connects(Sleeper):
        def services(self) -> list[Service[Any]]:
            return [Service("db", connect=connect)]

    from collections.abc import AsyncGenerator
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def connect() -> AsyncGenerator[int]:
        try:
            yield len(closed)
        finally:
            await trio.sleep(1)
            closed.append(trio.current_time())

    async with open_tree("stage") as root:
        ref = await root.start(Connects)
        before = trio.current_time()
        ref.rest()
        await trio.sleep(0.5)
        assert ref._slot.actor is not None
        ref.tell("early")  # while its service is being closed
        await trio.sleep(0.5)
        await settle()
        assert closed == [before + 1]
        assert ref.incarnation == 2
        assert ref.lifecycle == "ready"
        root.reports.drain()


@pytest.mark.parametrize("wake", ["tell", "send", "ask", "urgent", "wait_ready", "start_turn"])
async def test_what_asks_for_a_turn_wakes_it_and_waits_meanwhile(kind: Any, wake: str) -> None:
    log: Log = []
    kind.starting = 5.0
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a")
        await put_to_bed(ref)
        ref.tell("kept", trigger_turn=False)
        await settle()
        assert ref.lifecycle == "resting"
        before = trio.current_time()
        match wake:
            case "tell":
                ref.tell("x")
            case "urgent":
                ref.tell("x", urgent=True)
            case "send":
                await ref.send("x")
            case "ask":
                assert len(await ref.ask(Say())) == 2
            case "wait_ready":
                await ref.wait_ready()
            case _:
                with pytest.raises(StartupInProgress, match="startup is still in progress") as caught:
                    ref.start_turn("x")
                assert caught.value.message == "x"
        if wake in ("tell", "send", "urgent", "start_turn"):
            assert ref.lifecycle == "initializing"
        await ref.wait_ready()
        assert trio.current_time() == before + 5
        await settle()
        assert log[:3] == ["new", Rested(), "wake"]
        if wake in ("tell", "send"):
            assert log[3] == (2, ["kept", "x"])
        if wake in ("wait_ready", "start_turn"):
            assert len(log) == 3
            assert await ref.run_turn("y") == ["y"]
            root.expect_dead_letters("stopped", 1)
        root.reports.drain()


async def test_queue_only_mail_neither_wakes_nor_keeps_it(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log)
        ref.tell("before", trigger_turn=False)
        await put_to_bed(ref)
        ref.tell("after", trigger_turn=False)
        await ref.send("last", trigger_turn=False)
        await trio.sleep(100)
        assert (ref.lifecycle, ref._slot.box.waiting) == ("resting", 3)
        ref.tell("go")
        await settle()
        assert log[-1] == (2, ["before", "after", "last", "go"])
        root.reports.drain()


async def test_mail_while_it_is_being_put_to_rest_goes_to_the_next_incarnation(kind: Any) -> None:
    log: Log = []
    kind.ending = 2.0
    async with open_tree("stage") as root:
        ref = await root.start(kind, log)
        ref.rest()
        assert ref.tell("at once") == 1
        await trio.sleep(1)
        assert ref.lifecycle == "resting"
        ref.tell("meanwhile")
        await trio.sleep(2)
        assert log == ["new", Rested(), "wake", (2, ["at once", "meanwhile"])]
        root.reports.drain()


@pytest.mark.parametrize("call", ["wait_ready", "start_turn"])
async def test_who_wants_it_ready_while_it_is_being_put_to_rest_gets_it_so(kind: Any, call: str) -> None:
    kind.ending = 2.0
    async with open_tree("stage") as root:
        ref = await root.start(kind)
        ref.rest()
        await trio.sleep(1)
        if call == "start_turn":
            with pytest.raises(StartupInProgress):
                ref.start_turn("x")
            await trio.sleep(2)
        else:
            await ref.wait_ready()
        assert ref.lifecycle == "ready"
        assert ref.incarnation == 2


async def test_a_sender_that_waits_for_room_wakes_it(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, mailbox=MailboxSpec(1, "wait"))
        await put_to_bed(ref)
        ref.tell("full", trigger_turn=False)
        with pytest.raises(MailboxFull):
            ref.tell("no")
        await ref.send("x")
        await settle()
        assert [entry for entry in log if isinstance(entry, tuple)] == [(2, ["full"]), (2, ["x"])] or log[-1] == (
            2,
            ["full", "x"],
        )
        root.reports.drain()


async def test_last_turn_and_seqs_and_reports_survive_it(kind: Any) -> None:
    class Starts(Sleeper):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            if turn.mail[0].message == "start":
                await ctx.start_soon(kind, name="child").stop()
                return "started"
            return [mail.message for mail in turn.drain()]

    async with open_tree("stage") as root:
        ref = await root.start(Starts)
        assert await ref.run_turn("start") == "started"
        await put_to_bed(ref)
        assert ref.status == Completed("started")
        [report] = await ref.ask(Say())
        assert isinstance(report, ChildEnded)
        assert report.path.endswith("/child")
        assert ref.tell("x") == ref._slot.box.seq
        await settle()
        root.reports.drain()


async def test_each_incarnation_tells_its_source(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, restart="permanent")
        await put_to_bed(ref)
        await ref.wait_ready()
        ref.crash(OSError())
        await settle()
        await put_to_bed(ref)
        await ref.wait_ready()
        assert [entry for entry in log if isinstance(entry, str)] == ["new", "wake", "restart", "wake"]
        info = root.snapshot().find(ref.path)
        assert info is not None
        assert (info.incarnation, info.restarts, info.rests) == (4, 1, 2)
        root.reports.drain()


async def test_rests_and_wakings_are_no_restarts_to_the_intensity(kind: Any) -> None:
    async with open_tree("stage", intensity=Intensity(0, 1_000.0)) as root:
        ref = await root.start(kind, restart="permanent")
        for _ in range(10):
            await put_to_bed(ref)
            await ref.wait_ready()
        assert ref.incarnation == 11
        assert not root.reports.drain()


# -- rest_after


async def test_an_agent_rests_after_its_seconds_of_idleness_and_each_turn_begins_them_anew(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, rest_after=10.0)
        await trio.sleep(9)
        assert await ref.ask(Say())
        await trio.sleep(9)
        ref.tell("no use", trigger_turn=False)
        assert ref.lifecycle == "ready"
        await trio.sleep(2)
        assert (ref.lifecycle, ref.incarnation) == ("resting", 2)
        info = root.snapshot().find(ref.path)
        assert info is not None
        assert info.last_exit == "rested: idle for 10 s"
        assert await ref.ask(Say())
        await trio.sleep(11)
        assert (ref.lifecycle, ref.incarnation) == ("resting", 3)
        root.reports.drain()


async def test_without_rest_after_nobody_rests_by_itself(kind: Any) -> None:
    assert Sleeper is not kind
    async with open_tree("stage", children=[ChildSpec("b", kind, rest_after=5.0)]) as root:
        ref = await root.start(kind)
        await trio.sleep(10_000)
        assert ref.lifecycle == "ready"
        assert root.lookup("b").lifecycle == "resting"


async def test_one_that_is_busy_or_gone_has_no_timer_left(kind: Any) -> None:
    async with open_tree("stage") as root:
        deadlines: Deadlines = root._slot.runtime.deadlines
        ref = await root.start(kind, rest_after=10.0)
        await settle()
        assert sum(1 for *_, entry in deadlines._heap if entry.is_wanted) == 1
        ref.tell(doze)
        await trio.sleep(1)
        assert sum(1 for *_, entry in deadlines._heap if entry.is_wanted) == 0
        await trio.sleep(50)
        assert ref.lifecycle == "ready"
        await ref.stop()
        assert root._slot.runtime.passivation._idle == {}
        root.reports.drain()
