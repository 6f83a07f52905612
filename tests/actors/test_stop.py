import itertools
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    ChildEnded,
    Context,
    Crashed,
    Errored,
    Killed,
    Limits,
    Shutdown,
    StartupFailed,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Lasts:
    """Take `startup` seconds to start, as many for a message as the message says, and some to end."""

    def __init__(self, log: Log, startup: float = 0.0) -> None:
        self.log, self.seconds = log, startup

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def handle(self, message: Any) -> Any:
        try:
            await trio.sleep(message)
        except trio.Cancelled:
            self.log.append(("cancelled", message))
            raise
        self.log.append(message)
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(0.25)
        self.log.append("closed")


class Works(Lasts, Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        return await self.handle(message)


class OwnWorks(Works):
    own_task = True


class AgentWorks(Lasts, Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            await self.handle(mail.message)


KINDS: list[Any] = [Works, OwnWorks, AgentWorks]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
async def test_p26_stop_finishes_the_message_in_hand_and_refuses_the_rest(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref: ActorRef[Any] = await root.start(kind, log)
        ref.tell(2.0)
        await trio.sleep(1)
        ref.tell(3.0)
        ref.request_stop()
        with pytest.raises(ActorStopping) as caught:
            ref.tell("late")
        assert caught.value.message == "late"
        assert await ref.stop() == Shutdown()
        assert trio.current_time() == 2.25
        assert log == [2.0, "closed"]
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        with pytest.raises(ActorStopped):
            ref.tell("later")


@every_kind
async def test_p26_drain_handles_what_is_queued_then_stops(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(kind, log)
        ref.tell(2.0)
        await trio.sleep(1)
        ref.tell(3.0)
        ref.tell(4.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.drain)
            await trio.sleep(1)
            assert ref.lifecycle == "draining"
            with pytest.raises(ActorStopping):
                ref.tell("late")
        assert trio.current_time() == 9.25
        assert log == [2.0, 3.0, 4.0, "closed"]
        assert dict(root.dead_letters.counts) == {}
        assert ref.exit_reason == Shutdown()


@every_kind
async def test_p26_kill_cancels_now(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref: ActorRef[Any] = await root.start(kind, log)
        ref.tell(2.0)
        await trio.sleep(1)
        ref.tell(3.0)
        assert isinstance(await ref.kill(), Killed)
        assert trio.current_time() == 1.25
        assert log == [("cancelled", 2.0), "closed"]


@every_kind
async def test_p26_a_drain_before_ready_waits_for_ready_and_drains(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(kind, log, 5.0, mail=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.drain)
            await trio.sleep(1)
            assert ref.lifecycle == "initializing"
            ref.tell(2.0)
        assert trio.current_time() == 8.25
        assert log == [1.0, 2.0, "closed"]


@every_kind
async def test_p26_a_drain_can_be_hastened_to_a_stop_and_that_to_a_kill(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref: ActorRef[Any] = await root.start(kind, log, shutdown=None)
        ref.tell(10.0)
        await trio.sleep(1)
        ref.tell(11.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.drain)
            await trio.sleep(1)
            nursery.start_soon(ref.stop)
            await trio.sleep(1)
            assert ref.lifecycle == "stopping"
            nursery.start_soon(ref.kill)
        assert trio.current_time() == 3.25
        assert log == [("cancelled", 10.0), "closed"]


STATES = ["queued", "initializing", "idle", "busy", "draining", "stopping", "failed", "stopped", "parked", "restarted"]


async def bring_to(state: str, root: Supervisor, kind: Any, log: Log) -> ActorRef[Any]:
    """Start an actor and bring it into a state."""
    if state == "queued":
        root.start_soon(Works, [], 50.0, name="holder")
        await wait_all_tasks_blocked()
        ref: ActorRef[Any] = root.start_soon(kind, log, 1.0)
        assert ref.lifecycle == "queued"
        return ref
    if state == "failed":
        ref = root.start_soon(kind, log, "never")
        await ref.wait_stopped()
        root.reports.drain()
        assert ref.lifecycle == "failed"
        return ref
    ref = root.start_soon(kind, log, 1.0, restart="permanent" if state in ("parked", "restarted") else "temporary")
    if state == "initializing":
        await wait_all_tasks_blocked()
        return ref
    await ref.wait_ready()
    if state in ("busy", "draining", "stopping"):
        ref.tell(1.0)
        await wait_all_tasks_blocked()
    if state == "draining":
        root._slot.runtime.nursery.start_soon(ref.drain)  # type: ignore[union-attr]
        await wait_all_tasks_blocked()
    if state == "stopping":
        ref.request_stop()
    if state in ("stopped", "parked"):
        await ref.stop()
        root.reports.drain()
    if state == "restarted":
        ref.crash(OSError("x"))
        await trio.sleep(0.5)
        root.reports.drain()
        assert (ref.incarnation, ref.lifecycle) == (2, "initializing")
    return ref


CALLS = ["stop", "drain", "kill", "request_stop"]


@every_kind
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("calls", list(itertools.product(CALLS, CALLS)), ids="+".join)
async def test_p26_ends_are_idempotent_from_any_state_by_any_number_of_callers(
    state: str, calls: tuple[str, str], kind: Any
) -> None:
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        log: Log = []
        ref = await bring_to(state, root, kind, log)
        over = ref.lifecycle in ("failed", "stopped", "parked")
        before = (ref.lifecycle, ref.generation, ref.status)
        reasons: Log = []

        async def call(name: str) -> None:
            result = getattr(ref, name)()
            if result is not None:
                reasons.append(await result)
                assert ref.lifecycle in ("stopped", "failed", "parked")

        async with trio.open_nursery() as nursery:
            for name in calls * 3:
                nursery.start_soon(call, name)
            if calls == ("request_stop", "request_stop"):
                nursery.start_soon(call, "stop")
        await ref.wait_stopped()
        assert len({repr(reason) for reason in reasons}) == 1
        if over:
            assert (ref.lifecycle, ref.generation, ref.status) == before
            assert root.reports.drain() == []
        else:
            assert ref.lifecycle == ("parked" if state == "restarted" else "stopped")
            reports = [report for report in root.reports.drain() if report.path == ref.path]
            assert [type(report) for report in reports if not hasattr(report, "turn")] == [ChildEnded]
        # What never began its startup has nothing to close: a queued one, unless it was only drained.
        incarnations = 2 if state == "restarted" else 0 if state == "queued" and calls != ("drain", "drain") else 1
        assert log.count("closed") == incarnations


async def test_p26_ends_by_others_are_administrative_permanent_and_transient_children_are_parked() -> None:
    async with open_tree("stage") as root:
        for end, restart in itertools.product(["stop", "drain", "kill"], ["permanent", "transient", "temporary"]):
            ref: ActorRef[Any] = await root.start(Works, [], name=f"{end}-{restart}", restart=restart)  # type: ignore[call-overload]
            await getattr(ref, end)()
            assert ref.lifecycle == ("stopped" if restart == "temporary" else "parked")
            assert (ref in root.which_children()) == (restart != "temporary")
            [report] = root.reports.drain()
            assert isinstance(report, ChildEnded)
            assert (report.by, report.restarting) == ("outside", False)


@every_kind
async def test_p26_each_returns_when_the_task_has_ended_and_its_resources_are_closed(kind: Any) -> None:
    for end in ("stop", "drain", "kill"):
        log: Log = []
        async with open_tree("stage") as root:
            ref: ActorRef[Any] = await root.start(kind, log)
            await getattr(ref, end)()
            assert log == ["closed"]
            slot = ref._slot
            assert (slot.runner, slot.actor, slot.factory, slot.args) == (None, None, None, ())


@every_kind
async def test_p26_crash_ends_the_incarnation_as_if_its_code_had_raised(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        for message in (None, 5.0):
            log.clear()
            ref: ActorRef[Any] = await root.start(kind, log)
            if message is not None:
                ref.tell(message)
                await wait_all_tasks_blocked()
            error = OSError("x")
            assert ref.crash(error)
            assert not ref.crash(error)
            reason = await ref.wait_stopped()
            assert isinstance(reason, Crashed)
            assert reason.error is error
            assert isinstance(ref.status, Errored)
            assert log[-1] == "closed"
            assert not ref.crash(error)
            [report] = root.reports.drain()
            assert isinstance(report, ChildEnded)
            assert (report.by, report.reason) == ("itself", reason)


@every_kind
async def test_p26_crash_while_starting_is_a_startup_failure(kind: Any) -> None:
    async with open_tree("stage") as root:
        for settle in (False, True):
            ref: ActorRef[Any] = root.start_soon(kind, [], 5.0)
            if settle:
                await wait_all_tasks_blocked()
            assert ref.crash(OSError("x"))
            assert isinstance(await ref.wait_stopped(), StartupFailed)
            assert ref.lifecycle == "failed"
            root.reports.drain()


async def test_p26_crash_takes_an_exception_only() -> None:
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(Works, [])
        for bad in (KeyboardInterrupt(), "error", OSError, None):
            with pytest.raises(TypeError, match="is no Exception"):
                ref.crash(bad)  # type: ignore[arg-type]
        assert ref.lifecycle == "ready"


@every_kind
async def test_p26_a_cancelled_caller_leaves_the_stop_requested(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(kind, log)
        ref.tell(3.0)
        await wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await ref.stop()
        assert ref.lifecycle == "stopping"
        await ref.wait_stopped()
        assert trio.current_time() == 3.25
        assert log == [3.0, "closed"]


async def test_p26_who_asked_for_the_end_is_named_in_the_report() -> None:
    class Ender(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            message.request_stop()

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(Works, [], name="a")
        ender: ActorRef[Any] = await root.start(Ender, name="ender")
        ender.tell(ref)
        await ref.wait_stopped()
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.by == "/stage/ender"
