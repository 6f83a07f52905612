"""Ask: one asker, one actor that answers; one round trip after the other, with and without a timeout."""

from math import inf

import trio

from greenroom import Actor, Context, Request, open_supervisor

from ._sample import Sample
from ._sizes import TIMEOUT
from ._stopwatch import Stopwatch


class Next(Request[int]):
    """Ask for the next number."""


class Numbers(Actor[Next]):
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        self.count = 0

    async def receive(self, message: Next, ctx: Context) -> int:
        """Answer with the next one."""
        self.count += 1
        return self.count


async def ask_by_greenroom(size: int) -> Sample:
    """Ask `size` times."""
    answer = 0
    async with open_supervisor("stage") as root:
        ref = await root.start(Numbers)
        watch = Stopwatch()
        for _ in range(size):
            answer = await ref.ask(Next())
        sample = watch.stop(size)
    assert answer == size
    return sample


async def timed_ask_by_greenroom(size: int) -> Sample:
    """Ask `size` times, each with a timeout."""
    answer = 0
    async with open_supervisor("stage") as root:
        ref = await root.start(Numbers)
        watch = Stopwatch()
        for _ in range(size):
            answer = await ref.ask(Next(), timeout=TIMEOUT)
        sample = watch.stop(size)
    assert answer == size
    return sample


Requests = trio.MemoryReceiveChannel[tuple[Next, trio.MemorySendChannel[int]]]


async def numbers(requests: Requests) -> None:
    """Give out numbers, from 1; the hand-written actor. Each request says where its answer goes."""
    count = 0
    async for _request, reply in requests:
        count += 1
        await reply.send(count)


async def ask_by_trio(size: int) -> Sample:
    """Ask `size` times, each over a reply channel of its own: over a shared one, the late answer to a question given up is taken for the next."""
    answer = 0
    send, receive = trio.open_memory_channel[tuple[Next, trio.MemorySendChannel[int]]](inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(numbers, receive)
        await trio.lowlevel.checkpoint()
        watch = Stopwatch()
        for _ in range(size):
            reply, answers = trio.open_memory_channel[int](1)
            await send.send((Next(), reply))
            answer = await answers.receive()
        sample = watch.stop(size)
        send.close()
    assert answer == size
    return sample


async def timed_ask_by_trio(size: int) -> Sample:
    """Ask `size` times, each within `trio.fail_after`."""
    answer = 0
    send, receive = trio.open_memory_channel[tuple[Next, trio.MemorySendChannel[int]]](inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(numbers, receive)
        await trio.lowlevel.checkpoint()
        watch = Stopwatch()
        for _ in range(size):
            reply, answers = trio.open_memory_channel[int](1)
            with trio.fail_after(TIMEOUT):
                await send.send((Next(), reply))
                answer = await answers.receive()
        sample = watch.stop(size)
        send.close()
    assert answer == size
    return sample
