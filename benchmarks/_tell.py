"""Tell: one producer, one actor that counts."""

from math import inf

import trio

from greenroom import Actor, Context, open_supervisor

from ._sample import Sample
from ._stopwatch import Stopwatch


class Counter(Actor[int]):
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: trio.Event) -> None:
        self.total = total
        self.counted = counted
        self.count = 0

    async def receive(self, message: int, ctx: Context) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


async def tell_by_greenroom(size: int) -> Sample:
    """Tell `size` messages in a row; timed from the first tell until the last is counted. `tell` never yields, so all of them queue up."""
    counted = trio.Event()
    counter = Counter(size, counted)

    def make() -> Counter:
        return counter

    async with open_supervisor("stage") as root:
        ref = await root.start(make)
        tell = ref.tell
        watch = Stopwatch()
        for number in range(size):
            tell(number)
        await counted.wait()
        sample = watch.stop(size)
    assert counter.count == size
    assert root.dead_letters.total == 0
    return sample


async def tell_by_trio(size: int) -> Sample:
    """Send `size` messages into a channel; timed from the first send until the last is counted."""
    counted = trio.Event()
    send, receive = trio.open_memory_channel[int](inf)
    count = 0

    async def counter() -> None:
        nonlocal count
        async for _message in receive:
            count += 1
            if count == size:
                counted.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counter)
        await trio.lowlevel.checkpoint()
        watch = Stopwatch()
        for number in range(size):
            await send.send(number)
        await counted.wait()
        sample = watch.stop(size)
        send.close()
    assert count == size
    return sample
