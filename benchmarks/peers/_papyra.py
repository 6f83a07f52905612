"""papyra, on asyncio: a task per actor, an anyio stream as its mailbox."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import Any

import anyio
import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Sides, by_asyncio
from ._tally import Tally

papyra: Any = import_module("papyra")
supervision: Any = import_module("papyra.supervision")
#: Seconds in which restarts are counted.
WITHIN = 3_600.0


class Boom(Exception):
    """What an actor crashes with."""


class Counter(papyra.Actor):  # type: ignore[misc]
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: anyio.Event) -> None:
        self.total = total
        self.counted = counted
        self.count = 0

    async def receive(self, message: int) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers(papyra.Actor):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        self.count = 0

    async def receive(self, message: str) -> int:
        """Answer with the next one."""
        self.count += 1
        return self.count


class Mayfly(papyra.Actor):  # type: ignore[misc]
    """Handle one message, and stop."""

    def __init__(self, handled: Tally[anyio.Event], ended: Tally[anyio.Event]) -> None:
        self.handled = handled
        self.ended = ended

    async def receive(self, message: int) -> None:
        """Count it."""
        self.handled.add()
        await self.context.stop_self()

    async def on_stop(self) -> None:
        """Say so."""
        self.ended.add()


class Idler(papyra.Actor):  # type: ignore[misc]
    """Handle messages, and stay."""

    def __init__(self, tally: Tally[anyio.Event]) -> None:
        self.tally = tally

    async def receive(self, message: int) -> None:
        """Count it."""
        self.tally.add()


class Node(papyra.Actor):  # type: ignore[misc]
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[Any], index: int, size: int, hops: list[int], over: anyio.Event) -> None:
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    async def receive(self, message: int) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            await self.ring[self.next].tell(message - 1)
        else:
            self.over.set()


class Mortal(papyra.Actor):  # type: ignore[misc]
    """Crash on each message but the last."""

    def __init__(self, tally: Tally[anyio.Event]) -> None:
        self.tally = tally
        tally.count += 1

    async def receive(self, message: int) -> None:
        """Crash, or say that it is over."""
        if message == self.tally.total:
            self.tally.all.set()
            return
        raise Boom(message)


@asynccontextmanager
async def open_system() -> AsyncGenerator[Any]:
    """Have an actor system."""
    system = papyra.ActorSystem()
    await system.start()
    try:
        yield system
    finally:
        await system.aclose()


async def tell(size: int) -> Sample:
    """Tell `size` messages; timed until the last is counted. Its mailbox holds 1,024 unless told otherwise."""
    counted = anyio.Event()
    async with open_system() as system:
        ref = system.spawn(partial(Counter, size, counted))
        watch = Stopwatch()
        for number in range(size):
            await ref.tell(number)
        await counted.wait()
        return watch.stop(size)


async def ask(size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    async with open_system() as system:
        ref = system.spawn(Numbers)
        watch = Stopwatch()
        for _ in range(size):
            answer = await ref.ask("next", timeout=timeout)
        return watch.stop(answer)


async def spawn(size: int) -> Sample:
    """Start `size` actors that handle one message and stop; timed until all have."""
    handled, ended = Tally(size, anyio.Event()), Tally(size, anyio.Event())
    async with open_system() as system:
        watch = Stopwatch()
        refs = [system.spawn(partial(Mayfly, handled, ended)) for _ in range(size)]
        for ref in refs:
            await ref.tell(1)
        await ended.all.wait()
        sample = watch.stop(handled.count)
        assert not system.list_actors(alive_only=True)
        return sample


async def weigh(size: int) -> Sample:
    """Start `size` actors that wait for mail; each then handles a message, to show that it was there."""
    tally = Tally(size, anyio.Event())
    async with open_system() as system:
        before = resident()
        watch = Stopwatch()
        refs = [system.spawn(partial(Idler, tally)) for _ in range(size)]
        await anyio.wait_all_tasks_blocked()
        sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
        for ref in refs:
            await ref.tell(1)
        await tally.all.wait()
        return sample


async def ring(size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, anyio.Event()
    async with open_system() as system:
        nodes: list[Any] = []
        for index in range(size):
            nodes.append(system.spawn(partial(Node, nodes, index, size, hops, over)))
        await anyio.wait_all_tasks_blocked()
        watch = Stopwatch()
        await nodes[0].tell(size * LAPS - 1)
        await over.wait()
        sample = watch.stop(sum(hops))
        assert hops == [LAPS] * size
        return sample


async def fan(size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a task for each ask."""
    answers: list[int] = []

    async def ask_one(ref: Any) -> None:
        answers.append(await ref.ask("next"))

    async with open_system() as system:
        refs = [system.spawn(Numbers) for _ in range(size)]
        await anyio.wait_all_tasks_blocked()
        watch = Stopwatch()
        async with anyio.create_task_group() as group:
            for _ in range(ASKS_EACH):
                for ref in refs:
                    group.start_soon(ask_one, ref)
        sample = watch.stop(len(answers))
    assert sum(answers) == sum_of_answers(size)
    return sample


async def restart(size: int) -> Sample:
    """Have one actor crash `size` times; timed until the incarnation after the last crash has handled a message."""
    tally = Tally(size, anyio.Event())
    policy = supervision.SupervisionPolicy(supervision.Strategy.RESTART, max_restarts=size + 1, within_seconds=WITHIN)
    async with open_system() as system:
        ref = system.spawn(partial(Mortal, tally), policy=policy)
        watch = Stopwatch()
        for number in range(size + 1):
            await ref.tell(number)
        await tally.all.wait()
        return watch.stop(tally.count - 1)


SIDES: Sides = {
    "tell": tell,
    "ask": ask,
    "ask-timeout": partial(ask, timeout=TIMEOUT),
    "spawn": spawn,
    "idle": weigh,
    "ring": ring,
    "fan": fan,
    "restart": restart,
}
WORKLOADS = by_asyncio(SIDES)
