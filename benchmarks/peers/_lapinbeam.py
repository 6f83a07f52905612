"""lapinbeam: a node with a Rust core, a supervisor, and a task per actor; an actor's name belongs to its class, so each has a class of its own."""

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

lapinbeam: Any = import_module("lapinbeam")


class Counter:
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: asyncio.Event) -> None:
        self.total = total
        self.counted = counted
        self.count = 0

    async def receive(self, message: int) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers:
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        self.count = 0

    async def receive(self, message: str) -> None:
        """Answer with the next one."""
        self.count += 1
        await lapinbeam.current_message().reply(self.count)


class Idler:
    """Handle messages, and stay."""

    def __init__(self, tally: Tally[asyncio.Event]) -> None:
        self.tally = tally

    async def receive(self, message: int) -> None:
        """Count it."""
        self.tally.add()


class Node:
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[Any], index: int, size: int, hops: list[int], over: asyncio.Event) -> None:
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    async def receive(self, message: int) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            await self.ring[self.next].send(message - 1)
        else:
            self.over.set()


def named(actor: type, number: int) -> Any:
    """Return an actor class with a name of its own."""
    return lapinbeam.actor(name=f"{actor.__name__}-{number}")(type(actor.__name__, (actor,), {}))


def in_node(side: Callable[..., Awaitable[Sample]]) -> Callable[[int], Any]:
    """Return a side that has a node and a supervisor."""

    async def within(size: int) -> Sample:
        async with lapinbeam.Node("stage@127.0.0.1:0"):
            supervisor = lapinbeam.Supervisor()
            sample = await side(supervisor, size)
            await supervisor.shutdown()
            return sample

    return within


async def tell(supervisor: Any, size: int) -> Sample:
    """Send `size` messages; timed until the last is counted."""
    counted = asyncio.Event()
    ref = supervisor.spawn(named(Counter, 0), size, counted)
    watch = Stopwatch()
    for number in range(size):
        await ref.send(number)
    await counted.wait()
    return watch.stop(size)


async def ask(supervisor: Any, size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    ref = supervisor.spawn(named(Numbers, 0))
    watch = Stopwatch()
    for _ in range(size):
        answer = await ref.ask("next", timeout=timeout)
    return watch.stop(answer)


async def spawn(supervisor: Any, size: int) -> Sample:
    """Start `size` actors, send each one message, and shut the supervisor down when all is handled: an actor cannot stop itself."""
    tally = Tally(size, asyncio.Event())
    watch = Stopwatch()
    refs = [supervisor.spawn(named(Idler, number), tally) for number in range(size)]
    for ref in refs:
        await ref.send(1)
    await tally.all.wait()
    await supervisor.shutdown()
    sample = watch.stop(tally.count)
    assert all(ref.task.done() for ref in refs)
    return sample


async def weigh(supervisor: Any, size: int) -> Sample:
    """Start `size` actors that wait for mail; each then handles a message, to show that it was there."""
    tally = Tally(size, asyncio.Event())
    before = resident()
    watch = Stopwatch()
    refs = [supervisor.spawn(named(Idler, number), tally) for number in range(size)]
    for _ in range(3):  # the supervisor's task of each, and the actor's
        await asyncio.sleep(0)
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for ref in refs:
        await ref.send(1)
    await tally.all.wait()
    return sample


async def ring(supervisor: Any, size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, asyncio.Event()
    nodes: list[Any] = []
    for index in range(size):
        nodes.append(supervisor.spawn(named(Node, index), nodes, index, size, hops, over))
    watch = Stopwatch()
    await nodes[0].send(size * LAPS - 1)
    await over.wait()
    sample = watch.stop(sum(hops))
    assert hops == [LAPS] * size
    return sample


async def fan(supervisor: Any, size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a task for each ask."""
    refs = [supervisor.spawn(named(Numbers, number)) for number in range(size)]
    watch = Stopwatch()
    answers: list[int] = await asyncio.gather(
        *(ref.ask("next", timeout=None) for _ in range(ASKS_EACH) for ref in refs)
    )
    sample = watch.stop(len(answers))
    assert sum(answers) == sum_of_answers(size)
    return sample


SIDES: Sides = {
    "tell": in_node(tell),
    "ask": in_node(ask),
    "ask-timeout": in_node(partial(ask, timeout=TIMEOUT)),
    "spawn": in_node(spawn),
    "idle": in_node(weigh),
    "ring": in_node(ring),
    "fan": in_node(fan),
}
WORKLOADS = by_asyncio(SIDES)
