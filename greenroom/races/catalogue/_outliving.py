"""Outliving: what goes on, or comes in, although the one that it was for is no more."""

from functools import partial

import trio

from .._sim import Sim
from ._parts import Mailbox, work


async def orphaned_grandchild(sim: Sim, *, fixed: bool) -> None:
    """A child that is stopped while it starts a child of its own has not noted that one yet, and leaves it behind."""
    stop = trio.CancelScope()
    grandchildren: list[trio.CancelScope] = []

    async def run(scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_forever()

    async def note(scope: trio.CancelScope) -> None:
        grandchildren.append(scope)

    async def wait_until_started(_scope: trio.CancelScope) -> None:
        await work(2)

    async def child() -> None:
        with stop:
            await work(1)
            scope = trio.CancelScope()
            nursery.start_soon(run, scope)
            for step in (note, wait_until_started) if fixed else (wait_until_started, note):
                await step(scope)
            await trio.sleep_forever()
        for each in grandchildren:
            each.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
        await work(7)
        stop.cancel()


async def registered_after_its_end(sim: Sim, *, fixed: bool) -> None:
    """An actor ends while a name is being registered for it, which comes after its names have been taken away, and stays for ever."""
    names: dict[str, int] = {}
    alive = {1}

    async def register(name: str, owner: int) -> None:
        await work(2)  # asks the registry
        if not fixed or owner in alive:
            names[name] = owner

    async def run(owner: int) -> None:
        await work(4)
        alive.discard(owner)
        for name in [name for name, holder in names.items() if holder == owner]:
            del names[name]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(register, "printer", 1)
        nursery.start_soon(run, 1)
    assert not names, "a name of nobody"


async def monitor_without_flush(sim: Sim, *, fixed: bool) -> None:
    """Who takes a monitor back has its last word in the mailbox already, and takes it for one of the next that it monitors."""
    mailbox: Mailbox[str] = Mailbox()
    monitored = {"first"}
    turns_to_second = trio.Event()

    async def first() -> None:
        await work(4)
        if "first" in monitored:
            mailbox.put("the first is down")

    async def second() -> None:
        await turns_to_second.wait()
        await work(2)
        mailbox.put("the second is down")

    async def client() -> None:
        await work(2)  # has got what it wanted of the first
        monitored.clear()
        if fixed:
            mailbox.mail.clear()
        turns_to_second.set()
        assert await mailbox.get() == "the second is down"

    async with trio.open_nursery() as nursery:
        for task in (first, second, client):
            nursery.start_soon(task)


async def timer_of_an_old_incarnation(sim: Sim, *, fixed: bool) -> None:
    """A timer that an actor has set before its restart comes in after it, and ends a wait that the new incarnation has just begun."""
    incarnation = 0
    waiting: set[int] = set()
    timed_out: list[int] = []

    async def timer(of: int) -> None:
        await work(4)
        if not fixed or of == incarnation:
            timed_out.extend(waiting)
            waiting.clear()

    async def actor() -> None:
        nonlocal incarnation
        waiting.add(incarnation)
        nursery.start_soon(partial(timer, incarnation))
        await work(6)
        waiting.clear()  # it crashes, and is restarted
        incarnation += 1
        waiting.add(incarnation)
        await work(2)
        waiting.discard(incarnation)  # it has been answered

    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor)
    assert 1 not in timed_out
