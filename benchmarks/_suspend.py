"""Suspend: many actors that all wait in their handlers at once, wave after wave.

A plain actor has no task while it is idle; it needs one from where its handler first waits until the message is handled. So the clock runs from the
first start: by hand, the tasks are made there. Each such task is some twenty objects that the garbage collector goes through again and again while
there get more and more of them, which is most of the time on both sides; with the recipe, it looks less often.
"""

import gc
from math import inf

import trio

from greenroom import Actor, Context, open_supervisor

from ._herd import THRESHOLDS
from ._sample import Sample
from ._stopwatch import Stopwatch

#: Times that all of them wait.
WAVES = 4


class Wave:
    """Count who has begun and who is done; hold them until all have begun."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._begun = self._done = 0
        self._go = trio.Event()
        self.over = trio.Event()

    async def wait(self) -> None:
        """Wait for the others."""
        self._begun += 1
        if self._begun == self._size:
            self._go.set()
        await self._go.wait()
        self._done += 1
        if self._done == self._size:
            self.over.set()


class Waiter(Actor[Wave]):
    """Wait in the handler."""

    async def receive(self, message: Wave, ctx: Context) -> None:
        """Wait for all others."""
        await message.wait()


async def suspend_by_greenroom(size: int) -> Sample:
    """Start `size` actors, and have all of them wait at once, some times; timed from the first start until all are done."""
    async with open_supervisor("stage") as root:
        watch = Stopwatch()
        refs = [root.start_soon(Waiter) for _ in range(size)]
        for _ in range(WAVES):
            wave = Wave(size)
            for ref in refs:
                ref.tell(wave)
            await wave.over.wait()
        return watch.stop(size * WAVES)


async def suspend_by_trio(size: int) -> Sample:
    """Do the same with a task and a channel each."""

    async def waiter(receive: trio.MemoryReceiveChannel[Wave]) -> None:
        async for wave in receive:
            await wave.wait()

    async with trio.open_nursery() as nursery:
        watch = Stopwatch()
        sends: list[trio.MemorySendChannel[Wave]] = []
        for _ in range(size):
            send, receive = trio.open_memory_channel[Wave](inf)
            nursery.start_soon(waiter, receive)
            sends.append(send)
        for _ in range(WAVES):
            wave = Wave(size)
            for send in sends:
                await send.send(wave)
            await wave.over.wait()
        sample = watch.stop(size * WAVES)
        for send in sends:
            send.close()
    return sample


async def suspend_thresholds_by_greenroom(size: int) -> Sample:
    """Do it while the garbage collector looks less often."""
    gc.set_threshold(*THRESHOLDS)
    return await suspend_by_greenroom(size)


async def suspend_thresholds_by_trio(size: int) -> Sample:
    """Do it while the garbage collector looks less often."""
    gc.set_threshold(*THRESHOLDS)
    return await suspend_by_trio(size)
