"""Programs that run under Trio and under asyncio alike, each with a bug that takes another order of steps, and without."""

import asyncio
from collections import deque
from typing import Any, Final


class Asyncio:
    """Be what a program has under asyncio."""

    Event, Lock = asyncio.Event, asyncio.Lock

    @staticmethod
    async def step(count: int = 1) -> None:
        """Take so many steps."""
        for _ in range(count):
            await asyncio.sleep(0)

    @staticmethod
    async def group(*tasks: Any) -> None:
        """Run them at once, to their ends."""
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task())


async def lost_update(world: Any, *, fixed: bool) -> None:
    """Two read a total, and write it a step later."""
    amounts = [1, 2]
    total = 0

    async def add(amount: int, before: int) -> None:
        nonlocal total
        await world.step(before)
        seen = total
        await world.step()
        total = (total if fixed else seen) + amount

    await world.group(lambda: add(amounts[0], 0), lambda: add(amounts[1], 3))
    assert total == sum(amounts)


async def check_then_insert(world: Any, *, fixed: bool) -> None:
    """Two find a name free, and each starts an actor under it."""
    names: set[str] = set()
    started = 0

    async def start(before: int) -> None:
        nonlocal started
        await world.step(before)
        if "printer" in names:
            return
        if fixed:
            names.add("printer")
        await world.step(2)
        names.add("printer")
        started += 1

    await world.group(lambda: start(0), lambda: start(4))
    assert started == 1


async def lock_order(world: Any, *, fixed: bool) -> None:
    """Two take the same two locks in opposite orders."""
    locks = [world.Lock(), world.Lock()]

    async def transfer(source: int, target: int, before: int) -> None:
        await world.step(before)
        first, second = sorted((source, target)) if fixed else (source, target)
        async with locks[first]:
            await world.step()
            async with locks[second]:
                await world.step()

    await world.group(lambda: transfer(0, 1, 0), lambda: transfer(1, 0, 5))


async def lost_wakeup(world: Any, *, fixed: bool) -> None:
    """Who finds its mailbox empty reports that, then sleeps; mail that came during the report wakes nobody."""
    mails = [0, 1]
    mailbox: deque[int] = deque()
    asleep: list[Any] = []
    handled: list[int] = []

    async def actor() -> None:
        while len(handled) < len(mails):
            while not mailbox:
                await world.step(2)
                if fixed and mailbox:
                    break
                asleep.append(world.Event())
                await asleep[-1].wait()
            handled.append(mailbox.popleft())

    async def sender() -> None:
        for mail in mails:
            await world.step(4)
            mailbox.append(mail)
            if asleep:
                asleep.pop().set()

    await world.group(actor, sender)


async def double_start(world: Any, *, fixed: bool) -> None:
    """A supervisor that restarts a child and a user who starts it both find it stopped."""
    state = "stopped"
    running = 0

    async def start(before: int) -> None:
        nonlocal running, state
        await world.step(before)
        if state != "stopped":
            return
        if fixed:
            state = "starting"
        await world.step()
        state = "running"
        running += 1
        assert running == 1, "two of the child run"
        await world.step(2)
        running -= 1
        state = "stopped"

    await world.group(lambda: start(0), lambda: start(6))


async def stale_cleanup(world: Any, *, fixed: bool) -> None:
    """Who ends takes its name out of the registry, although a newer one has it by now."""
    registry = {"printer": 1}
    quit_ = world.Event()
    found: list[int | None] = []

    async def old() -> None:
        await quit_.wait()
        await world.step(2)
        if not fixed or registry.get("printer") == 1:
            registry.pop("printer", None)

    async def new() -> None:
        await world.step(2)
        quit_.set()
        await world.step(6)
        registry["printer"] = 2
        await world.step(6)
        found.append(registry.get("printer"))

    await world.group(old, new)
    assert found == [2]


PROGRAMS: Final = (lost_update, check_then_insert, lock_order, lost_wakeup, double_start, stale_cleanup)
