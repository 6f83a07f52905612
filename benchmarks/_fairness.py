"""Fairness: what others feel of an actor that is flooded.

The figure is how much longer the 99th of a hundred steps takes beside the flood than without it. Steps are measured in process time: they take some
microseconds, and whenever the machine's scheduler gives the processor to another process, that would be the longest step of all.
"""

from collections.abc import Awaitable, Callable
from math import inf
from time import process_time
from typing import Final

import attrs
import trio

from greenroom import open_supervisor

from ._ask import Next, Numbers, numbers
from ._looking import p99
from ._sample import Sample
from ._stopwatch import Stopwatch
from ._tell import Counter

#: Steps without the flood.
QUIET: Final = 2_000
#: Floods in one sample.
REPEATS: Final = 5
#: Microseconds: below it, the clock says nothing.
RESOLUTION: Final = 0.1

Step = Callable[[], Awaitable[object]]


async def fairness_by_greenroom(size: int) -> Sample:
    """Take steps in a task that only lets others run, while an actor handles `size` messages that wait already."""
    async with open_supervisor("stage") as root:
        counter = Counter(0, trio.Event())
        ref = await root.start(lambda: counter)

        def flood() -> trio.Event:
            counter.count, counter.total, counter.counted = 0, size, trio.Event()
            for number in range(size):
                ref.tell(number)
            return counter.counted

        return await _compare(size, trio.lowlevel.checkpoint, flood)


async def fairness_ask_by_greenroom(size: int) -> Sample:
    """Ask a quiet actor while another handles `size` messages that wait already."""
    async with open_supervisor("stage") as root:
        counter = Counter(0, trio.Event())
        ref = await root.start(lambda: counter)
        quiet = await root.start(Numbers)

        def flood() -> trio.Event:
            counter.count, counter.total, counter.counted = 0, size, trio.Event()
            for number in range(size):
                ref.tell(number)
            return counter.counted

        return await _compare(size, lambda: quiet.ask(Next()), flood)


async def fairness_by_trio(size: int) -> Sample:
    """Do the same by hand."""

    async def let_others_run(_send: object) -> None:
        await trio.lowlevel.checkpoint()

    return await _compare_by_hand(size, let_others_run)


async def fairness_ask_by_trio(size: int) -> Sample:
    """Do the same by hand."""

    async def ask(send: trio.MemorySendChannel[tuple[Next, trio.MemorySendChannel[int]]]) -> int:
        reply, answers = trio.open_memory_channel[int](1)
        await send.send((Next(), reply))
        return await answers.receive()

    return await _compare_by_hand(size, ask)


async def _compare_by_hand(
    size: int, step: Callable[[trio.MemorySendChannel[tuple[Next, trio.MemorySendChannel[int]]]], Awaitable[object]]
) -> Sample:
    send, receive = trio.open_memory_channel[int](inf)
    ask, asked = trio.open_memory_channel[tuple[Next, trio.MemorySendChannel[int]]](inf)
    count, all_counted = 0, trio.Event()

    async def counter() -> None:
        nonlocal count
        async for _message in receive:
            count += 1
            if count == size:
                all_counted.set()

    def flood() -> trio.Event:
        nonlocal count, all_counted
        count, all_counted = 0, trio.Event()
        for number in range(size):
            send.send_nowait(number)
        return all_counted

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counter)
        nursery.start_soon(numbers, asked)
        await trio.lowlevel.checkpoint()
        sample = await _compare(size, lambda: step(ask), flood)
        send.close()
        ask.close()
    return sample


async def _compare(size: int, step: Step, flood: Callable[[], trio.Event]) -> Sample:
    """Measure steps without a flood and during one, in turn."""
    quiet: list[float] = []
    flooded: list[float] = []
    watch = Stopwatch()
    for _ in range(REPEATS):
        for _ in range(QUIET):
            began = process_time()
            await step()
            quiet.append(process_time() - began)
        over = flood()
        while not over.is_set():
            began = process_time()
            await step()
            flooded.append(process_time() - began)
    sample = watch.stop(size * REPEATS)
    return attrs.evolve(sample, factor=max(RESOLUTION, (p99(flooded) - p99(quiet)) * 1e6))
