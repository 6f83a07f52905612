"""Ring: a token that goes round many actors."""

from math import inf

import trio

from greenroom import Actor, ActorRef, Context, open_supervisor

from ._sample import Sample
from ._sizes import LAPS
from ._stopwatch import Stopwatch


class Node(Actor[int]):
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[ActorRef[int]], index: int, size: int, hops: list[int], over: trio.Event) -> None:
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    async def receive(self, message: int, ctx: Context) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            self.ring[self.next].tell(message - 1)
        else:
            self.over.set()


async def ring_by_greenroom(size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops = [0] * size
    over = trio.Event()
    async with open_supervisor("stage") as root:
        ring: list[ActorRef[int]] = []
        for index in range(size):
            ring.append(root.start_soon(Node, ring, index, size, hops, over))
        for ref in ring:
            await ref.wait_ready()
        watch = Stopwatch()
        ring[0].tell(size * LAPS - 1)
        await over.wait()
        sample = watch.stop(size * LAPS)
    assert hops == [LAPS] * size
    return sample


async def ring_by_trio(size: int) -> Sample:
    """Send a token `LAPS` times round `size` tasks."""
    hops = [0] * size
    over = trio.Event()
    ring: list[trio.MemorySendChannel[int]] = []

    async def node(receive: trio.MemoryReceiveChannel[int], index: int) -> None:
        following = (index + 1) % size
        async for message in receive:
            hops[index] += 1
            if message:
                await ring[following].send(message - 1)
            else:
                over.set()

    async with trio.open_nursery() as nursery:
        for index in range(size):
            send, receive = trio.open_memory_channel[int](inf)
            ring.append(send)
            nursery.start_soon(node, receive, index)
        await trio.lowlevel.checkpoint()
        watch = Stopwatch()
        await ring[0].send(size * LAPS - 1)
        await over.wait()
        sample = watch.stop(size * LAPS)
        for send in ring:
            send.close()
    assert hops == [LAPS] * size
    return sample
