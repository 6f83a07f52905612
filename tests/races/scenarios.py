"""Small programs with a bug each, and their twins without it."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from greenroom import Actor, Context, open_supervisor
from greenroom.races import Sim


async def check_then_insert(sim: Sim) -> None:
    """Two tasks look into a table, and both put their own entry into it."""
    table: dict[str, int] = {}
    inserted = 0

    async def register(number: int) -> None:
        nonlocal inserted
        if "name" not in table:
            await trio.lowlevel.checkpoint()
            table["name"] = number
            inserted += 1

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(register, number)
    assert inserted == 1


async def check_and_insert(sim: Sim) -> None:
    """The same in one step."""
    table: dict[str, int] = {}
    inserted = 0

    async def register(number: int) -> None:
        nonlocal inserted
        await trio.lowlevel.checkpoint()
        if "name" not in table:
            table["name"] = number
            inserted += 1

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(register, number)
    assert inserted == 1


async def lost_wakeup(sim: Sim) -> None:
    """Who waits looks first, and begins to wait one step later."""
    ready = False
    lot = trio.lowlevel.ParkingLot()

    async def wait() -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        if not ready:
            await trio.lowlevel.checkpoint()
            await lot.park()

    async def wake() -> None:
        nonlocal ready
        for _ in range(4):
            await trio.lowlevel.checkpoint()
        ready = True
        lot.unpark_all()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wake)


async def kept_wakeup(sim: Sim) -> None:
    """Who waits looks and begins to wait in one step."""
    ready = False
    lot = trio.lowlevel.ParkingLot()

    async def wait() -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        if not ready:
            await lot.park()

    async def wake() -> None:
        nonlocal ready
        for _ in range(4):
            await trio.lowlevel.checkpoint()
        ready = True
        lot.unpark_all()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wake)


def lock_order(*, reversed_in_one: bool) -> Callable[[Sim], Awaitable[None]]:
    """Two tasks that take two locks; in the bug, in different orders, one after some steps."""

    async def scenario(sim: Sim) -> None:
        one, other = trio.Lock(), trio.Lock()

        async def hold(first: trio.Lock, second: trio.Lock, before: int) -> None:
            for _ in range(before):
                await trio.lowlevel.checkpoint()
            async with first, second:
                pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold, one, other, 0)
            nursery.start_soon(hold, *((other, one) if reversed_in_one else (one, other)), 8)

    return scenario


class Log(Actor[int]):
    """Keep what it was told."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    def receive(self, message: int, ctx: Context) -> None:
        self.seen.append(message)


class Forwarder(Actor[int]):
    """Tell another."""

    def __init__(self, to: Any) -> None:
        self.to = to

    def receive(self, message: int, ctx: Context) -> None:
        self.to.tell(message)


async def order_of_two_senders(sim: Sim) -> None:
    """Nothing says which of two actors tells a third one first."""
    seen: list[int] = []
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, seen)
        senders = [root.start_soon(Forwarder, log) for _ in range(2)]
        for number, sender in enumerate(senders):
            sender.tell(number)
        for sender in senders:
            await sender.drain()
        await log.drain()
    assert seen == [0, 1]


async def order_of_one_sender(sim: Sim) -> None:
    """What one tells another arrives in order (P13)."""
    seen: list[int] = []
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, seen)
        sender = root.start_soon(Forwarder, log)
        for number in range(3):
            sender.tell(number)
        await sender.drain()
        await log.drain()
    assert seen == [0, 1, 2]


BUGS: list[tuple[Callable[[Sim], Awaitable[None]], str]] = [
    (check_then_insert, "failed"),
    (lost_wakeup, "deadlock"),
    (lock_order(reversed_in_one=True), "deadlock"),
    (order_of_two_senders, "failed"),
]
TWINS: list[Callable[[Sim], Awaitable[None]]] = [
    check_and_insert,
    kept_wakeup,
    lock_order(reversed_in_one=False),
    order_of_one_sender,
]
