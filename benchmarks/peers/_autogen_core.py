"""autogen-core: agents in a single-threaded runtime, made by their first message; publishing tells, sending asks."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Sides, by_asyncio, within
from ._tally import Tally

core: Any = import_module("autogen_core")

#: The type of the agents, and of the topic that they subscribe to; a topic's source is the key of the agent that gets it.
ACTORS = "actors"


@dataclass
class Tell:
    """A message with a number."""

    number: int


@dataclass
class Next:
    """Ask for the next number."""


@dataclass
class Number:
    """An answer."""

    number: int


class Counter(core.RoutedAgent):  # type: ignore[misc]
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: asyncio.Event) -> None:
        super().__init__("counter")
        self.total = total
        self.counted = counted
        self.count = 0

    @core.message_handler  # type: ignore[untyped-decorator]
    async def receive(self, message: Tell, ctx: Any) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers(core.RoutedAgent):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        super().__init__("numbers")
        self.count = 0

    @core.message_handler  # type: ignore[untyped-decorator]
    async def receive(self, message: Next, ctx: Any) -> Number:
        """Answer with the next one."""
        self.count += 1
        return Number(self.count)


class Idler(core.RoutedAgent):  # type: ignore[misc]
    """Handle messages, and stay."""

    def __init__(self, tallies: list[Tally[asyncio.Event]]) -> None:
        super().__init__("idler")
        self.tallies = tallies

    @core.message_handler  # type: ignore[untyped-decorator]
    async def receive(self, message: Tell, ctx: Any) -> None:
        """Count it."""
        self.tallies[message.number].add()


class Node(core.RoutedAgent):  # type: ignore[misc]
    """Pass the token on; the last one says that it is over."""

    def __init__(self, size: int, hops: list[int], over: asyncio.Event) -> None:
        super().__init__("node")
        self.index = int(self.id.key)
        self.next = core.TopicId(ACTORS, str((self.index + 1) % size))
        self.hops = hops
        self.over = over

    @core.message_handler  # type: ignore[untyped-decorator]
    async def receive(self, message: Tell, ctx: Any) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message.number:
            await self.publish_message(Tell(message.number - 1), self.next)
        else:
            self.over.set()


def in_runtime(side: Callable[..., Awaitable[Sample]]) -> Callable[[int], Any]:
    """Return a side that has a runtime."""

    async def with_runtime(size: int) -> Sample:
        runtime = core.SingleThreadedAgentRuntime()
        runtime.start()
        sample = await side(runtime, size)
        await runtime.close()
        return sample

    return with_runtime


async def register(runtime: Any, actor: Any, *args: Any) -> None:
    """Have an agent of a class made for each key that gets a message."""
    await actor.register(runtime, ACTORS, lambda: actor(*args))
    await runtime.add_subscription(core.TypeSubscription(ACTORS, ACTORS))


async def tell(runtime: Any, size: int) -> Sample:
    """Publish `size` messages; timed until the last is counted."""
    counted = asyncio.Event()
    await register(runtime, Counter, size, counted)
    topic = core.TopicId(ACTORS, "0")
    watch = Stopwatch()
    for number in range(size):
        await runtime.publish_message(Tell(number), topic)
    await counted.wait()
    return watch.stop(size)


async def ask(runtime: Any, size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times; within `asyncio.timeout`, as it has no timeout of its own."""
    answer = 0
    await register(runtime, Numbers)
    agent = core.AgentId(ACTORS, "0")
    watch = Stopwatch()
    for _ in range(size):
        asking = runtime.send_message(Next(), agent)
        answer = (await (asking if timeout is None else within(timeout, asking))).number
    return watch.stop(answer)


async def spawn(runtime: Any, size: int) -> Sample:
    """Publish to `size` agents, which makes each, and close the runtime, which closes all: one alone cannot be ended."""
    tally = Tally(size, asyncio.Event())
    await register(runtime, Idler, [tally])
    watch = Stopwatch()
    for key in range(size):
        await runtime.publish_message(Tell(0), core.TopicId(ACTORS, str(key)))
    await tally.all.wait()
    await runtime.close()
    return watch.stop(tally.count)


async def weigh(runtime: Any, size: int) -> Sample:
    """Have `size` agents made by a message each; each then handles another, to show that it was there."""
    made, told = Tally(size, asyncio.Event()), Tally(size, asyncio.Event())
    await register(runtime, Idler, [made, told])
    before = resident()
    watch = Stopwatch()
    for key in range(size):
        await runtime.publish_message(Tell(0), core.TopicId(ACTORS, str(key)))
    await made.all.wait()
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for key in range(size):
        await runtime.publish_message(Tell(1), core.TopicId(ACTORS, str(key)))
    await told.all.wait()
    return sample


async def ring(runtime: Any, size: int) -> Sample:
    """Send a token `LAPS` times round `size` agents."""
    hops, over = [0] * size, asyncio.Event()
    await register(runtime, Node, size, hops, over)
    watch = Stopwatch()
    await runtime.publish_message(Tell(size * LAPS - 1), core.TopicId(ACTORS, "0"))
    await over.wait()
    sample = watch.stop(sum(hops))
    assert hops == [LAPS] * size
    return sample


async def fan(runtime: Any, size: int) -> Sample:
    """Ask each of `size` agents `ASKS_EACH` times, all at once, a task for each ask."""
    await register(runtime, Numbers)
    agents = [core.AgentId(ACTORS, str(key)) for key in range(size)]
    watch = Stopwatch()
    answers = await asyncio.gather(*(runtime.send_message(Next(), agent) for _ in range(ASKS_EACH) for agent in agents))
    sample = watch.stop(len(answers))
    assert sum(answer.number for answer in answers) == sum_of_answers(size)
    return sample


SIDES: Sides = {
    "tell": in_runtime(tell),
    "ask": in_runtime(ask),
    "ask-timeout": in_runtime(partial(ask, timeout=TIMEOUT)),
    "spawn": in_runtime(spawn),
    "idle": in_runtime(weigh),
    "ring": in_runtime(ring),
    "fan": in_runtime(fan),
}
WORKLOADS = by_asyncio(SIDES)
