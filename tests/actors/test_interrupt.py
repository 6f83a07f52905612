from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    Agent,
    Completed,
    Context,
    Errored,
    Idle,
    Interrupted,
    Request,
    Running,
    StillRunning,
    Turn,
    TurnInterrupted,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[Any]):
    pass


class Runs(Actor[Any]):
    """Run each message, an async function of the context, and keep the others."""

    def __init__(self, kept: list[Any] | None = None) -> None:
        self.kept: list[Any] = [] if kept is None else kept

    async def receive(self, message: Any, ctx: Context) -> Any:
        if callable(message):
            return await message(ctx)
        if isinstance(message, Get):
            return list(self.kept)
        self.kept.append(message)
        return None


class OwnRuns(Runs):
    own_task = True


class AgentRuns(Agent[Any]):
    def __init__(self, kept: list[Any] | None = None) -> None:
        self.runs = Runs(kept)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            result = await self.runs.receive(mail.message, ctx)
        return result


KINDS: list[Any] = [Runs, OwnRuns, AgentRuns]


async def forever(_ctx: Context) -> None:
    await trio.sleep_forever()


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
async def test_a_cancellation_is_level_triggered_until_the_turn_ends(kind: Any) -> None:
    """P22: as Trio's."""
    hits = 0

    async def stubborn(_ctx: Context) -> None:
        nonlocal hits
        for _ in range(3):
            try:
                await trio.lowlevel.checkpoint()
                await trio.sleep_forever()
            except trio.Cancelled:
                hits += 1

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        ref.tell(stubborn)
        await settle()
        await ref.interrupt()
        assert hits == 3
        ref.tell("next")
        assert await ref.ask(Get()) == ["next"]
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_handler_that_swallows_its_cancellation_is_reported_with_its_stack(kind: Any) -> None:
    """P22: it cannot be ended by anybody, and the actor stays in that turn."""
    go = trio.Event()

    async def swallow(_ctx: Context) -> str:
        with trio.CancelScope(shield=True):
            await go.wait()
        return "after all"

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        answers: list[Any] = []

        async def ask() -> None:
            class Run(Request[Any]):
                async def __call__(self, ctx: Context) -> Any:
                    return await swallow(ctx)

            answers.append(await ref.ask(Run()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            try:
                ref.tell("next")
                before = trio.current_time()
                with pytest.raises(StillRunning) as caught:
                    await ref.interrupt(grace=2.5)
                assert trio.current_time() - before == pytest.approx(2.5)
                error = caught.value
                assert (error.path, error.seconds) == (ref.path, 2.5)
                assert "in test_a_handler_that_swallows_its_cancellation" in error.stack
                assert "swallow" in error.stack
                assert error.stack in str(error)
                assert ref.status == Running()
                with pytest.raises(StillRunning):
                    await ref.interrupt(grace=0)
            finally:
                go.set()
        assert answers == ["after all"]
        assert await ref.ask(Get()) == ["next"]
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_after_a_swallowed_interrupt_is_not_cancelled(kind: Any) -> None:
    """P22: a late interrupt never hits the next turn."""
    done: list[Any] = []

    async def swallow(_ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            done.append("swallowed")

    async def check(_ctx: Context) -> None:
        await trio.sleep(1)
        done.append("not cancelled")

    async with open_tree("stage") as root:
        ref, other = root.start_soon(kind), root.start_soon(kind)
        ref.tell(swallow)
        await settle()
        ref.tell(check)
        other.tell(check)
        await ref.interrupt()
        await trio.sleep(5)
        assert done == ["swallowed", "not cancelled", "not cancelled"]
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_interrupt_after_the_wake_up_lets_the_handler_finish(kind: Any) -> None:
    """P22: it had been woken before; it is completed, and the next message is not hit."""
    event = trio.Event()
    done: list[str] = []

    async def wait(_ctx: Context) -> str:
        await event.wait()
        done.append("completed")
        return "completed"

    async def check(_ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        done.append("next")

    class Run(Request[Any]):
        async def __call__(self, ctx: Context) -> str:
            return await wait(ctx)

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Run()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            ref.tell(check)
            event.set()
            assert ref._slot.runtime.interrupt(ref._slot)
            await settle()
            assert answers == ["completed"]
            assert done == ["completed", "next"]
        root.reports.drain()


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


@pytest.mark.parametrize("kind", KINDS)
async def test_scopes_and_nurseries_inside_a_handler_are_its_own(kind: Any) -> None:
    """P22: an inner timeout does not end the turn, an interrupt goes through an inner nursery."""
    done: list[str] = []

    async def inner(_ctx: Context) -> None:
        with trio.move_on_after(1):
            await trio.sleep_forever()
        done.append("timed out inside")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                done.append("cleanup")

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        ref.tell(inner)
        await trio.sleep(5)
        assert done == ["timed out inside"]
        await ref.interrupt()
        assert done == ["timed out inside", "cleanup"]
        assert ref.status == Interrupted()
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_in_the_cleanup_of_an_interrupted_handler_is_not_lost(kind: Any) -> None:
    """P22, P23: for an actor it is a crash, for an agent the turn is errored."""

    class Run(Request[Any]):
        async def __call__(self, ctx: Context) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(self.fail)

        async def fail(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("in cleanup")

    async with open_tree("stage") as root:
        ref = root.start_soon(kind, restart="permanent")
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorCrashed, match="in cleanup"):
                    await ref.ask(Run())

            nursery.start_soon(ask)
            await settle()
            await ref.interrupt()
        await settle()
        assert ref.incarnation == (1 if kind is AgentRuns else 2)
        if kind is AgentRuns:
            assert isinstance(ref.status, Errored)
        ref.tell("next")
        assert await ref.ask(Get()) == ["next"]
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_in_place_of_the_cancellation_is_an_error_like_any_other(kind: Any) -> None:
    """P22, P23."""

    async def translate(_ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            raise OSError("translated") from None

    async with open_tree("stage") as root:
        ref = root.start_soon(kind, restart="permanent")
        ref.tell(translate)
        await settle()
        await ref.interrupt()
        await settle()
        assert ref.incarnation == (1 if kind is AgentRuns else 2)
        ref.tell("next")
        assert await ref.ask(Get()) == ["next"]
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
