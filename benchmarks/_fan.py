"""Fan: many actors that answer, each asked many times at once."""

from math import inf

import trio

from greenroom import ActorRef, ask_many, open_supervisor

from ._ask import Next, Numbers, Requests, numbers
from ._sample import Sample
from ._sizes import ASKS_EACH, sum_of_answers
from ._stopwatch import Stopwatch


async def fan_by_greenroom(size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a task for each ask; timed until all are answered."""
    answers: list[int] = []

    async def ask(ref: ActorRef[Next]) -> None:
        answers.append(await ref.ask(Next()))

    async with open_supervisor("stage") as root:
        refs = [await root.start(Numbers) for _ in range(size)]
        watch = Stopwatch()
        async with trio.open_nursery() as nursery:
            for _ in range(ASKS_EACH):
                for ref in refs:
                    nursery.start_soon(ask, ref)
        sample = watch.stop(len(answers))
    assert sum(answers) == sum_of_answers(size)
    return sample


async def fan_many_by_greenroom(size: int) -> Sample:
    """Do the same with `ask_many`, and no task for each."""
    async with open_supervisor("stage") as root:
        refs = [await root.start(Numbers) for _ in range(size)]
        watch = Stopwatch()
        answers = await ask_many((ref, Next()) for _ in range(ASKS_EACH) for ref in refs)
        sample = watch.stop(len(answers))
    assert sum(answers) == sum_of_answers(size)
    return sample


async def fan_by_trio(size: int) -> Sample:
    """Do the same with `size` tasks, each ask over a reply channel of its own."""
    answers: list[int] = []
    sends: list[trio.MemorySendChannel[tuple[Next, trio.MemorySendChannel[int]]]] = []

    async def ask(send: trio.MemorySendChannel[tuple[Next, trio.MemorySendChannel[int]]]) -> None:
        reply, mine = trio.open_memory_channel[int](1)
        await send.send((Next(), reply))
        answers.append(await mine.receive())

    async with trio.open_nursery() as actors:
        for _ in range(size):
            receive: Requests
            send, receive = trio.open_memory_channel[tuple[Next, trio.MemorySendChannel[int]]](inf)
            sends.append(send)
            actors.start_soon(numbers, receive)
        await trio.lowlevel.checkpoint()
        watch = Stopwatch()
        async with trio.open_nursery() as nursery:
            for _ in range(ASKS_EACH):
                for send in sends:
                    nursery.start_soon(ask, send)
        sample = watch.stop(len(answers))
        for send in sends:
            send.close()
    assert sum(answers) == sum_of_answers(size)
    return sample
