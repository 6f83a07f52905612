"""on_error's answers stop and escalate."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    Agent,
    ChildEnded,
    Context,
    Crashed,
    ErrorEscalated,
    Finished,
    Intensity,
    Killed,
    RestartIntensityExceeded,
    Shutdown,
    StartupFailed,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .failing import KINDS, Mend, Plain, ask, function

Log = list[Any]


# -- stop


@pytest.mark.parametrize("kind", [*KINDS, function])
@pytest.mark.parametrize(
    ("restart", "life"), [("permanent", "parked"), ("transient", "parked"), ("temporary", "stopped")]
)
async def test_stop_ends_as_shutdown_and_the_child_is_parked_or_forgotten(
    kind: Any, restart: Any, life: str, caplog: pytest.LogCaptureFixture
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a", restart=restart, on_error={Mend: "stop"})
        error = Mend("x")
        got = await ask(ref, error)
        assert isinstance(got, ActorCrashed)
        assert got.error is error
        assert await ref.wait_stopped() == Shutdown(error)
        assert (ref.lifecycle, ref.status) == (life, Shutdown(error))
        report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
        assert (report.reason, report.by, report.restarting) == (Shutdown(error), "itself", False)
        if life == "parked":
            await root.restart_child("a")
            assert await ask(ref, 3) == 3
    assert "/stage/a: stops, as its on_error says: Mend: x" in [record.getMessage() for record in caplog.records]


async def test_what_stop_leaves_in_the_mailbox_is_dead_and_what_had_been_drained_too() -> None:
    class Drains(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await trio.sleep(1)
            turn.drain()
            raise Mend

    async with open_supervisor("stage") as root:
        ref = await root.start(Drains, on_error={Mend: "stop"})
        ref.tell(1)
        await wait_all_tasks_blocked()
        ref.tell(2)
        ref.tell(3)
        await ref.wait_stopped()
        assert root.dead_letters.counts == {"stopped": 2}


async def test_a_stop_by_on_error_outweighs_what_the_actor_said_of_its_end() -> None:
    class Leaves(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop("result")
            raise Mend

    async with open_tree("stage") as root:
        ref = await root.start(Leaves, restart="permanent", name="a", on_error={Mend: "stop"})
        ref.tell(1)
        assert isinstance(await ref.wait_stopped(), Shutdown)
        assert ref.lifecycle == "parked"
        resumed = await root.start(Leaves, name="b", on_error={Mend: "resume"})
        resumed.tell(1)
        assert await resumed.wait_stopped() == Finished("result")


# -- escalate


@pytest.mark.parametrize("kind", [*KINDS, function])
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
async def test_escalate_makes_the_supervisor_give_up_at_once_whatever_its_intensity(kind: Any, restart: Any) -> None:
    error = Mend("x")
    got: Log = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(1_000, 5.0)) as root:
            ref = await root.start(kind, Log(), name="a", restart=restart, on_error={Mend: "escalate"})
            got += [ref, await ask(ref, error)]
            await trio.sleep_forever()
    [gave_up] = caught.value.exceptions
    assert isinstance(gave_up, ErrorEscalated)
    assert (gave_up.path, gave_up.child, gave_up.reason) == ("/stage", "/stage/a", Crashed(error))
    assert gave_up.__cause__ is error
    assert str(gave_up) == "/stage: gave up, as /stage/a escalates what it raised: Mend: x"
    assert got[0].exit_reason == Crashed(error)
    assert isinstance(got[1], ActorCrashed)


class Boss(Actor[Any]):
    """Have a child that escalates; crash with what it is told."""

    intensity = Intensity(1_000, 5.0)

    def __init__(self, log: Log) -> None:
        self.log = log

    async def startup(self, ctx: Context) -> None:
        self.log.append(("boss", ctx.ref.incarnation))
        ctx.start_soon(Plain, self.log, name="a", restart="permanent", on_error={Mend: "escalate"})
        ctx.start_soon(Plain, self.log, name="b", restart="permanent")

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep_forever()


async def test_an_actor_with_children_gives_up_for_them_and_its_own_supervisor_judges_that() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        boss = await root.start(Boss, log, name="boss", restart="permanent", on_error={Exception: "resume"})
        boss.tell("hangs in a message meanwhile")
        await wait_all_tasks_blocked()
        sibling = root.lookup("boss/b")
        error = Mend("x")
        root.lookup("boss/a").tell(error)
        await wait_all_tasks_blocked()
        assert boss.incarnation == 2
        assert sibling.lifecycle == "stopped"  # bypassing the boss's own on_error
        report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
        assert isinstance(report.reason.error, ErrorEscalated)  # type: ignore[union-attr]
        assert report.reason.error.__cause__ is error  # type: ignore[union-attr]
        assert [each for each in log if each[0] == "boss"] == [("boss", 1), ("boss", 2)]


async def test_an_escalation_that_goes_on_upward_keeps_the_whole_chain() -> None:
    error = Mend("at the bottom")
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            await root.start(Boss, Log(), name="boss", restart="permanent")
            root.lookup("boss/a").tell(error)
            await trio.sleep_forever()
    [above] = caught.value.exceptions
    assert isinstance(above, RestartIntensityExceeded)
    assert str(above).endswith("the last one Mend: at the bottom")
    below = above.__cause__
    assert isinstance(below, ErrorEscalated)
    assert below.__cause__ is error


async def test_an_escalation_to_one_that_is_still_starting_is_its_failure_to_start() -> None:
    class Waits(Boss):
        async def startup(self, ctx: Context) -> None:
            await super().startup(ctx)
            await trio.sleep(5)

    async with open_tree("stage") as root:
        boss = root.start_soon(Waits, Log(), name="boss")
        await wait_all_tasks_blocked()
        root.lookup("boss/a").tell(Mend("x"))
        reason = await boss.wait_stopped()
        assert isinstance(reason, StartupFailed)
        assert isinstance(reason.error, ErrorEscalated)
        assert trio.current_time() == 0
        root.reports.drain()


async def test_who_was_told_to_end_escalates_nothing() -> None:
    class Untidy(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            try:
                await trio.sleep(1)
            finally:
                raise Mend("on the way out")

    async with open_tree("stage") as root:
        for end in ("stop", "kill"):
            ref: Any = await root.start(Untidy, name=end, restart="permanent", on_error={Mend: "escalate"})
            ref.tell(1)
            await wait_all_tasks_blocked()
            await getattr(ref, end)()
            assert ref.lifecycle == "parked"
            assert isinstance(ref.exit_reason, Crashed if end == "stop" else Killed)
        assert root.ref.is_alive
