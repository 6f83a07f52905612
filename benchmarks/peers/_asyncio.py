"""By hand, with asyncio's own means: a task per actor, a queue as its mailbox, a future per ask. uvloop runs the same."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Sides, by_asyncio
from ._tally import Tally

#: Seconds in which restarts are counted.
WITHIN = 3_600.0

Requests = asyncio.Queue[asyncio.Future[int]]


class Boom(Exception):
    """What an actor crashes with."""


async def numbers(requests: Requests) -> None:
    """Give out numbers, from 1. Each request is the future of its answer."""
    count = 0
    while True:
        reply = await requests.get()
        count += 1
        if not reply.done():
            reply.set_result(count)


async def ask(requests: Requests) -> int:
    """Ask, and wait for the answer."""
    reply: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    requests.put_nowait(reply)
    return await reply


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks, and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def tell_side(size: int) -> Sample:
    """Put `size` messages into a queue; timed until the last is counted."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    counted = asyncio.Event()
    count = 0

    async def counter() -> None:
        nonlocal count
        while True:
            await queue.get()
            count += 1
            if count == size:
                counted.set()

    task = asyncio.create_task(counter())
    await asyncio.sleep(0)
    watch = Stopwatch()
    for number in range(size):
        queue.put_nowait(number)
    await counted.wait()
    sample = watch.stop(count)
    await end(task)
    return sample


async def timed_ask(requests: Requests) -> int:
    """Ask within `asyncio.timeout`."""
    async with asyncio.timeout(TIMEOUT):
        return await ask(requests)


async def ask_side(size: int, asking: Callable[[Requests], Awaitable[int]] = ask) -> Sample:
    """Ask `size` times."""
    answer = 0
    requests: Requests = asyncio.Queue()
    task = asyncio.create_task(numbers(requests))
    watch = Stopwatch()
    for _ in range(size):
        answer = await asking(requests)
    sample = watch.stop(answer)
    await end(task)
    return sample


async def spawn_side(size: int) -> Sample:
    """Start `size` tasks, each found by name, that handle one message and end; timed until all have said so."""
    names: dict[str, asyncio.Queue[int]] = {}
    ends: asyncio.Queue[str] = asyncio.Queue()
    tally = Tally(size, asyncio.Event())

    async def mayfly(name: str, queue: asyncio.Queue[int]) -> None:
        try:
            await queue.get()
            tally.add()
        finally:
            del names[name]
            ends.put_nowait(name)

    watch = Stopwatch()
    async with asyncio.TaskGroup() as group:
        for number in range(size):
            name, queue = f"mayfly-{number}", asyncio.Queue[int]()
            group.create_task(mayfly(name, queue))
            names[name] = queue
        for queue in names.values():
            queue.put_nowait(1)
        for _ in range(size):
            await ends.get()
    sample = watch.stop(tally.count)
    assert not names
    return sample


async def weigh_side(size: int) -> Sample:
    """Start `size` tasks that wait for mail; each then handles a message, to show that it was there."""
    tally = Tally(size, asyncio.Event())

    async def idler(queue: asyncio.Queue[int]) -> None:
        while True:
            await queue.get()
            tally.add()

    before = resident()
    watch = Stopwatch()
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(size)]
    tasks = [asyncio.create_task(idler(queue)) for queue in queues]
    await asyncio.sleep(0)
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for queue in queues:
        queue.put_nowait(1)
    await tally.all.wait()
    await end(*tasks)
    return sample


async def ring_side(size: int) -> Sample:
    """Send a token `LAPS` times round `size` tasks."""
    hops = [0] * size
    over = asyncio.Event()
    ring: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(size)]

    async def node(index: int) -> None:
        following = ring[(index + 1) % size]
        while True:
            left = await ring[index].get()
            hops[index] += 1
            if left:
                following.put_nowait(left - 1)
            else:
                over.set()

    tasks = [asyncio.create_task(node(index)) for index in range(size)]
    await asyncio.sleep(0)
    watch = Stopwatch()
    ring[0].put_nowait(size * LAPS - 1)
    await over.wait()
    sample = watch.stop(sum(hops))
    await end(*tasks)
    assert hops == [LAPS] * size
    return sample


async def fan_side(size: int) -> Sample:
    """Ask each of `size` tasks `ASKS_EACH` times, all at once, a task for each ask."""
    queues: list[Requests] = [asyncio.Queue() for _ in range(size)]
    tasks = [asyncio.create_task(numbers(queue)) for queue in queues]
    await asyncio.sleep(0)
    watch = Stopwatch()
    answers = await asyncio.gather(*(ask(queue) for _ in range(ASKS_EACH) for queue in queues))
    sample = watch.stop(len(answers))
    await end(*tasks)
    assert sum(answers) == sum_of_answers(size)
    return sample


async def restart_side(size: int) -> Sample:
    """Have a task crash `size` times, each time started again: counted within a window, logged, and told to who reads of it."""
    logger = logging.getLogger("by hand")
    logger.setLevel(logging.CRITICAL)
    queue: asyncio.Queue[int] = asyncio.Queue()
    times: deque[float] = deque()
    reports: deque[tuple[str, int, str]] = deque(maxlen=1_000)
    over = asyncio.Event()

    async def mortal() -> None:
        while True:
            message = await queue.get()
            if message == size:
                over.set()
                return
            raise Boom(message)

    async def supervise() -> None:
        clock = asyncio.get_running_loop().time
        incarnation = 1
        while True:
            try:
                await asyncio.create_task(mortal())
            except Boom as error:
                now = clock()
                times.append(now)
                while now - times[0] >= WITHIN:
                    times.popleft()
                if len(times) > size:
                    raise
                cause = repr(error)
                reports.append(("mortal", incarnation, cause))
                logger.warning("%s: crashed: %s; restarting as incarnation %s", "mortal", cause, incarnation + 1)
                incarnation += 1
            else:
                return

    watch = Stopwatch()
    supervisor = asyncio.create_task(supervise())
    for number in range(size + 1):
        queue.put_nowait(number)
    await over.wait()
    sample = watch.stop(len(times))
    await supervisor
    return sample


SIDES: Sides = {
    "tell": tell_side,
    "ask": ask_side,
    "ask-timeout": partial(ask_side, asking=timed_ask),
    "spawn": spawn_side,
    "idle": weigh_side,
    "ring": ring_side,
    "fan": fan_side,
    "restart": restart_side,
}
WORKLOADS = by_asyncio(SIDES)
