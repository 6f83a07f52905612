"""What the code of an interrupted handler may do: swallow it, fail, clean up, or be through already."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorCrashed, Context, Errored, Interrupted, Request, Running, StillRunning
from greenroom.testing import open_tree

from .interruptible import KINDS, AgentRuns, Get

settle = trio.testing.wait_all_tasks_blocked


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
