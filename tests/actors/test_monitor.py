from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    Agent,
    Context,
    Crashed,
    Down,
    Finished,
    Killed,
    Monitor,
    Shutdown,
    StartupFailed,
    Turn,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Watch:
    def __init__(self, ref: Any, keep: list[Monitor] | None = None) -> None:
        self.ref, self.keep = ref, keep


class Pause:
    def __init__(self) -> None:
        self.go = trio.Event()


class Watcher(Actor[Any]):
    """Monitor whom it is told to, keep all else that it gets."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def receive(self, message: Any, ctx: Context) -> None:
        if isinstance(message, Watch):
            monitor = ctx.monitor(message.ref)
            if message.keep is not None:
                message.keep.append(monitor)
        elif isinstance(message, Pause):
            await message.go.wait()
        elif isinstance(message, Exception):
            raise message
        elif message == "self":
            ctx.monitor(ctx.ref)
        else:
            self.kept.append(message)


class OwnWatcher(Watcher):
    own_task = True


class AgentWatcher(Agent[Any]):
    def __init__(self, kept: list[Any]) -> None:
        self.watcher = Watcher(kept)

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            await self.watcher.receive(mail.message, ctx)


async def function_watcher(ctx: Context, kept: list[Any]) -> None:
    watcher = Watcher(kept)
    async for message in ctx:
        await watcher.receive(message, ctx)


WATCHERS: list[Any] = [Watcher, OwnWatcher, AgentWatcher, function_watcher]


class Worker(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "finish":
            ctx.stop("result")
        elif isinstance(message, Exception):
            raise message


@pytest.mark.parametrize("watcher", WATCHERS)
@pytest.mark.parametrize("end", ["stop", "kill", "finish", "crash"])
async def test_a_monitor_gives_exactly_one_down(watcher: Any, end: str) -> None:
    """P19."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(watcher, kept)
        worker = root.start_soon(Worker)
        ref.tell(Watch(worker))
        await settle()
        error = OSError("crash")
        match end:
            case "stop":
                await worker.stop()
            case "kill":
                await worker.kill()
            case "finish":
                worker.tell("finish")
            case _:
                worker.tell(error)
        await settle()
        expected: dict[str, Any] = {
            "stop": Shutdown(),
            "kill": Killed("by outside"),
            "finish": Finished("result"),
            "crash": Crashed(error),
        }
        assert kept == [Down(worker, expected[end])]
        await settle()
        assert len(kept) == 1
        root.reports.drain()


@pytest.mark.parametrize("watcher", WATCHERS)
async def test_a_monitor_of_the_dead_is_answered_at_once(watcher: Any) -> None:
    """P19."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(watcher, kept)
        worker = root.start_soon(Worker)
        worker.tell("finish")
        await settle()
        ref.tell(Watch(worker))
        await settle()
        assert kept == [Down(worker, Finished("result"))]


async def test_a_failed_start_is_an_end_too() -> None:
    """P19."""

    class Broken(Worker):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)
            raise OSError("no")

    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Watcher, kept)
        broken = root.start_soon(Broken)
        ref.tell(Watch(broken))
        await trio.sleep(2)
        assert len(kept) == 1
        assert isinstance(kept[0].reason, StartupFailed)
        root.reports.drain()


@pytest.mark.parametrize("watcher", WATCHERS)
async def test_a_down_comes_after_all_that_the_dead_had_sent(watcher: Any) -> None:
    """P19: also what it sent in its last breath, and its shutdown hook."""

    class Talker(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            for number in range(3):
                ctx.tell(message, number)
            ctx.stop()
            ctx.tell(message, "last")

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            ctx.tell(ref, "hook")

    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(watcher, kept)
        talker = root.start_soon(Talker)
        ref.tell(Watch(talker))
        await settle()
        pause = Pause()
        ref.tell(pause)
        talker.tell(ref)
        await settle()
        pause.go.set()
        await settle()
        assert kept == [0, 1, 2, "last", "hook", Down(talker, Finished())]


@pytest.mark.parametrize("watcher", WATCHERS)
async def test_after_demonitor_nothing_arrives(watcher: Any) -> None:
    """P19."""
    kept: list[Any] = []
    monitors: list[Monitor] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(watcher, kept)
        worker = root.start_soon(Worker)
        ref.tell(Watch(worker, monitors))
        await settle()
        assert monitors[0].is_active
        monitors[0].cancel()
        monitors[0].cancel()
        assert not monitors[0].is_active
        assert repr(monitors[0]) == f"<Monitor of {worker.path} over>"
        await worker.stop()
        await settle()
        assert kept == []
        assert root.dead_letters.total == 0


@pytest.mark.parametrize("watcher", WATCHERS)
@pytest.mark.parametrize("urgent", [False, True])
async def test_demonitor_takes_back_a_down_that_is_queued(watcher: Any, urgent: bool) -> None:
    """P19: in the fast mode, and when an urgent mail has sealed the mailbox."""
    kept: list[Any] = []
    monitors: list[Monitor] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(watcher, kept)
        worker = root.start_soon(Worker)
        ref.tell(Watch(worker, monitors))
        await settle()
        pause = Pause()
        ref.tell(pause)
        await settle()
        await worker.stop()
        assert not monitors[0].is_active
        ref.tell("after", urgent=urgent)
        monitors[0].cancel()
        pause.go.set()
        await settle()
        assert kept == ["after"]
        assert dict(root.dead_letters.counts) == {"cancelled": 1}


async def test_two_monitors_of_one_actor_are_two() -> None:
    """P19."""
    kept: list[Any] = []
    monitors: list[Monitor] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Watcher, kept)
        worker = root.start_soon(Worker)
        ref.tell(Watch(worker, monitors))
        ref.tell(Watch(worker, monitors))
        await settle()
        monitors[0].cancel()
        await worker.stop()
        await settle()
        assert kept == [Down(worker, Shutdown())]


async def test_a_restart_is_no_end_for_a_monitor_of_the_slot_but_one_for_that_of_an_incarnation() -> None:
    """P19."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Watcher, kept)
        worker = await root.start(Worker, restart="permanent")
        pinned = worker.pin()
        ref.tell(Watch(worker))
        ref.tell(Watch(pinned))
        await settle()
        error = OSError("crash")
        worker.tell(error)
        await settle()
        assert kept == [Down(pinned, Crashed(error))]
        assert worker.incarnation == 2
        await worker.stop()
        await settle()
        assert kept[1:] == [Down(worker, Shutdown())]
        ref.tell(Watch(pinned))
        await settle()
        assert kept[2].ref is pinned
        root.reports.drain()


@pytest.mark.parametrize("own_task", [False, True])
async def test_downs_for_an_ended_incarnation_of_the_watcher_are_dropped_and_counted(own_task: bool) -> None:
    """P19: what was queued; and what would come later is not even sent."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(OwnWatcher if own_task else Watcher, kept, restart="permanent")
        first, second = root.start_soon(Worker), root.start_soon(Worker)
        ref.tell(Watch(first))
        ref.tell(Watch(second))
        await settle()
        pause = Pause()
        ref.tell(pause)
        ref.tell(OSError("crash"))
        await settle()
        await first.stop()
        pause.go.set()
        await settle()
        assert ref.incarnation == 2
        await second.stop()
        await settle()
        assert kept == []
        assert root.dead_letters.counts["old incarnation"] == 1
        assert not second._slot.more.monitors  # type: ignore[union-attr]
        root.reports.drain()


async def test_an_actor_that_monitors_itself_gets_nothing_as_it_is_gone() -> None:
    """P19."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Watcher, kept)
        ref.tell("self")
        await settle()
        await ref.stop()
        assert kept == []
        assert root.dead_letters.lost_mail == 0


@pytest.mark.parametrize("wrong", [None, "name", 3, Worker])
async def test_only_refs_can_be_monitored(wrong: Any) -> None:
    errors: list[TypeError] = []

    class Trying(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            with pytest.raises(TypeError, match="no ActorRef") as caught:
                ctx.monitor(message)
            errors.append(caught.value)

    async with open_tree("stage") as root:
        ref = root.start_soon(Trying)
        ref.tell(wrong)
        await settle()
        assert len(errors) == 1


async def test_a_thousand_monitors_give_a_thousand_downs() -> None:
    """P19."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Watcher, kept)
        workers = [root.start_soon(Worker) for _ in range(1_000)]
        for worker in workers:
            ref.tell(Watch(worker))
        await settle()
        for worker in workers:
            worker.tell("finish")
        await settle()
        assert [down.ref for down in kept] == workers
        assert not ref._slot.more.watching  # type: ignore[union-attr]
