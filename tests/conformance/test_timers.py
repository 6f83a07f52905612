"""Akka's and Pekko's timers: messages to oneself, later, that belong to the incarnation that set them."""

from typing import Any

import attrs
import pytest
import trio

from greenroom import Actor, Context
from greenroom.testing import Tree

from .cast import Boom

NO_MEANING = {
    "FSM timers": "there is no FSM kit; an actor's own state is one",
    "handle AutoReceivedMessages automatically": "no message ends an actor by itself (PoisonPill); a timer's tick is a message as any other",
}


@attrs.frozen
class Tick:
    n: int


class Target(Actor[Any]):
    """Tick every second or once; note what comes, and when."""

    starts = 0

    def __init__(self, seen: list[Any], *, repeat: bool = True) -> None:
        Target.starts += 1
        self.seen, self.repeat, self.n = seen, repeat, Target.starts

    async def startup(self, ctx: Context) -> None:
        ctx.send_after(1.0, Tick(self.n), key="T")

    async def receive(self, message: Any, ctx: Context) -> None:
        match message:
            case Tick(n):
                self.seen.append((trio.current_time(), n))
                if self.repeat:
                    ctx.send_after(1.0, Tick(n), key="T")
            case ("bump", seconds):
                await trio.sleep(seconds)
                self.n += 1
                ctx.send_after(1.0, Tick(self.n), key="T")
            case ("crash", seconds):
                await trio.sleep(seconds)
                raise Boom
            case "cancel":
                ctx.send_after(1.0, Tick(0), key="T").cancel()
            case _:
                ctx.stop()


@pytest.fixture(autouse=True)
def _from_one() -> None:
    Target.starts = 0


async def test_a_single_timer_ticks_once(tree: Tree) -> None:
    """Source: Akka Timers, schedule non-repeated ticks — one tick, at its time."""
    seen: list[Any] = []
    await tree.start(lambda: Target(seen, repeat=False))
    await trio.sleep(10)
    assert seen == [(1.0, 1)]


async def test_a_timer_that_is_set_again_at_each_tick_ticks_on(tree: Tree) -> None:
    """Source: Akka Timers, schedule repeated ticks — a tick every second.

    Departs: there are single timers only; one that its tick sets again has a fixed delay.
    """
    seen: list[Any] = []
    await tree.start(Target, seen)
    await trio.sleep(4.5)
    assert seen == [(1.0, 1), (2.0, 1), (3.0, 1), (4.0, 1)]


async def test_a_timer_with_the_key_of_another_replaces_it_and_its_tick_that_waits(tree: Tree) -> None:
    """Source: Akka Timers, replace timer — of the replaced timer nothing comes any more, not even a tick that is in the mailbox already."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen)
    await trio.sleep(1.5)
    ref.tell(("bump", 1.1))  # busy from 1.5 to 2.6: the tick of 2.0 waits, and is replaced
    await trio.sleep(2.6)
    assert seen == [(1.0, 1), (3.6, 2)]


async def test_a_cancelled_timer_does_not_tick(tree: Tree) -> None:
    """Source: Akka Timers, cancel timer — after it no tick comes."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen)
    await trio.sleep(1.5)
    ref.tell("cancel")
    await trio.sleep(10)
    assert seen == [(1.0, 1)]


async def test_a_restart_calls_all_timers_off(tree: Tree) -> None:
    """Source: Akka Timers, cancel timers when restarted — the next incarnation has its own timers and no others."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen, restart="permanent")
    await trio.sleep(0.5)
    ref.tell(("crash", 0.0))
    await trio.sleep(2.4)
    assert seen == [(1.5, 2), (2.5, 2)]


async def test_a_tick_that_waits_in_the_mailbox_is_not_the_next_incarnations(tree: Tree) -> None:
    """Source: Akka Timers, discard timers from old incarnation after restart, alt 1 — a tick that is queued when its incarnation ends is dropped."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen, restart="permanent")
    await trio.sleep(1.25)
    ref.tell(("crash", 1.5))  # busy until 2.75: the tick of 2.0 waits when it crashes
    await trio.sleep(3.0)
    assert seen == [(1.0, 1), (3.75, 2)]
    assert tree.dead_letters.counts["old incarnation"] == 1


async def test_a_restart_begins_with_the_first_timer_again(tree: Tree) -> None:
    """Source: Akka Timers, discard timers from old incarnation after restart, alt 2 — nor is one that the old incarnation had set later."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen, restart="permanent")
    await trio.sleep(0.5)
    for _ in range(4):
        ref.tell(("bump", 0.0))
    await trio.sleep(1.25)
    ref.tell(("crash", 1.0))  # busy from 1.75 to 2.75: the tick of 2.5 waits when it crashes
    await trio.sleep(2.5)
    assert seen == [(1.5, 5), (3.75, 2)]


async def test_an_end_calls_all_timers_off(tree: Tree) -> None:
    """Source: Akka Timers, cancel timers when stopped — nothing of a timer is left when its actor has ended."""
    seen: list[Any] = []
    ref = await tree.start(Target, seen)
    assert [left for left in tree.leftovers() if "timer" in str(left)] != []
    ref.tell("end")
    await ref.wait_stopped()
    assert [left for left in tree.leftovers() if "timer" in str(left)] == []
    await trio.sleep(10)
    assert seen == []
