"""Waking: whoever waits is not woken, or wakes and finds that another was faster."""

from collections import deque

import attrs
import trio

from .._sim import Sim
from ._parts import work


@attrs.define(eq=False)
class Waiter:
    """Hold what somebody waits for."""

    woken: trio.Event = attrs.field(factory=trio.Event)
    result: str = ""


async def lost_wakeup(sim: Sim, *, fixed: bool) -> None:
    """An actor finds its mailbox empty, reports that it is idle, and then sleeps: mail that came during the report wakes nobody."""
    mailbox: deque[int] = deque()
    asleep = trio.lowlevel.ParkingLot()
    mails = [0, 1]
    handled: list[int] = []
    reports: list[str] = []

    async def report_idle() -> None:
        await work(2)
        reports.append("idle")

    async def actor() -> None:
        while len(handled) < len(mails):
            while not mailbox:
                await report_idle()
                if fixed and mailbox:
                    break
                await asleep.park()
            handled.append(mailbox.popleft())

    async def sender() -> None:
        for mail in mails:
            await work(4)
            mailbox.append(mail)
            asleep.unpark()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor)
        nursery.start_soon(sender)
    assert handled == mails


async def woken_but_late(sim: Sim, *, fixed: bool) -> None:
    """A worker that was woken for a job takes it without looking whether it is still there, and another has taken it meanwhile."""
    jobs: deque[int] = deque()
    idle = trio.lowlevel.ParkingLot()
    done: list[int] = []

    async def worker(before: int) -> None:
        await work(before)
        if fixed:
            while not jobs:
                await idle.park()
        elif not jobs:
            await idle.park()
        done.append(jobs.popleft())

    async def dispatcher() -> None:
        for job in range(2):
            await work(3)
            jobs.append(job)
            idle.unpark()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker, 0)
        nursery.start_soon(worker, 5)
        nursery.start_soon(dispatcher)
    assert sorted(done) == [0, 1]


async def woken_for_another(sim: Sim, *, fixed: bool) -> None:
    """Producers and consumers of a bounded mailbox sleep on one condition, and one wake-up goes to somebody who cannot use it."""
    mailbox: deque[int] = deque()
    changed = trio.Condition()
    taken: list[int] = []

    def tell() -> None:
        if fixed:
            changed.notify_all()
        else:
            changed.notify()

    async def producer(mail: int) -> None:
        async with changed:
            while mailbox:
                await changed.wait()
            mailbox.append(mail)
            tell()

    async def consumer(before: int) -> None:
        await work(before)
        async with changed:
            while not mailbox:
                await changed.wait()
            taken.append(mailbox.popleft())
            tell()

    async with trio.open_nursery() as nursery:
        for mail in range(2):
            nursery.start_soon(producer, mail)
        nursery.start_soon(consumer, 0)
        nursery.start_soon(consumer, 1)
    assert sorted(taken) == [0, 1]


async def result_of_cancelled_waiter(sim: Sim, *, fixed: bool) -> None:
    """A result is handed to a waiter that is cancelled before it can take it home, and nobody else gets it."""
    results: deque[str] = deque()
    waiters: deque[Waiter] = deque()
    got: list[str] = []

    def hand_out(result: str) -> None:
        if waiters:
            waiter = waiters.popleft()
            waiter.result = result
            waiter.woken.set()
        else:
            results.append(result)

    async def receive() -> str:
        if results:
            return results.popleft()
        waiter = Waiter()
        waiters.append(waiter)
        try:
            await waiter.woken.wait()
            await work()  # acknowledges the result
        except trio.Cancelled:
            if waiter in waiters:
                waiters.remove(waiter)
            elif fixed:
                hand_out(waiter.result)
            raise
        return waiter.result

    async def client() -> None:
        with scope:
            got.append(await receive())
        if scope.cancelled_caught:
            got.append(await receive())

    async def computer() -> None:
        await work(3)
        hand_out("42")

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client)
        nursery.start_soon(computer)
        await work(2)
        scope.cancel()
    assert got == ["42"]
