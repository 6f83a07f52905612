"""P14 by accounts: what was accepted is handled, in hand, queued or a dead letter, each in one of them and none twice.

Random programs, on every kind of actor, with crashes, interrupts, stops and swallowed cancellations; Trio's own order of tasks is drawn too, as
otherwise one and the same schedule would be tried again and again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio._core import _run as trio_run

from greenroom import MailboxSpec, StillRunning, open_supervisor
from greenroom.testing import open_tree

from .accounts import KINDS, Books, Job, Program

settle = trio.testing.wait_all_tasks_blocked


@contextmanager
def schedule(random: Random) -> Iterator[None]:
    """Let Trio order its tasks as drawn."""
    before, flag = trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING = random, True
    try:
        yield
    finally:
        trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING = before, flag


SPECS = [
    MailboxSpec(),
    MailboxSpec(2, "wait"),
    MailboxSpec(3, "drop_oldest"),
    MailboxSpec(2, "drop_newest"),
    MailboxSpec(4),
]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=max(60, settings().max_examples // 2))
@given(
    random=st.randoms(use_true_random=False),
    order=st.integers(0, 2**32),
    mailbox=st.sampled_from(SPECS),
    restart=st.sampled_from(["permanent", "transient", "temporary"]),
    end=st.sampled_from(["stop", "drain", "kill", "settle"]),
)
def test_accepted_is_handled_or_a_dead_letter_and_none_twice(  # noqa: PLR0917 -- drawn values, by position
    kind: str, random: Random, order: int, mailbox: MailboxSpec, restart: str, end: str
) -> None:
    """P13, P14, P16, P17."""
    program = Program(random, kind, mailbox, restart, end)
    with schedule(Random(order)):
        trio.run(program.bounded, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("kind", ["pool", "def", "own task"])
@pytest.mark.parametrize("steps", range(40))
async def test_an_interrupt_at_each_of_the_first_steps_loses_nothing(kind: str, steps: int) -> None:
    """P14, P22."""
    books = Books()
    async with open_tree("stage") as root:
        ref = root.start_soon(KINDS[kind], books)
        acts = ["step", "spawn", "quick", "swallow", "step", "wait"]
        for number, act in enumerate(acts * 2):
            ref.tell(Job(number, act), urgent=number % 5 == 4)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        with suppress(StillRunning):
            await ref.interrupt(grace=0)
        await trio.sleep(100)
        assert dict(books.begun) == dict.fromkeys(range(len(acts) * 2), 1)
        assert root.dead_letters.total == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_programs_see_many_orders(kind: str) -> None:
    """Trio's order is drawn: the same program has many histories."""
    orders: set[tuple[int, ...]] = set()

    async def main() -> None:
        books = Books()
        async with open_supervisor("stage") as root:
            ref = root.start_soon(KINDS[kind], books)

            async def sender(first: int) -> None:
                for number in range(first, first + 3):
                    ref.tell(Job(number, "step"))
                    await trio.lowlevel.checkpoint()

            async with trio.open_nursery() as nursery:
                for first in (0, 10, 20):
                    nursery.start_soon(sender, first)
            await settle()
            orders.add(tuple(books.begun))
            root.reports.drain()

    for seed in range(300):
        with schedule(Random(seed)):
            trio.run(main)
    assert len(orders) > 30
