"""Rest and waking (section 8): what may rest, what wakes it, what is kept, and what every other call does to one that rests."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    Agent,
    AlreadyRunning,
    ChildEnded,
    ChildSpec,
    ChildStartupFailed,
    Completed,
    Context,
    Crashed,
    Down,
    Idle,
    Intensity,
    InvalidSpec,
    Killed,
    Limits,
    MailboxFull,
    MailboxSpec,
    NoActiveTurn,
    NotIdle,
    Request,
    Rested,
    Service,
    Shutdown,
    StartupFailed,
    StartupInProgress,
    Turn,
    TurnFinished,
    open_supervisor,
)
from greenroom.actors._deadlines import Deadlines
from greenroom.testing import open_tree

Log = list[Any]
settle = wait_all_tasks_blocked


class Say(Request[Any]):
    pass


class Sleeper(Agent[Any]):
    """Note all that happens to it; give back what started a turn."""

    starting: float = 0.0
    failing = False
    ending: float = 0.0
    last_words: Exception | None = None

    def __init__(self, log: Log | None = None) -> None:
        self.log = [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append(ctx.start_source)
        await trio.sleep(type(self).starting)
        if type(self).failing:
            raise OSError("no luck")

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        messages = [mail.message for mail in turn.mail]
        if callable(messages[0]):
            return await messages[0](ctx)
        self.log.append((ctx.ref.incarnation, messages))
        return messages

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(reason)
        await trio.sleep(type(self).ending)
        if type(self).last_words is not None:
            raise type(self).last_words


@pytest.fixture
def kind() -> type[Sleeper]:
    """A class of its own, so that a test may set how it behaves."""

    class Own(Sleeper):
        pass

    return Own


async def doze(ctx: Context) -> None:
    await ctx.sleep(100)


async def put_to_bed(ref: ActorRef[Any]) -> None:
    ref.rest()
    await settle()
    assert ref.lifecycle == "resting"
    assert ref._slot.actor is None
    assert ref._slot.runner is None


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
        assert (ref.lifecycle, len(ref._slot.box)) == ("resting", 3)
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


# -- what keeps it


async def set_timer(ctx: Context) -> Any:
    return ctx.send_after(50.0, "tick")


async def set_monitor(ctx: Context) -> Any:
    assert ctx.parent is not None
    return ctx.monitor(ctx.parent)


async def start_child(ctx: Context) -> Any:
    return await ctx.start(Sleeper, name="child")


async def start_work(ctx: Context) -> Any:
    return ctx.run_in_background(trio.sleep, 50.0)


async def let_go_timer(_ref: Any, made: Any) -> None:
    made.cancel()


async def let_go_child(_ref: Any, made: Any) -> None:
    await made.stop()


async def let_go_work(ref: Any, made: Any) -> None:
    ctx: Context = ref._slot.ctx
    ctx.cancel_background(made)
    await ctx.wait_background(made)


KEEPERS: dict[str, tuple[Any, Any]] = {
    "timers": (set_timer, let_go_timer),
    "monitors": (set_monitor, let_go_timer),
    "children": (start_child, let_go_child),
    "background work": (start_work, let_go_work),
}


@pytest.mark.parametrize("state", KEEPERS)
async def test_what_would_end_with_the_incarnation_keeps_it_and_the_error_says_so(kind: Any, state: str) -> None:
    take, let_go = KEEPERS[state]
    async with open_tree("stage") as root:
        ref = await root.start(kind, name="a")
        made = await ref.run_turn(take)
        generation = ref.generation
        with pytest.raises(NotIdle, match="/stage/a: cannot be put to rest: ") as caught:
            ref.rest()
        assert caught.value.state == state
        assert (ref.lifecycle, ref.generation) == ("ready", generation)
        await let_go(ref, made)
        await put_to_bed(ref)
        root.reports.drain()
        root.ignore_dead_letters()


@pytest.mark.parametrize("state", KEEPERS)
async def test_rest_after_counts_from_when_the_last_thing_has_let_it_go(kind: Any, state: str) -> None:
    take, let_go = KEEPERS[state]
    async with open_tree("stage") as root:
        ref = await root.start(kind, name="a", rest_after=10.0)
        made = await ref.run_turn(take)
        await trio.sleep(30)
        assert ref.lifecycle == "ready"
        await let_go(ref, made)
        await settle()
        await trio.sleep(9.5)
        assert ref.lifecycle == "ready"
        await trio.sleep(1)
        assert ref.lifecycle == "resting"
        root.reports.drain()
        root.ignore_dead_letters()


async def test_a_reply_that_it_owes_keeps_it() -> None:
    tokens: Log = []

    class Defers(Sleeper):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            tokens.append(ctx.defer_reply())

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(Defers, rest_after=10.0)
        answers: Log = []

        async def ask() -> None:
            answers.append(await ref.ask(Say()))

        nursery.start_soon(ask)
        await trio.sleep(20)
        with pytest.raises(NotIdle) as caught:
            ref.rest()
        assert caught.value.state == "deferred replies"
        tokens.pop().reply("here")
        await trio.sleep(9)
        assert (answers, ref.lifecycle) == (["here"], "ready")
        await trio.sleep(2)
        assert ref.lifecycle == "resting"
        root.reports.drain()


async def test_a_tick_that_comes_is_handled_and_then_it_may_rest(kind: Any) -> None:
    """No tick is lost for a rest: it keeps its agent up until it has come."""
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, rest_after=10.0)
        await ref.run_turn(set_timer)
        await trio.sleep(49.9)
        assert ref.lifecycle == "ready"
        await trio.sleep(5)
        assert log[-1] == (1, ["tick"])
        await trio.sleep(6)
        assert (ref.lifecycle, log[-1]) == ("resting", Rested())
        root.reports.drain()


@pytest.mark.parametrize(
    "state", ["initializing", "in a turn", "with mail", "resting", "stopping", "stopped", "failed"]
)
async def test_in_any_other_state_it_is_not_idle_and_nothing_changes(kind: Any, state: str) -> None:
    kind.ending = 1.0
    async with open_tree("stage") as root:
        if state == "failed":
            kind.failing = True
        if state == "initializing":
            kind.starting = 10.0
        ref = root.start_soon(kind, name="a")
        if state != "initializing":
            await trio.sleep(2)
        match state:
            case "in a turn":
                ref.tell(doze)
                await settle()
            case "with mail":
                ref.tell("x")
                root.ignore_dead_letters()
            case "resting":
                await put_to_bed_slowly(ref)
            case "stopping":
                ref.request_stop()
            case "stopped":
                await ref.stop()
        generation = ref.generation
        with pytest.raises(NotIdle) as caught:
            ref.rest()
        assert caught.value.state == state
        assert "/stage/a: cannot be put to rest: " in str(caught.value)
        assert ref.generation == generation
        root.reports.drain()
        if state == "initializing":
            await ref.kill()
            root.reports.drain()
            root.ignore_dead_letters()
    # what the states lead to is the affair of other tests


async def put_to_bed_slowly(ref: ActorRef[Any]) -> None:
    ref.rest()
    await trio.sleep(2)


async def test_it_cannot_put_itself_to_rest_in_a_turn(kind: Any) -> None:
    async def rest(ctx: Context) -> str:
        with pytest.raises(NotIdle) as caught:
            ctx.ref.rest()
        return caught.value.state

    async with open_tree("stage") as root:
        ref = await root.start(kind)
        assert await ref.run_turn(rest) == "in a turn"
        root.reports.drain()


async def function(ctx: Context) -> None:
    async for _ in ctx:
        pass


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        pass


def unknown() -> Any:
    return Plain()


@pytest.mark.parametrize("factory", [Plain, function])
async def test_what_is_no_agent_cannot_rest(factory: Any) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, name="a")
        await settle()
        with pytest.raises(TypeError, match="/stage/a is no agent and cannot be put to rest"):
            ref.rest()
        with pytest.raises(TypeError, match="is no agent"):
            root.ref.rest()
        with pytest.raises(InvalidSpec, match="rest_after: only agents can be put to rest"):
            root.start_soon(factory, rest_after=1.0)
    with pytest.raises(InvalidSpec, match="rest_after: only agents"):
        async with open_supervisor("stage", children=[ChildSpec("a", factory, rest_after=1.0)]):
            raise AssertionError


async def test_a_factory_that_turns_out_to_make_no_agent_fails_to_start_with_rest_after() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="rest_after: only agents can be put to rest"):
            await root.start(unknown, rest_after=1.0)
        await root.start(unknown)


# -- others' orders


async def order(ref: ActorRef[Any], call: str) -> Any:
    return await getattr(ref, call)()


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


# -- pins


async def test_a_pinned_ref_is_over_from_the_step_in_which_its_incarnation_is_put_to_rest(kind: Any) -> None:
    kind.ending = 1.0
    calls: list[Callable[[ActorRef[Any]], Any]] = [
        lambda pin: pin.tell("x"), lambda pin: pin.start_turn("x"), lambda pin: pin.steer("x"), lambda pin: pin.rest(),
    ]  # fmt: skip
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind)
        pin = ref.pin()
        ended: Log = []

        async def follow() -> None:
            ended.append((await pin.wait_stopped(), trio.current_time()))

        nursery.start_soon(follow)
        await settle()
        before = trio.current_time()
        ref.rest()
        for lying in (False, True):
            for call in calls:
                with pytest.raises(ActorStopped, match="has ended" if lying else "is being put to rest"):
                    call(pin)
            with pytest.raises(ActorStopped):
                await pin.ask(Say())
            assert not pin.is_alive
            await trio.sleep(2)
        assert ended == [(Rested(), before + 1)]
        assert ref.pin().incarnation == ref.incarnation == 2
        assert await pin.stop() == Rested()
        assert ref.lifecycle == "resting"
        assert await ref.pin().ask(Say())
        root.reports.drain()


async def test_queue_only_mail_to_a_pinned_ref_ends_with_its_incarnation(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log)
        ref.pin().tell("old", trigger_turn=False)
        await put_to_bed(ref)
        ref.tell("new")
        await settle()
        assert log[-1] == (2, ["new"])
        root.expect_dead_letters("old incarnation", 1)
        root.reports.drain()


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


# -- looking


async def test_feeds_and_subscriptions_show_each_step(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind)
        async with ref.subscribe() as feed, root.subscribe() as trees:
            ref.rest()
            await settle()
            ref.tell("x")
            await settle()
            shown = [change.lifecycle for change in feed._changes]
            assert list(dict.fromkeys(shown)) == ["resting", "initializing", "ready"]
            async for tree in trees:
                assert tree == root.snapshot()
                break
        root.reports.drain()


async def test_others_that_wait_for_its_outcome_have_it_while_it_rests(kind: Any) -> None:
    """P25: an agent that rests has settled."""
    kind.ending = 5.0

    async def wait(ctx: Context) -> Any:
        return await ctx.wait([other], timeout=100.0)

    async with open_tree("stage") as root:
        other = await root.start(kind)
        await other.run_turn("x")
        ref = await root.start(kind)
        for seconds in (1, 10):
            if seconds == 1:
                other.rest()
            await trio.sleep(seconds)
            before = trio.current_time()
            waited = await ref.run_turn(wait)
            assert waited.settled == (other,)
            assert trio.current_time() == before
        root.reports.drain()


async def test_a_resting_agent_keeps_no_task_and_no_actor(kind: Any) -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(kind) for _ in range(20)]
        nursery = root._slot.runtime.nursery
        assert nursery is not None
        before = len(nursery.child_tasks)
        for ref in refs:
            ref.rest()
        await settle()
        assert len(nursery.child_tasks) == before - 20
