"""A cancellation or an interrupt at every step of an ask."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import MailboxSpec, TurnInterrupted
from greenroom.testing import open_tree

from .server import ALL, AgentServer, Get, OwnServer, Server, Slow, Via, is_free_of_waits
from .step import cancel_after

settle = trio.testing.wait_all_tasks_blocked


# -- interrupts


@pytest.mark.parametrize("factory", [Server, OwnServer, AgentServer])
async def test_an_interrupted_request_says_so(factory: Callable[..., Any]) -> None:
    """P22, P23."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(TurnInterrupted):
                    await ref.ask(Slow(100))

            nursery.start_soon(ask)
            await settle()
            assert await ref.interrupt() is True
        assert await ref.ask(Get()) == 2


# -- cancellation at every checkpoint


@pytest.mark.parametrize("factory", ALL)
@pytest.mark.parametrize("capacity", [None, 1])
async def test_an_ask_can_be_cancelled_at_every_step(factory: Callable[..., Any], capacity: int | None) -> None:
    """P14, P17: answered, or nothing is left of it; the server is there for the next."""
    async with open_tree("stage") as root:
        spec = MailboxSpec(capacity, "wait") if capacity else MailboxSpec()

        ends: list[str] = []
        for n in range(15):
            ref = root.start_soon(factory, mailbox=spec)
            if capacity:
                ref.tell("in the way")
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:
                    if n == 0:
                        scope.cancel()
                    nursery.start_soon(cancel_after, scope, n)
                    assert await ref.ask(Get()) in (1, 2)
                    ends.append("answered")
                if scope.cancelled_caught:
                    ends.append("cancelled")
                nursery.cancel_scope.cancel()
            assert len(ends) == n + 1
            with trio.fail_after(5):
                assert await ref.ask(Get()) in (1, 2, 3)
            assert is_free_of_waits(root)
            assert ref._slot.box.waiting == 0
            await ref.stop()
        assert set(ends) == {"answered", "cancelled"}


@pytest.mark.parametrize("factory", [Server, OwnServer])
async def test_a_nested_ask_can_be_interrupted_at_every_step(factory: Callable[..., Any]) -> None:
    """P18, P22: no edge and no deadline is left behind."""
    async with open_tree("stage") as root:
        for n in range(30):
            end = root.start_soon(Server)
            ref = root.start_soon(factory)
            async with trio.open_nursery() as nursery:

                async def ask() -> None:
                    try:  # noqa: SIM105 -- the body is awaited
                        assert await ref.ask(Via(end, Get(), timeout=5), timeout=9) == 1  # noqa: B023
                    except TurnInterrupted:
                        pass

                nursery.start_soon(ask)
                for _ in range(n):
                    await trio.lowlevel.checkpoint()
                await ref.interrupt()
            await settle()
            assert is_free_of_waits(root)
            assert await end.ask(Via(ref, Get())) in (1, 2)
