"""xoscar: actors of one pool, in this process; a call of a method asks, its `tell` tells."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Sides, by_asyncio
from ._tally import Tally

xoscar: Any = import_module("xoscar")


class Counter(xoscar.Actor):  # type: ignore[misc]
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: asyncio.Event) -> None:
        super().__init__()
        self.total = total
        self.counted = counted
        self.count = 0

    async def add(self, message: int) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers(xoscar.Actor):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def next(self) -> int:
        """Answer with the next one."""
        self.count += 1
        return self.count


class Idler(xoscar.Actor):  # type: ignore[misc]
    """Handle messages, and stay."""

    def __init__(self, tally: Tally[asyncio.Event]) -> None:
        super().__init__()
        self.tally = tally

    async def add(self, message: int) -> None:
        """Count it."""
        self.tally.add()


class Node(xoscar.Actor):  # type: ignore[misc]
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[Any], index: int, size: int, hops: list[int], over: asyncio.Event) -> None:
        super().__init__()
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    async def take(self, message: int) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            await self.ring[self.next].take.tell(message - 1)
        else:
            self.over.set()


def in_pool(side: Callable[..., Awaitable[Sample]]) -> Callable[[int], Any]:
    """Return a side that has a pool without processes besides this one."""

    async def within_pool(size: int) -> Sample:
        pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
        async with pool:
            return await side(pool.external_address, size)

    return within_pool


async def start(actor: Any, *args: Any, address: str) -> Any:
    """Start an actor, and return the reference that it has within its own process, which is the faster one."""
    ref = await xoscar.create_actor(actor, *args, address=address)
    return await xoscar.actor_ref(address=address, uid=ref.uid)


async def tell(address: str, size: int) -> Sample:
    """Tell `size` messages; timed until the last is counted."""
    counted = asyncio.Event()
    ref = await start(Counter, size, counted, address=address)
    watch = Stopwatch()
    for number in range(size):
        await ref.add.tell(number)
    await counted.wait()
    return watch.stop(size)


async def ask(address: str, size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times; with a timeout, each within its own `wait_for`."""
    answer = 0
    ref = await start(Numbers, address=address)
    watch = Stopwatch()
    for _ in range(size):
        asking = ref.next()
        answer = await (asking if timeout is None else xoscar.wait_for(asking, timeout))
    return watch.stop(answer)


async def spawn(address: str, size: int) -> Sample:
    """Start `size` actors, tell each one message, and destroy each when all is handled: an actor does not stop itself."""
    tally = Tally(size, asyncio.Event())
    watch = Stopwatch()
    refs = [await xoscar.create_actor(Idler, tally, address=address) for _ in range(size)]
    for ref in refs:
        await ref.add.tell(1)
    await tally.all.wait()
    for ref in refs:
        await xoscar.destroy_actor(ref)
    return watch.stop(tally.count)


async def weigh(address: str, size: int) -> Sample:
    """Start `size` actors; each then handles a message, to show that it was there."""
    tally = Tally(size, asyncio.Event())
    before = resident()
    watch = Stopwatch()
    refs = [await start(Idler, tally, address=address) for _ in range(size)]
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for ref in refs:
        await ref.add.tell(1)
    await tally.all.wait()
    return sample


async def ring(address: str, size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, asyncio.Event()
    nodes: list[Any] = []
    for index in range(size):
        nodes.append(await start(Node, nodes, index, size, hops, over, address=address))
    watch = Stopwatch()
    await nodes[0].take.tell(size * LAPS - 1)
    await over.wait()
    sample = watch.stop(sum(hops))
    assert hops == [LAPS] * size
    return sample


async def fan(address: str, size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a task for each ask."""
    refs = [await start(Numbers, address=address) for _ in range(size)]
    watch = Stopwatch()
    answers: list[int] = await asyncio.gather(*(ref.next() for _ in range(ASKS_EACH) for ref in refs))
    sample = watch.stop(len(answers))
    assert sum(answers) == sum_of_answers(size)
    return sample


SIDES: Sides = {
    "tell": in_pool(tell),
    "ask": in_pool(ask),
    "ask-timeout": in_pool(partial(ask, timeout=TIMEOUT)),
    "spawn": in_pool(spawn),
    "idle": in_pool(weigh),
    "ring": in_pool(ring),
    "fan": in_pool(fan),
}
WORKLOADS = by_asyncio(SIDES)
