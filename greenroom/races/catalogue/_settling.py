"""Settling: what is to come to rest once, in the right state, and does so twice, too early or never."""

from collections import deque

import trio

from .._sim import Sim
from ._parts import Mailbox, work


async def restart_storm(sim: Sim, *, fixed: bool) -> None:
    """A supervisor restarts its whole group for each failure, also for one of a member that it has replaced already: one cause, many restarts."""
    failures: Mailbox[int] = Mailbox()
    befores = [1, 3]
    seen: list[int] = []
    incarnation = 0
    restarts = 0

    async def member(of: int, before: int) -> None:
        await work(before)
        failures.put(of)  # it finds that the connection of all is lost

    async def supervisor() -> None:
        nonlocal incarnation, restarts
        await work(4)
        while len(seen) < len(befores):
            failed = [await failures.get(), *failures.mail]
            failures.mail.clear()
            seen.extend(failed)
            if incarnation in failed or not fixed:
                restarts += 1
                incarnation += 1
            await work(2)  # stops and starts all of them

    async with trio.open_nursery() as nursery:
        for before in befores:
            nursery.start_soon(member, incarnation, before)
        nursery.start_soon(supervisor)
    assert restarts == 1


async def dropped_refresh(sim: Sim, *, fixed: bool) -> None:
    """A cache that is told of a change while it is refreshed drops that word, as a refresh is on its way, and never comes to the newest state."""
    source, cache = 1, 0
    is_refreshing = is_stale = False

    async def refresh() -> None:
        nonlocal cache, is_refreshing, is_stale
        is_stale = True
        if is_refreshing:
            return
        is_refreshing = True
        while is_stale:
            is_stale = False
            seen = source
            await work(1)  # takes it over the network
            cache = seen
            is_stale = is_stale and fixed
        is_refreshing = False

    async def change() -> None:
        nonlocal source
        await work(3)
        source = 2
        await refresh()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refresh)
        nursery.start_soon(change)
    assert cache == source


async def unstash_loses(sim: Sim, *, fixed: bool) -> None:
    """An actor that takes up what it has stashed puts it before the mail that it saw a step ago, and what has come since is gone."""
    mails = [0, 1, 2]
    mailbox: Mailbox[int] = Mailbox()
    stash: deque[int] = deque()
    handled: list[int] = []

    async def actor() -> None:
        await work(3)  # until there is some mail, which it cannot handle yet
        stash.extend(mailbox.mail)
        mailbox.mail.clear()
        await work(2)  # connects
        seen = tuple(mailbox.mail)
        await work(1)  # says that it is ready
        mailbox.mail = deque([*stash, *(mailbox.mail if fixed else seen)])
        while len(handled) < len(mails):
            handled.append(await mailbox.get())

    async def sender() -> None:
        for mail in mails:
            mailbox.put(mail)
            await work(2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor)
        nursery.start_soon(sender)
    assert handled == mails


async def permits_in_a_storm(sim: Sim, *, fixed: bool) -> None:
    """Many who wait for permits are cancelled at once, and one has just been handed its permit: it leaves, and nobody has it."""
    free = 1
    waiting: deque[trio.Event] = deque()
    storm = trio.CancelScope()
    served: list[str] = []

    def release() -> None:
        nonlocal free
        if waiting:
            waiting.popleft().set()
        else:
            free += 1

    async def acquire() -> None:
        nonlocal free
        if free:
            free -= 1
            return
        handed = trio.Event()
        waiting.append(handed)
        try:
            await handed.wait()
            await work(1)  # notes who has it
        except trio.Cancelled:
            if handed in waiting:
                waiting.remove(handed)
            elif fixed:
                release()
            raise

    async def use(name: str, steps: int) -> None:
        await acquire()
        served.append(name)
        await work(steps)
        release()

    async def clients() -> None:
        with storm:
            async with trio.open_nursery() as group:
                for name in ("second", "third"):
                    group.start_soon(use, name, 0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use, "first", 2)
        nursery.start_soon(clients)
        await work(9)
        storm.cancel()
        nursery.start_soon(use, "last", 0)
    assert "last" in served


async def two_outcomes(sim: Sim, *, fixed: bool) -> None:
    """A job that is done just as it is called off writes down both: it looks whether it has an outcome, and notes that it has one a step later."""
    has_outcome = False
    journal: list[str] = []

    async def conclude(outcome: str) -> None:
        nonlocal has_outcome
        if has_outcome:
            return
        has_outcome = fixed
        await work(1)  # writes the journal
        journal.append(outcome)
        has_outcome = True

    async def job() -> None:
        await work(3)
        await conclude("completed")

    async def call_off() -> None:
        await work(6)
        await conclude("cancelled")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(job)
        nursery.start_soon(call_off)
    assert len(journal) == 1
