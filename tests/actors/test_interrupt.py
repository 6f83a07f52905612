from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Agent, Completed, Context, Idle, Interrupted, Request, Running, Turn, TurnInterrupted
from greenroom.testing import open_tree

from .interruptible import KINDS, AgentRuns, Get, Runs, forever

settle = trio.testing.wait_all_tasks_blocked


@pytest.mark.parametrize("kind", KINDS)
async def test_an_interrupt_cancels_the_turn_and_keeps_the_actor(kind: Any) -> None:
    """P22."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        ref.tell(forever)
        await settle()
        assert ref.status == Running()
        actor = ref._slot.actor
        assert await ref.interrupt() is True
        assert ref.status == Interrupted()
        ref.tell("next")
        assert await ref.ask(Get()) == ["next"]
        assert ref._slot.actor is actor
        assert (ref.incarnation, root.dead_letters.total) == (1, 0)
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_interrupt_without_a_turn_does_nothing(kind: Any) -> None:
    """P22: and says so."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        generation = ref.generation
        assert await ref.interrupt() is False
        await ref.wait_ready()
        generation = ref.generation
        assert await ref.interrupt() is False
        assert (ref.status, ref.generation) == (Idle(), generation)
        await ref.stop()
        assert await ref.interrupt() is False


async def test_an_interrupt_hits_exactly_one_of_fifty_suspended_actors() -> None:
    """P22: in the pool, where they share a few tasks."""
    ended: list[int] = []

    def sleeper(number: int) -> Any:
        async def sleep(_ctx: Context) -> None:
            try:
                await trio.sleep(100)
            except trio.Cancelled:
                ended.append(number)
                raise
            ended.append(1_000 + number)

        return sleep

    async with open_tree("stage") as root:
        refs = [root.start_soon(Runs) for _ in range(50)]
        for number, ref in enumerate(refs):
            ref.tell(sleeper(number))
        await settle()
        for victim in (17, 3, 49, 0):
            ended.clear()
            assert await refs[victim].interrupt()
            assert ended == [victim]
            refs[victim].tell(sleeper(victim))
            await settle()
        ended.clear()
        await trio.sleep(101)
        assert sorted(ended) == [1_000 + number for number in range(50)]
        assert root.dead_letters.total == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_the_interrupted_request_says_so_and_the_next_turn_starts_if_mail_waits(kind: Any) -> None:
    """P22, P23."""

    class Run(Request[Any]):
        async def __call__(self, ctx: Context) -> None:
            await forever(ctx)

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                request = Run()
                with pytest.raises(TurnInterrupted) as caught:
                    await ref.ask(request)
                assert caught.value.message is request

            nursery.start_soon(ask)
            await settle()
            ref.tell("a")
            ref.tell("b")
            await ref.interrupt()
        assert await ref.ask(Get()) == ["a", "b"]
        root.reports.drain()


async def test_an_actor_that_interrupts_itself_from_a_def_handler_is_not_hurt() -> None:
    """P22: there is nothing to cancel in it, and nothing leaks into what follows, its own or others'."""
    done: list[Any] = []

    class Sync(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            done.append(message)
            if message == "self":
                slot = ctx.ref._slot
                assert slot.runtime.interrupt(slot)
                return None
            return self.check(message)

        async def check(self, message: Any) -> None:
            await trio.lowlevel.checkpoint()
            done.append(f"{message} done")

    async with open_tree("stage") as root:
        ref, other = root.start_soon(Sync), root.start_soon(Sync)
        for message in ("self", "a", "self", "b"):
            ref.tell(message)
        other.tell("c")
        await settle()
        assert [each for each in done if each not in ("c", "c done")] == ["self", "a", "a done", "self", "b", "b done"]
        assert "c done" in done
        assert root.dead_letters.total == 0


async def test_an_agent_can_cancel_its_own_direct_turn() -> None:
    """P22."""
    handles: list[Any] = []

    class Selfish(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> str:
            if handles:
                handles.pop().cancel()
                await trio.sleep_forever()
            return "done"

    async with open_tree("stage") as root:
        ref = await root.start(Selfish)
        handle = ref.start_turn("x")
        handles.append(handle)
        assert (await handle.outcome()).kind == "interrupted"
        assert await ref.run_turn("y") == "done"
        assert ref.status == Completed("done")
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cascade", [False, True])
async def test_an_interrupt_goes_to_descendants_only_when_asked(kind: Any, cascade: bool) -> None:
    """P22."""
    refs: list[Any] = []

    async def family(ctx: Context) -> None:
        child = await ctx.start(kind)
        refs.append(child)
        child.tell(grand)
        child.tell("kept")
        await trio.sleep_forever()

    async def grand(ctx: Context) -> None:
        grandchild = await ctx.start(kind)
        refs.append(grandchild)
        grandchild.tell(forever)
        await trio.sleep_forever()

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(kind)
        ref.tell(family)
        await settle()
        assert [each.status for each in refs] == [Running()] * 2
        assert await ref.interrupt(cascade=cascade)
        assert ref.status == Interrupted()
        child, grandchild = refs
        assert [each.status for each in refs] == (
            [Interrupted() if kind is not AgentRuns else child.status, Interrupted()] if cascade else [Running()] * 2
        )
        await settle()
        if cascade:  # an agent had begun its turn with both
            assert await child.ask(Get()) == ([] if kind is AgentRuns else ["kept"])
        assert await root.lookup(ref.path).interrupt() is False
        assert grandchild.is_alive
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_mail_is_conserved_by_an_interrupt_at_each_of_the_first_steps(kind: Any) -> None:
    """P14, P22: a sweep over forty steps of a turn with nested waits; the interrupted one is done with, no other is touched."""
    for steps in range(40):
        kept: list[Any] = []

        async def long(_ctx: Context) -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            async with trio.open_nursery() as nursery:
                for _ in range(2):
                    nursery.start_soon(trio.lowlevel.checkpoint)
            kept.append("long")  # noqa: B023

        async with open_tree("stage") as root:
            ref = root.start_soon(kind, kept)
            ref.tell(long)
            ref.tell("a")
            ref.tell("b", urgent=steps % 2 == 0)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            await ref.interrupt()
            ref.tell("c")
            await settle()
            assert ref.status == Idle() or kind is AgentRuns or ref.status == Interrupted()
            mail = [each for each in kept if each != "long"]
            if kind is AgentRuns:
                assert mail in (["a", "b", "c"], ["b", "a", "c"], ["b", "c"], ["c"])
            else:
                assert mail in (["a", "b", "c"], ["b", "a", "c"])
            assert root.dead_letters.total == 0
            assert not ref._slot.box.has_triggers
            root.reports.drain()


@pytest.mark.parametrize("grace", [-1, float("nan"), float("inf"), "5", None, True])
async def test_a_wrong_grace_is_refused(grace: Any) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Runs)
        ref.tell(forever)
        await settle()
        with pytest.raises(ValueError, match="interrupt: grace"):
            await ref.interrupt(grace=grace)
        assert ref.status == Running()


async def test_an_interrupt_that_is_cancelled_stays_requested() -> None:
    """P22."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Runs)
        cleaned = trio.Event()

        async def slow(_ctx: Context) -> None:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(5)
                cleaned.set()

        ref.tell(slow)
        await settle()
        with trio.move_on_after(1) as scope:
            await ref.interrupt(grace=100)
        assert scope.cancelled_caught
        assert ref.status == Running()
        await cleaned.wait()
        await settle()
        assert ref.status == Interrupted()


async def test_two_interrupts_at_once_are_one() -> None:
    """P22."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Runs)
        ref.tell(forever)
        await settle()
        ref.tell(forever)
        found: list[bool] = []

        async def interrupt() -> None:
            found.append(await ref.interrupt())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupt)
            nursery.start_soon(interrupt)
        assert found == [True, True]
        await settle()
        # The second message is still being handled, or a later interrupt has met it: never none, never more than asked for.
        assert ref._slot.box.seq == 2
        assert ref._slot.box.has_triggers is False


async def test_an_interrupt_ends_the_turn_of_an_actor_that_is_stopping() -> None:
    """P22: section 3, row draining, stopping."""
    async with open_tree("stage") as root:
        for kind in KINDS:
            ref = root.start_soon(kind, shutdown=None)
            ref.tell(forever)
            await settle()
            ref.request_stop()
            await settle()
            assert ref.lifecycle == "stopping"
            assert await ref.interrupt() is True
            with trio.fail_after(1):
                await ref.wait_stopped()
        root.reports.drain()
