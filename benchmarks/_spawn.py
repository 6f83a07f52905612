"""Spawn: many actors that each handle one message and stop; and what an idle one weighs."""

from math import inf

import attrs
import trio
import trio.testing

from greenroom import Actor, Context, open_supervisor

from ._memory import resident
from ._sample import Sample
from ._stopwatch import Stopwatch


class Tally:
    """Count messages handled by many; say when all are."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.count = 0
        self.all = trio.Event()

    def add(self) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.all.set()


class Mayfly(Actor[int]):
    """Handle one message, and stop."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    async def receive(self, message: int, ctx: Context) -> None:
        """Count it."""
        self.tally.add()
        ctx.stop()


class Idler(Actor[int]):
    """Handle messages, and stay."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    async def receive(self, message: int, ctx: Context) -> None:
        """Count it."""
        self.tally.add()


async def spawn_by_greenroom(size: int) -> Sample:
    """Start `size` actors, tell each one message; timed from the first start until all have stopped and none is left in the tree."""
    tally = Tally(size)
    async with open_supervisor("stage") as root:
        watch = Stopwatch()
        refs = [root.start_soon(Mayfly, tally) for _ in range(size)]
        for ref in refs:
            ref.tell(1)
        await tally.all.wait()
        while root.count_children()["specs"]:
            await trio.lowlevel.checkpoint()
        sample = watch.stop(size)
    assert tally.count == size
    assert not any(ref.is_alive for ref in refs)
    assert root.dead_letters.total == 0
    return sample


async def spawn_by_trio(size: int) -> Sample:
    """Start `size` tasks, each with a channel that is found by name, send each one message; timed until all have ended and said so.

    The same work as on the other side: a name is taken and given back, and the end of each is told to who started it.
    """
    tally = Tally(size)
    names: dict[str, trio.MemorySendChannel[int]] = {}
    tell_end, ends = trio.open_memory_channel[tuple[str, str]](inf)

    async def mayfly(name: str, receive: trio.MemoryReceiveChannel[int]) -> None:
        try:
            async with receive:
                async for _message in receive:
                    tally.add()
        finally:
            del names[name]
            tell_end.send_nowait((name, "finished"))

    async with trio.open_nursery() as outer:
        watch = Stopwatch()
        async with trio.open_nursery() as nursery:
            for number in range(size):
                name = f"mayfly-{number}"
                send, receive = trio.open_memory_channel[int](inf)
                nursery.start_soon(mayfly, name, receive)
                names[name] = send
            for send in list(names.values()):
                async with send:
                    await send.send(1)
            for _ in range(size):
                await ends.receive()
        sample = watch.stop(size)
        assert not outer.child_tasks
    assert not names
    assert tally.count == size
    return sample


async def weigh_by_greenroom(size: int) -> Sample:
    """Start `size` actors that wait for mail; weighed by what the process grew. Each then handles a message, to show that it was there."""
    tally = Tally(size)
    async with open_supervisor("stage") as root:
        before = resident()
        watch = Stopwatch()
        refs = [root.start_soon(Idler, tally) for _ in range(size)]
        await trio.testing.wait_all_tasks_blocked()
        sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
        assert all(ref.lifecycle == "ready" for ref in refs)
        for ref in refs:
            ref.tell(1)
        await tally.all.wait()
    assert tally.count == size
    return sample


async def weigh_by_trio(size: int) -> Sample:
    """Start `size` tasks that wait for mail; weighed by what the process grew. Each then handles a message, to show that it was there."""
    tally = Tally(size)

    async def idler(receive: trio.MemoryReceiveChannel[int]) -> None:
        async for _message in receive:
            tally.add()

    async with trio.open_nursery() as nursery:
        before = resident()
        watch = Stopwatch()
        sends: list[trio.MemorySendChannel[int]] = []
        for _ in range(size):
            send, receive = trio.open_memory_channel[int](inf)
            nursery.start_soon(idler, receive)
            sends.append(send)
        await trio.testing.wait_all_tasks_blocked()
        sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
        assert len(nursery.child_tasks) == size
        for send in sends:
            await send.send(1)
        await tally.all.wait()
        for send in sends:
            send.close()
    assert tally.count == size
    return sample
