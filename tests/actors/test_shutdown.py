from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    Crashed,
    Intensity,
    Killed,
    Limits,
    RestartIntensityExceeded,
    Service,
    Shutdown,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Closes(Actor[Any]):
    """Write down its end, which takes `seconds`."""

    def __init__(self, log: Log, seconds: float = 0.0, children: tuple[Any, ...] = ()) -> None:
        self.log, self.seconds, self.children = log, seconds, children

    async def startup(self, ctx: Context) -> None:
        for name, restart, factory in self.children:
            ctx.start_soon(factory, name=name, restart=restart)

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        await trio.sleep(message)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append((f"{ctx.path} closes", trio.current_time()))
        await trio.sleep(self.seconds)
        self.log.append((f"{ctx.path} closed", trio.current_time()))


class OwnCloses(Closes):
    own_task = True


def nothing_left(root: Supervisor) -> None:
    """Check that a tree which has ended left no slot, permit, worker, deadline or waiter."""
    slot = root._slot
    runtime = slot.runtime
    launcher: Any = runtime.launcher
    assert [info.path for info in root.snapshot().walk()] == ["/stage"]
    assert runtime.alive == 0
    assert (launcher.in_use, launcher.waiting) == (0, 0)
    assert len(runtime.deadlines) == 0
    assert runtime.pool.workers == {}
    assert len(runtime.pool.runq) == 0
    assert slot.more is None or not slot.more.changes


def tasks() -> set[str]:
    """Return the names of all tasks but this one and Trio's own."""
    found: set[str] = set()
    root = trio.lowlevel.current_root_task()
    assert root is not None
    open_ = [root]
    while open_:
        for nursery in open_.pop().child_nurseries:
            for task in nursery.child_tasks:
                found.add(task.name)
                open_.append(task)
    return found


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p27_children_end_before_their_parents_whatever_the_depth(kind: type[Closes]) -> None:
    log: Log = []

    def leaf() -> Any:
        return kind(log, 1.0)

    def middle() -> Any:
        return kind(log, 1.0, (("leaf", "temporary", leaf),))

    def top() -> Any:
        return kind(log, 1.0, (("middle", "temporary", middle),))

    async with open_tree("stage") as root:
        await root.start(top, name="top", shutdown=None)
        await wait_all_tasks_blocked()
        keep = root
    assert [text for text, _ in log] == [
        "/stage/top/middle/leaf closes",
        "/stage/top/middle/leaf closed",
        "/stage/top/middle closes",
        "/stage/top/middle closed",
        "/stage/top closes",
        "/stage/top closed",
    ]
    nothing_left(keep)


async def test_p27_when_an_end_is_visible_all_descendants_have_ended_before() -> None:
    log: Log = []

    def leaf() -> OwnCloses:
        return OwnCloses(log, 2.0)

    def top() -> Closes:
        return Closes(log, 0.0, tuple((f"leaf{i}", "temporary", leaf) for i in range(3)))

    async with open_tree("stage") as root:
        for end in ("stop", "kill", "crash"):
            ref = await root.start(top, name=end)
            leaves = [root.lookup(f"{end}/leaf{i}") for i in range(3)]
            await wait_all_tasks_blocked()
            if end == "crash":
                ref.crash(OSError("x"))
                await ref.wait_stopped()
            else:
                await getattr(ref, end)()
            assert [leaf.lifecycle for leaf in leaves] == ["stopped"] * 3
        root.reports.drain()


async def test_p27_a_stop_takes_the_temporary_ones_in_parallel_then_the_order_in_reverse() -> None:
    log: Log = []

    def child() -> Closes:
        return Closes(log, 1.0)

    async with open_tree("stage") as root:
        await root.start(child, name="p1", restart="permanent")
        await root.start(child, name="t1")
        await root.start(child, name="p2", restart="transient")
        await root.start(child, name="t2")
        await root.start(child, name="p3", restart="permanent")
    closes = [(text.removeprefix("/stage/"), at) for text, at in log if text.endswith("closes")]
    assert sorted(closes[:2]) == [("t1 closes", 0.0), ("t2 closes", 0.0)]
    assert closes[2:] == [("p3 closes", 1.0), ("p2 closes", 2.0), ("p1 closes", 3.0)]


async def test_p27_leaving_the_block_stops_finishing_messages_in_hand() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Closes, log, 1.0)
        ref.tell(3.0)
        await wait_all_tasks_blocked()
    assert ref.exit_reason == Shutdown()
    assert log[-1] == ("/stage/closes-2 closed", 4.0)


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p27_a_cancellation_from_outside_is_a_kill_of_the_whole_tree_in_order(kind: type[Closes]) -> None:
    log: Log = []

    def leaf() -> Any:
        return kind(log, 1.0)

    def top() -> Any:
        return kind(log, 1.0, (("leaf", "temporary", leaf),))

    refs: list[ActorRef[Any]] = []
    with trio.move_on_after(2) as scope:
        async with open_tree("stage") as root:
            refs += [await root.start(top, name="top"), root.lookup("top/leaf")]
            for ref in refs:
                ref.tell(100.0)
            keep = root
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == 4.0
    assert [text for text, _ in log] == [
        "/stage/top/leaf closes",
        "/stage/top/leaf closed",
        "/stage/top closes",
        "/stage/top closed",
    ]
    assert all(isinstance(ref.exit_reason, Killed) for ref in refs)
    nothing_left(keep)


async def test_p27_a_cancellation_is_bounded_by_the_shutdown_times_an_unlimited_one_means_5_seconds() -> None:
    log: Log = []
    with trio.move_on_after(1):
        async with open_tree("stage") as root:
            await root.start(Closes, log, 1e9, shutdown=None)
            await root.start(OwnCloses, log, 1e9, shutdown=2.0)
            await trio.sleep_forever()
    assert trio.current_time() == 6.0


async def test_p27_a_cancellation_while_the_block_is_being_left_hastens_and_passes() -> None:
    log: Log = []
    with trio.move_on_after(3) as scope:
        async with open_tree("stage") as root:
            ref = await root.start(Closes, log, 1.0, shutdown=None)
            ref.tell(1e9)
            await wait_all_tasks_blocked()
    assert scope.cancelled_caught
    assert trio.current_time() == 4.0
    assert isinstance(ref.exit_reason, Killed)


async def test_p27_a_block_cancelled_before_it_was_entered_leaves_nothing() -> None:
    log: Log = []
    before = tasks()
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_supervisor("stage"):
            log.append("never")
    assert scope.cancelled_caught
    assert log == []
    assert tasks() == before


class CancelAt(trio.abc.Instrument):
    """Cancel a scope right before the n-th step that any task takes."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.armed = False
        self.scope = trio.CancelScope()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.armed:
            self.n -= 1
            if self.n == 0:
                self.scope.cancel()


@asynccontextmanager
async def connection() -> AsyncGenerator[int]:
    await trio.sleep(0.5)
    yield 1
    await trio.sleep(0.5)


class Serves(Closes):
    def services(self) -> Any:
        return [Service("a", connection), Service("b", connection)]


def test_p27_a_tree_cancelled_at_any_step_ends_in_order_and_leaves_nothing() -> None:
    async def once(canceller: CancelAt) -> bool:
        log: Log = []
        before = tasks()

        def leaf() -> Closes:
            return Closes(log, 1.0)

        def top() -> OwnCloses:
            return OwnCloses(log, 1.0, (("a", "temporary", leaf), ("b", "permanent", leaf)))

        keep: list[Supervisor] = []
        with canceller.scope:
            canceller.armed = True
            async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
                keep.append(root)
                ref: Any = root.start_soon(top, name="top", mail=1.0)
                root.start_soon(Serves, log, 1.0)
                with trio.move_on_after(2):
                    await ref.ask(2.0)
                await ref.stop()
        canceller.armed = False
        assert tasks() == before
        for root in keep:
            nothing_left(root)
        closed = [text for text, _ in log if text.endswith("closed")]
        assert len(closed) == sum(1 for text, _ in log if text.endswith("closes"))
        if "/stage/top closed" in closed:
            at = closed.index("/stage/top closed")
            assert not any(text.startswith("/stage/top/") for text in closed[at:])
        return bool(canceller.scope.cancel_called)

    n = 1
    while True:
        canceller = CancelAt(n)
        if not trio.run(once, canceller, clock=MockClock(autojump_threshold=0), instruments=[canceller]):
            break
        n += 1
    assert n > 40


async def test_p27_a_start_that_races_the_stop_is_refused_or_its_child_ends_too() -> None:
    outcomes: set[str] = set()
    for delay in range(8):

        class Boss(Actor[Any]):
            async def startup(self, ctx: Context) -> None:
                self.nursery = trio.lowlevel.current_task().parent_nursery
                assert self.nursery is not None
                self.nursery.start_soon(self.starts, ctx)

            async def starts(self, ctx: Context, delay: int = delay) -> None:
                for _ in range(delay):
                    await trio.lowlevel.checkpoint()
                try:
                    ctx.start_soon(Closes, [], 1.0)
                    outcomes.add("accepted")
                except (ActorStopping, ActorStopped):
                    outcomes.add("refused")

            own_task = True

            async def shutdown(self, ctx: Context, reason: Any) -> None:
                await trio.lowlevel.checkpoint()

        async with open_tree("stage") as root:
            await root.start(Boss)
            keep = root
            if delay == 0:
                await wait_all_tasks_blocked()  # the one that is early for certain; the others race
        await wait_all_tasks_blocked()
        nothing_left(keep)
    assert outcomes == {"accepted", "refused"}


# -- how the block leaves


async def test_p27_a_tree_that_gives_up_cancels_the_body_and_leaves_as_a_group_with_the_causal_chain() -> None:
    error = OSError("broken")
    reached: Log = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(1, 5.0)) as root:
            ref = await root.start(Closes, [], restart="permanent", name="a")
            ref.tell(error)
            ref.tell(error)
            try:
                await trio.sleep_forever()
            finally:
                reached.append(trio.current_time())
    assert reached == [0.0]
    [gave_up] = caught.value.exceptions
    assert isinstance(gave_up, RestartIntensityExceeded)
    assert (gave_up.path, gave_up.child, gave_up.max_restarts, gave_up.within) == ("/stage", "/stage/a", 1, 5.0)
    assert gave_up.__cause__ is error
    nothing_left(root)


async def test_p27_the_body_is_cancelled_when_the_tree_gives_up_not_when_it_has_ended() -> None:
    log: Log = []
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            await root.start(OwnCloses, log, 3.0)
            ref = await root.start(Closes, [], restart="permanent")
            ref.crash(OSError("x"))
            try:
                await trio.sleep_forever()
            finally:
                log.append("body")
    assert log[0] == "body" or log.index("body") < log.index(("/stage/own-closes-2 closed", 3.0))
    assert trio.current_time() == 3.0


async def test_p28_what_a_body_raises_while_the_tree_gives_up_is_in_the_group_too() -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            ref = await root.start(Closes, [], restart="permanent")
            ref.crash(OSError("x"))
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("body")
    assert [type(error) for error in caught.value.exceptions] == [RestartIntensityExceeded, KeyError]


async def test_p27_a_tree_that_ended_because_it_was_told_to_leaves_the_body_alone() -> None:
    async with open_tree("stage") as root:
        await root.start(Closes, [], 1.0)
        root.request_stop()
        assert await root.wait_stopped() == Shutdown()
        await trio.sleep(5)
    assert trio.current_time() == 6.0


# -- P28


class Ignores(Actor[Any]):
    """Do not let itself be cancelled for `seconds` in a message."""

    async def receive(self, message: Any, ctx: Context) -> None:
        await self.stubborn(message)

    async def stubborn(self, seconds: float) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)


class OwnIgnores(Ignores):
    own_task = True


class AgentIgnores(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        await Ignores.stubborn(self, turn.mail[0].message)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p28_a_child_that_ignores_its_shutdown_time_is_cancelled(kind: type[Closes]) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, [], shutdown=2.0)
        ref.tell(1e9)
        await trio.sleep(1)
        reason = await ref.stop()
        assert trio.current_time() == 3.0
        assert isinstance(reason, Killed)
        assert reason.detail == "it did not end within its shutdown time of 2 s"


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p28_a_hook_that_ignores_its_shutdown_time_is_cancelled(kind: type[Closes]) -> None:
    async with open_tree("stage") as root:
        for end, at in (("stop", 2.0), ("kill", 2.0), ("crash", 2.0)):
            before = trio.current_time()
            ref = await root.start(kind, [], 1e9, shutdown=2.0)
            if end == "crash":
                ref.crash(OSError("x"))
                assert isinstance(await ref.wait_stopped(), Crashed)
            else:
                assert isinstance(await getattr(ref, end)(), Killed)
            assert trio.current_time() == before + at
        root.reports.drain()


@pytest.mark.parametrize("kind", [Closes, OwnCloses])
async def test_p28_shutdown_0_cancels_at_once(kind: type[Closes]) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, [], 1e9, shutdown=0)
        ref.tell(1e9)
        await wait_all_tasks_blocked()
        assert isinstance(await ref.stop(), Killed)
        assert trio.current_time() == 0.0


@pytest.mark.parametrize("kind", [Ignores, OwnIgnores, AgentIgnores])
async def test_p28_who_shields_itself_is_reported_with_its_stack_and_waited_for(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(kind, name="a", shutdown=2.0)
        ref.tell(100.0)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await trio.sleep(6.9)
            assert ref.warnings == {}
            await trio.sleep(0.2)
            assert "in Ignores.stubborn" in ref.warnings["straggler"]
            assert ref.lifecycle == "stopping"
        assert trio.current_time() == 100.0
    [record] = [
        record for record in caplog.records if "still running 5 s after it was cancelled" in record.getMessage()
    ]
    assert record.__dict__["path"] == "/stage/a"
    assert "in Ignores.stubborn" in record.__dict__["stack"]


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_p28_a_parent_whose_time_is_over_kills_its_children_without_theirs(restart: Any) -> None:
    log: Log = []

    def leaf() -> Closes:
        return Closes(log, 1e9)

    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(leaf, name="a", shutdown=None, restart=restart)
            ctx.start_soon(leaf, name="b", shutdown=1000.0, restart=restart)

    async with open_tree("stage") as root:
        ref = await root.start(Boss, shutdown=3.0)
        await wait_all_tasks_blocked()
        await ref.stop()
        assert trio.current_time() == 3.0


async def test_p28_a_parent_that_is_killed_has_its_children_killed_and_not_stopped() -> None:
    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Closes, [], name="kid", mail=50.0, shutdown=60.0)

    async with open_tree("stage") as root:
        ref = await root.start(Boss, shutdown=60.0)
        await wait_all_tasks_blocked()
        kid = root.lookup("boss-2/kid")
        await ref.kill()
        assert trio.current_time() == 0.0  # and not when what it had in hand would have ended
        assert isinstance(kid.exit_reason, Killed)


async def test_p28_a_parent_with_no_time_at_all_kills_its_children_at_once_also_when_the_clock_shows_0() -> None:
    log: Log = []

    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Closes, log, 1e9, shutdown=100.0)

    async with open_tree("stage") as root:
        ref = await root.start(Boss, shutdown=0)
        await wait_all_tasks_blocked()
        assert trio.current_time() == 0.0
        await ref.stop()
        assert trio.current_time() == 0.0


async def test_p27_a_tree_500_levels_deep_ends_without_recursion() -> None:
    class Digs(Actor[Any]):
        def __init__(self, depth: int) -> None:
            self.depth = depth

        async def startup(self, ctx: Context) -> None:
            if self.depth:
                ctx.start_soon(Digs, self.depth - 1, shutdown=None)

    async with open_tree("stage") as root:
        await root.start(Digs, 500, shutdown=None)
        await wait_all_tasks_blocked()
        assert sum(1 for _ in root.snapshot().walk()) == 502
    nothing_left(root)


async def test_p27_an_escalation_through_500_levels_is_worked_off_iteratively() -> None:
    class Digs(Actor[Any]):
        intensity = Intensity(0, 5.0)

        def __init__(self, depth: int) -> None:
            self.depth = depth

        async def startup(self, ctx: Context) -> None:
            if self.depth:
                ctx.start_soon(Digs, self.depth - 1, restart="permanent", shutdown=None, name="a")

        def receive(self, message: Any, ctx: Context) -> None:
            raise OSError("at the bottom")

    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            await root.start(Digs, 500, restart="permanent", shutdown=None, name="a")
            await wait_all_tasks_blocked()
            root.lookup("/".join(["a"] * 501)).tell("x")
            await trio.sleep_forever()
    error: BaseException | None = caught.value.exceptions[0]
    chain = 0
    while isinstance(error, RestartIntensityExceeded):
        chain += 1
        error = error.__cause__
    assert chain == 501
    assert isinstance(error, OSError)
