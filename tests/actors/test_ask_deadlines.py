"""How long an ask waits: its timeout, and deadlines that travel with it."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorCrashed, AskTimeout, MailboxSpec
from greenroom.testing import open_tree

from .server import PLAIN, AgentServer, Get, Server, Slow, Via, is_free_of_waits

settle = trio.testing.wait_all_tasks_blocked


async def test_an_ask_times_out_after_its_time() -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)
        request = Slow(100)
        before = trio.current_time()
        with pytest.raises(AskTimeout) as caught:
            await ref.ask(request, timeout=2.5)
        error = caught.value
        assert trio.current_time() - before == pytest.approx(2.5)
        assert (error.seconds, error.begun, error.message) == (2.5, True, request)
        assert str(error) == f"{ref.path}: no answer within 2.5 s (it had begun)"
        assert isinstance(error, TimeoutError)
        assert is_free_of_waits(root)


async def test_an_ask_with_timeout_zero_is_over_at_once() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)
        before = trio.current_time()
        with pytest.raises(AskTimeout):
            await ref.ask(Slow(), timeout=0)
        assert trio.current_time() == before


async def test_an_ask_that_waits_for_room_times_out_and_says_after_how_long() -> None:
    """P15, P17: it was never accepted."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server, mailbox=MailboxSpec(1, "wait"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Slow(10))
            await settle()
            ref.tell(Get())
            before = trio.current_time()
            with pytest.raises(AskTimeout, match=r"no answer within 3 s .it had not begun") as caught:
                await ref.ask(Get(), timeout=3)
            assert trio.current_time() - before == pytest.approx(3.0)
            assert caught.value.seconds == pytest.approx(3.0)
            assert ref._slot.box.waiting_senders == 0
            assert root.dead_letters.total == 0
        assert await ref.ask(Get()) == 3
        assert is_free_of_waits(root)


async def test_an_ask_that_got_in_late_has_what_is_left_of_its_time() -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server, mailbox=MailboxSpec(1, "wait"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Slow(10))
            await settle()
            ref.tell(Slow(10))
            before = trio.current_time()
            with pytest.raises(AskTimeout, match=r"no answer within 15 s .it had not begun"):
                await ref.ask(Get(), timeout=15)
            assert trio.current_time() - before == pytest.approx(15.0)
            assert dict(root.dead_letters.counts) == {"caller gone": 1}


# -- deadlines that travel


@pytest.mark.parametrize("middle", [*PLAIN, AgentServer])
async def test_a_deadline_bounds_the_asks_nested_in_it(middle: Callable[..., Any]) -> None:
    """P17: the inner ask ends with the outer one, and its own shorter time counts."""
    async with open_tree("stage") as root:
        end = root.start_soon(Server, restart="permanent")
        ref = root.start_soon(middle, restart="permanent")
        before = trio.current_time()
        with pytest.raises((AskTimeout, ActorCrashed)):
            await ref.ask(Via(end, Slow(100), timeout=50), timeout=2)
        assert trio.current_time() - before == pytest.approx(2.0)
        await settle()
        # The inner one has ended with it: the asker in the middle is free again.
        assert len(root._slot.runtime.deadlines) == 0
        assert ref._slot.more is None or ref._slot.more.waiting_for is None
        before = trio.current_time()
        with pytest.raises(ActorCrashed, match="no answer within 1 s"):
            await ref.ask(Via(end, Slow(100), timeout=1), timeout=20)
        assert trio.current_time() - before == pytest.approx(1.0)
        root.reports.drain()


async def test_a_deadline_travels_over_several_asks() -> None:
    """P17."""
    async with open_tree("stage") as root:
        end = root.start_soon(Server)
        inner = root.start_soon(Server)
        outer = root.start_soon(Server)
        with pytest.raises((AskTimeout, ActorCrashed)):
            await outer.ask(Via(inner, Via(end, Slow(100))), timeout=3)
        assert trio.current_time() == pytest.approx(3.0)
        await settle()
        assert len(root._slot.runtime.deadlines) == 0
        root.reports.drain()


async def test_a_deadline_does_not_cancel_the_handler() -> None:
    """P17."""
    async with open_tree("stage") as root:
        server = Server()
        ref = root.start_soon(lambda: server)
        with pytest.raises(AskTimeout):
            await ref.ask(Slow(10), timeout=1)
        assert (server.begun, server.finished) == (1, 0)
        await trio.sleep(9.5)
        assert (server.begun, server.finished) == (1, 1)


async def test_a_deadline_is_not_inherited_by_the_next_message() -> None:
    """P17."""
    async with open_tree("stage") as root:
        end = root.start_soon(Server)
        ref = root.start_soon(Server)
        assert await ref.ask(Via(end, Get()), timeout=1) == 1
        assert await ref.ask(Via(end, Slow(50))) == "slow"


# -- bad input


@pytest.mark.parametrize("timeout", [-1, -0.5, float("nan"), float("inf"), "1", True, [1], 1j])
async def test_a_wrong_timeout_is_refused_before_anything_is_sent(timeout: Any) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)
        with pytest.raises(ValueError, match="ask: timeout"):
            await ref.ask(Get(), timeout=timeout)
        assert ref._slot.box.seq == 0
