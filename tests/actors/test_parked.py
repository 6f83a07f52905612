from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorStopping,
    AlreadyRunning,
    ChildEnded,
    ChildNotFound,
    ChildSpec,
    Context,
    Down,
    Intensity,
    LimitReached,
    Limits,
    NameInUse,
    StartupFailed,
    open_supervisor,
)

Log = list[Any]


class Works(Actor[Any]):
    failing = False

    def __init__(self, log: Log | None = None, seconds: float = 0.0) -> None:
        self.log, self.seconds = [] if log is None else log, seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)
        if type(self).failing:
            raise OSError("no")

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, float):
            await trio.sleep(message)
        if isinstance(message, ActorRef):
            ctx.monitor(message)
        self.log.append(message)
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(1)


class OwnWorks(Works):
    own_task = True


every_kind = pytest.mark.parametrize("kind", [Works, OwnWorks])
both = pytest.mark.parametrize("restart", ["permanent", "transient"])


@every_kind
@both
async def test_a_terminated_child_is_parked_name_uid_ref_and_spec_stay(kind: type[Works], restart: Any) -> None:
    async with open_supervisor("stage") as root:
        ref: ActorRef[Any] = await root.start(kind, name="a", restart=restart)
        log: Log = []
        watcher: ActorRef[Any] = await root.start(Works, log, name="watcher")
        watcher.tell(ref)
        ref.tell(2.0)
        await wait_all_tasks_blocked()
        ref.tell("queued")
        await root.terminate_child("a")
        assert trio.current_time() == 3.0
        assert (ref.lifecycle, ref.is_alive) == ("parked", False)
        assert root.lookup("a") is ref
        assert root.count_children() == {"specs": 2, "active": 1, "supervisors": 0, "workers": 2}
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        await wait_all_tasks_blocked()
        assert isinstance(log[-1], Down)
        with pytest.raises(ActorStopped):
            ref.tell("x")
        with pytest.raises(NameInUse, match="parked"):
            root.start_soon(Works, name="a")
        await root.terminate_child("a")
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert not report.restarting


@every_kind
async def test_restart_child_opens_the_same_slot_with_the_next_incarnation(kind: type[Works]) -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref: ActorRef[Any] = await root.start(kind, log, 2.0, name="a", restart="permanent")
        ref.tell("one")
        await root.terminate_child("a")
        before = ref._slot.box.seq, ref.uid, trio.current_time()
        assert await root.restart_child("a") is ref
        assert trio.current_time() == before[2] + 2.0
        assert (ref.lifecycle, ref.incarnation, ref.uid) == ("ready", 2, before[1])
        assert ref.exit_reason is None
        assert ref.tell("two") == before[0] + 1
        assert await ref.ask("three") == "three"  # type: ignore[arg-type]
        assert log[-2:] == ["two", "three"]
        ref.crash(OSError("x"))
        await trio.sleep(5)
        assert (ref.lifecycle, ref.incarnation) == ("ready", 3)
        await ref.stop()
        assert ref.lifecycle == "parked"
        root.reports.drain()


@every_kind
async def test_restart_child_that_fails_parks_it_again_uncounted_and_unreported(kind: type[Works]) -> None:
    class Flaky(kind):  # type: ignore[misc,valid-type]
        pass

    async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
        ref: ActorRef[Any] = await root.start(Flaky, name="a", restart="permanent")
        await root.terminate_child("a")
        root.reports.drain()
        for attempt in range(3):
            Flaky.failing = True
            with pytest.raises(StartupFailed, match="OSError: no"):
                await root.restart_child("a")
            assert (ref.lifecycle, ref.incarnation) == ("parked", attempt + 2)
            assert root.reports.drain() == []
        Flaky.failing = False
        await root.restart_child("a")
        assert ref.lifecycle == "ready"


async def test_restart_child_is_for_parked_ones_only() -> None:
    async with open_supervisor("stage") as root:
        root.start_soon(Works, [], 5.0, name="starting")
        await root.start(Works, name="ready")
        for name in ("starting", "ready"):
            with pytest.raises(AlreadyRunning, match=f"/stage/{name}: is .*, not parked"):
                await root.restart_child(name)
            with pytest.raises(AlreadyRunning):
                root.delete_child(name)
        for call in (root.restart_child, root.terminate_child):
            with pytest.raises(ChildNotFound, match="/stage/nobody: not found; there is starting, ready"):
                await call("nobody")
        with pytest.raises(ChildNotFound):
            root.delete_child("nobody")


async def test_restart_child_of_a_stopping_supervisor_is_refused() -> None:
    async with open_supervisor("stage") as root:
        await root.start(Works, name="a", restart="permanent")
        await root.start(Works, name="b", restart="permanent")
        await root.terminate_child("a")
        root.request_stop()
        await wait_all_tasks_blocked()
        with pytest.raises(ActorStopping):
            await root.restart_child("a")


async def test_restart_child_whose_child_is_stopped_meanwhile_says_so_and_parks_it() -> None:
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(Works, [], 2.0, name="a", restart="permanent")
        await root.terminate_child("a")

        async def stop() -> None:
            await trio.sleep(1)
            await ref.stop()

        nursery.start_soon(stop)
        with pytest.raises(ActorStopped):
            await root.restart_child("a")
        assert ref.lifecycle == "parked"


async def test_a_cancelled_restart_child_goes_on_and_a_failure_of_it_is_judged() -> None:
    async with open_supervisor("stage") as root:
        ref = await root.start(Works, [], 2.0, name="a", restart="permanent")
        await root.terminate_child("a")
        with trio.move_on_after(1):
            await root.restart_child("a")
        assert ref.lifecycle == "initializing"
        await ref.wait_ready()
        root.reports.drain()
        assert ref.incarnation == 2


async def test_two_at_once_restart_one_child_once() -> None:
    async with open_supervisor("stage") as root:
        ref = await root.start(Works, [], 2.0, name="a", restart="permanent")
        await root.terminate_child("a")
        outcomes: Log = []

        async def restart() -> None:
            try:
                outcomes.append(await root.restart_child("a"))
            except AlreadyRunning as error:
                outcomes.append(type(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(restart)
            nursery.start_soon(restart)
        assert ref in outcomes
        assert AlreadyRunning in outcomes
        assert ref.incarnation == 2


@both
async def test_delete_child_ends_the_slot_and_frees_its_name(restart: Any) -> None:
    async with open_supervisor("stage") as root:
        ref = await root.start(Works, name="a", restart=restart)
        async with ref.subscribe() as feed:
            await root.terminate_child("a")
            root.delete_child("a")
            lives = [change.lifecycle async for change in feed]
        assert lives[-2:] == ["parked", "stopped"]
        assert root.which_children() == []
        slot = ref._slot
        assert (slot.factory, slot.args) == (None, ())
        assert root.start_soon(Works, name="a").uid > ref.uid
        with pytest.raises(ChildNotFound):
            root.delete_child("b")


async def test_a_terminated_temporary_child_is_forgotten() -> None:
    async with open_supervisor("stage") as root:
        await root.start(Works, name="a")
        await root.terminate_child("a")
        assert root.which_children() == []
        with pytest.raises(ChildNotFound):
            await root.restart_child("a")


async def test_a_transient_child_that_is_done_is_parked_and_can_be_started_again() -> None:
    async def once(ctx: Context) -> str:
        return f"run {ctx.ref.incarnation}"

    async with open_supervisor("stage", children=[ChildSpec("a", once, restart="transient")]) as root:
        ref = root.lookup("a")
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "parked"
        await root.restart_child("a")
        await wait_all_tasks_blocked()
        assert (ref.lifecycle, ref.incarnation) == ("parked", 2)


async def test_a_parked_child_goes_when_its_tree_does_and_holds_no_place() -> None:
    async with open_supervisor("stage", limits=Limits(max_actors=2)) as root:
        ref = await root.start(Works, name="a", restart="permanent")
        await root.terminate_child("a")
        other = await root.start(Works, name="b")
        await other.stop()
        keep = root
    assert ref.lifecycle == "stopped"
    assert keep._slot.runtime.alive == 0


async def test_a_parked_child_is_not_started_again_past_the_limit_of_the_tree() -> None:
    """P5."""
    async with open_supervisor("stage", limits=Limits(max_actors=2)) as root:
        ref = await root.start(Works, name="a", restart="permanent")
        await root.terminate_child("a")
        other = await root.start(Works, name="b")
        with pytest.raises(LimitReached, match=r"Limits.max_actors=2 is reached, held by /stage/b;"):
            await root.restart_child("a")
        assert (ref.lifecycle, ref.incarnation) == ("parked", 1)
        await other.stop()
        await root.restart_child("a")
        assert ref.lifecycle == "ready"
