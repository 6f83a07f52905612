"""Direct turns: begun by a call, and told of by a handle."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorStopped,
    ActorStopping,
    Completed,
    Context,
    Errored,
    Interrupted,
    NoActiveTurn,
    Running,
    Turn,
    TurnInProgress,
    TurnOutcome,
)
from greenroom.testing import open_tree

from .scripted import Gate, Scripted, messages
from .step import cancel_after

settle = trio.testing.wait_all_tasks_blocked


async def test_a_direct_turn_gives_its_result() -> None:
    """P23."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        assert await ref.run_turn("now") == "done"
        handle = ref.start_turn("again")
        assert handle.id == 2
        assert not handle.is_done
        assert repr(handle) == f"<TurnHandle {ref.path} turn 2 running>"
        assert await handle.outcome() == TurnOutcome("completed", "done")
        assert handle.is_done
        assert await handle.outcome() == TurnOutcome("completed", "done")
        assert handle.cancel() is False
        root.reports.drain()


async def test_a_direct_turn_sees_its_message_alone_and_may_drain_the_rest() -> None:
    """P21."""
    saw: list[Any] = []

    async def first(turn: Turn[Any], _ctx: Context) -> Any:
        return messages(turn.drain())

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw)
        ref.tell("queued", trigger_turn=False)
        assert await ref.run_turn("direct") == ["queued"]
        assert saw == [["direct"]]
        root.reports.drain()


async def test_a_direct_turn_is_refused_while_one_is_active_or_due() -> None:
    """P20: with no trace left."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        ref.tell("due")
        before = (ref._slot.box.seq, ref.generation, ref.status)
        with pytest.raises(TurnInProgress) as caught:
            ref.start_turn("no")
        assert caught.value.message == "no"
        assert (ref._slot.box.seq, ref.generation, ref.status) == before
        await settle()
        before = (ref._slot.box.seq, ref.generation, ref.status)
        with pytest.raises(TurnInProgress):
            ref.start_turn("no")
        assert (ref._slot.box.seq, ref.generation, ref.status) == before
        gate.go.set()
        await settle()
        assert await ref.run_turn("yes") == "done"
        root.reports.drain()


async def test_turns_are_for_agents() -> None:
    class Plain(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            pass

    async with open_tree("stage") as root:
        ref = await root.start(Plain)
        with pytest.raises(TypeError, match="no agent"):
            ref.start_turn("x")
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        assert ref._slot.box.seq == 0


async def test_a_turn_that_raises_is_errored_and_the_agent_goes_on() -> None:
    """P23, P24."""
    error = OSError("no disk")

    async def fail(_turn: Turn[Any], _ctx: Context) -> None:
        raise error

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [fail, fail])
        with pytest.raises(ActorCrashed, match="OSError: no disk") as caught:
            await ref.run_turn("x")
        assert caught.value.error is error
        assert ref.status == Errored(error)
        handle = ref.start_turn("y")
        outcome = await handle.outcome()
        assert (outcome.kind, outcome.error, outcome.cause) == ("errored", error, "OSError: no disk")
        assert await ref.run_turn("z") == "done"
        assert ref.status == Completed("done")
        root.reports.drain()


async def test_a_direct_turn_that_is_stopped_killed_or_crashed_says_so() -> None:
    """P23."""
    for end, kind in (("kill", "stopped"), ("crash", "crashed")):
        async with open_tree("stage") as root:
            ref = await root.start(Scripted, [Gate()])
            handle = ref.start_turn("x")
            await settle()
            if end == "crash":
                ref.crash(OSError("pulled"))
            else:
                await ref.kill()
            assert (await handle.outcome()).kind == kind
            root.reports.drain()


async def test_a_direct_turn_that_never_began_is_undeliverable() -> None:
    """P20, P23."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [], saw)
        handle = ref.start_turn("x")
        ref.request_stop()
        assert (await handle.outcome()).kind == "undeliverable"
        assert saw == []
        with pytest.raises(ActorStopped):
            await ref.run_turn("y")
        root.reports.drain()


async def test_run_turn_of_an_agent_that_ends_first_says_that_it_has_stopped() -> None:
    """P23."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [Gate()])
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                with pytest.raises(ActorStopped):
                    await ref.run_turn("x")

            nursery.start_soon(run)
            await settle()
            await ref.kill()
        root.reports.drain()


async def test_a_direct_turn_that_has_begun_is_finished_before_a_stop() -> None:
    """P20, P26."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        handle = ref.start_turn("x")
        await settle()
        ref.request_stop()
        with pytest.raises(ActorStopping):
            ref.start_turn("y")
        gate.go.set()
        assert await handle.outcome() == TurnOutcome("completed", "let go")
        await ref.wait_stopped()
        root.reports.drain()


async def test_a_direct_turn_is_finished_before_a_drain_even_if_it_has_not_begun() -> None:
    """P23, P26: it was accepted."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        handle = ref.start_turn("x")
        await ref.drain()
        assert await handle.outcome() == TurnOutcome("completed", "done")
        root.reports.drain()


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelling_a_handle_interrupts_its_turn(begun: bool) -> None:
    """P22: whether it has begun or not."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [Gate()], saw)
        handle = ref.start_turn("x")
        if begun:
            await settle()
        assert handle.cancel() is True
        assert await handle.outcome() == TurnOutcome("interrupted")
        assert handle.cancel() is False
        assert ref.status == Interrupted()
        assert saw == ([["x"]] if begun else [])
        ref.tell("next")
        await settle()
        assert saw[-1] == ["next"]
        root.reports.drain()


async def test_an_interrupt_ends_a_direct_turn_that_has_not_begun() -> None:
    """P22: and mail that waits starts the next one."""
    saw: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [], saw)
        handle = ref.start_turn("x")
        ref.tell("mail")
        assert await ref.interrupt() is True
        assert await handle.outcome() == TurnOutcome("interrupted")
        await settle()
        assert saw == [["mail"]]
        root.reports.drain()


async def test_a_handle_of_an_earlier_turn_does_not_cancel_a_later_one() -> None:
    """P22."""
    async with open_tree("stage") as root:
        gate = Gate()
        ref = await root.start(Scripted, [gate, gate])
        first = ref.start_turn("x")
        await settle()
        first.cancel()
        await first.outcome()
        second = ref.start_turn("y")
        await settle()
        assert first.cancel() is False
        gate.go.set()
        assert (await second.outcome()).kind == "completed"
        root.reports.drain()


async def test_a_caller_of_run_turn_who_leaves_interrupts_the_turn_at_every_step() -> None:
    """P22: a sweep; afterwards the agent is free."""
    async with open_tree("stage") as root:
        ends: list[str] = []
        for steps in range(12):
            saw: list[Any] = []

            async def short(_turn: Turn[Any], _ctx: Context) -> str:
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
                return "short"

            ref = await root.start(Scripted, [short], saw)
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    if steps == 0:
                        scope.cancel()
                    nursery.start_soon(cancel_after, scope, steps)
                    ends.append(await ref.run_turn("x"))
                    nursery.cancel_scope.cancel()
            if scope.cancelled_caught:
                ends.append("cancelled")
            await settle()
            assert not isinstance(ref.status, Running)
            assert await ref.run_turn("y") in ("short", "done")
            assert len(saw) in (1, 2)
        assert {"short", "cancelled"} <= set(ends)
        root.reports.drain()
