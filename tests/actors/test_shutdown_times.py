"""P28: how long an end may take, and what follows when it takes longer."""

from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    Context,
    Crashed,
    Intensity,
    Killed,
    RestartIntensityExceeded,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .closes import Closes, OwnCloses, nothing_left

Log = list[Any]


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
