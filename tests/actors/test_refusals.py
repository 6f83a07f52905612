"""Who refuses what in which state: the admission table, row by row."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    ActorRef,
    ActorStopping,
    Agent,
    Context,
    NoActiveTurn,
    Request,
    Shutdown,
    StartupFailed,
    StartupInProgress,
    Turn,
    TurnInProgress,
)
from greenroom.actors._admission import ADMISSION, IN_TURN
from greenroom.actors._lifecycle import Lifecycle
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[int]):
    pass


class Thinker(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> int:
        for mail in turn.mail:
            if isinstance(mail.message, trio.Event):
                await mail.message.wait()
        return len(turn.mail)


def answers(row: Any, column: str) -> Any:
    return ADMISSION[row][column]  # type: ignore[index]


async def carry_out(call: Callable[[], Any]) -> None:
    result = call()
    if hasattr(result, "__await__"):
        await result


async def check_refusals(ref: ActorRef[Any], row: Any) -> None:
    """What the table refuses is refused with the error named, gives the message back, and leaves no trace."""
    box = ref._slot.box
    before = (box.seq, box.waiting, ref.status, ref.generation, ref.lifecycle)
    calls: list[tuple[str, Any]] = [
        ("mail", lambda: ref.tell("no")),
        ("mail", lambda: ref.send("no")),
        ("mail", lambda: ref.ask(Get())),
        ("turn", lambda: ref.start_turn("no")),
        ("turn", lambda: ref.run_turn("no")),
        ("steer", lambda: ref.steer("no")),
    ]
    for column, call in calls:
        answer = answers(row, column)
        if not (isinstance(answer, type) or answer == "failed"):
            continue
        expected = StartupFailed if answer == "failed" else answer
        with pytest.raises(expected) as caught:
            await carry_out(call)
        assert type(caught.value) is expected
        assert caught.value.message == "no" or isinstance(caught.value.message, Get)
        assert str(caught.value).startswith(ref.path)
        assert (box.seq, box.waiting, ref.status, ref.generation, ref.lifecycle) == before
    if isinstance(answers(row, "mail"), type) or answers(row, "mail") == "failed":
        assert ref.try_tell("no") is False
    # Looking never blocks and changes nothing.
    assert isinstance(ref.path, str)
    assert ref.exit_reason is None or ref._slot.has_ended
    assert (box.seq, box.waiting, ref.status, ref.generation, ref.lifecycle) == before


async def test_refusals_of_a_queued_or_initializing_agent() -> None:
    """Section 3."""

    class Late(Thinker):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)

    async with open_tree("stage") as root:
        ref = root.start_soon(Late)
        await check_refusals(ref, Lifecycle.INITIALIZING)
        await settle()
        await check_refusals(ref, Lifecycle.INITIALIZING)
        assert await ref.interrupt() is False
        drained = trio.Event()

        async def drain() -> None:
            assert await ref.drain() == Shutdown()
            drained.set()

        async with trio.open_nursery() as nursery:
            ref.tell("early")
            nursery.start_soon(drain)
            await settle()
            assert ref.lifecycle == "initializing"
        assert drained.is_set()
        reports = root.reports.drain()
        assert len(reports) == 2  # the turn for the early mail, and the end


async def test_refusals_of_an_agent_that_is_ready_idle_and_in_a_turn() -> None:
    """Section 3."""
    async with open_tree("stage") as root:
        ref = await root.start(Thinker)
        await check_refusals(ref, Lifecycle.READY)
        go = trio.Event()
        ref.tell(go)
        await settle()
        await check_refusals(ref, IN_TURN)
        with pytest.raises(TurnInProgress):
            ref.start_turn("x")
        go.set()
        await settle()
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        root.reports.drain()


async def test_refusals_of_a_stopping_draining_and_stopped_agent() -> None:
    """Section 3."""
    for end, row in (("request_stop", Lifecycle.STOPPING), ("drain", Lifecycle.DRAINING)):
        async with open_tree("stage") as root, trio.open_nursery() as nursery:
            ref = await root.start(Thinker)
            go = trio.Event()
            ref.tell(go)
            await settle()
            if end == "drain":
                nursery.start_soon(ref.drain)
                await settle()
            else:
                ref.request_stop()
            assert ref.lifecycle == row.value
            await check_refusals(ref, row)
            with pytest.raises(ActorStopping):
                ref.tell("x")
            go.set()
            await ref.wait_stopped()
            await check_refusals(ref, Lifecycle.STOPPED)
            assert await ref.interrupt() is False
            assert await ref.stop() == Shutdown()
            assert await ref.drain() == await ref.kill() == Shutdown()
            root.reports.drain()


async def test_refusals_of_a_parked_agent() -> None:
    """Section 3."""
    async with open_tree("stage") as root:
        ref = await root.start(Thinker, restart="permanent", name="a")
        await root.terminate_child("a")
        assert ref.lifecycle == "parked"
        await check_refusals(ref, Lifecycle.PARKED)


async def test_refusals_of_an_agent_that_failed_to_start() -> None:
    """Section 3, P11."""

    class Broken(Thinker):
        async def startup(self, ctx: Context) -> None:
            raise OSError("no luck")

    async with open_tree("stage") as root:
        ref = root.start_soon(Broken)
        await settle()
        assert ref.lifecycle == "failed"
        await check_refusals(ref, Lifecycle.FAILED)
        with pytest.raises(StartupFailed, match="failed to initialize: OSError: no luck"):
            ref.tell("x")
        root.reports.drain()


async def test_an_early_direct_turn_says_that_startup_is_in_progress() -> None:
    """Section 2: the text is fixed."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Thinker, name="a")
        with pytest.raises(StartupInProgress) as caught:
            ref.start_turn("x")
        assert str(caught.value) == "/stage/a: startup is still in progress"
