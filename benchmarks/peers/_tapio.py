"""tapio: a task per actor; a typed pydantic message for each mail and each answer."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Sides, by_asyncio
from ._tally import Tally

if TYPE_CHECKING:
    ActorRef = list  # its message classes read annotations when they are made, where this is the library's
else:
    ActorRef = import_module("tapio.actor").ActorRef

tapio: Any = import_module("tapio")
Behaviors = tapio.Behaviors
PostStop = import_module("tapio.actor.signals").PostStop
SupervisorStrategy = import_module("tapio.actor.supervision").SupervisorStrategy


class Boom(Exception):
    """What an actor crashes with."""


class Tell(tapio.Message):  # type: ignore[misc]
    """A message with a number."""

    number: int


class Number(tapio.Message):  # type: ignore[misc]
    """An answer."""

    number: int


class Next(tapio.Message):  # type: ignore[misc]
    """Ask for the next number."""

    reply_to: ActorRef[Number]


def please(reply_to: Any) -> Any:
    """Return the request."""
    return Next(reply_to=reply_to)


def counter(total: int, counted: asyncio.Event) -> Any:
    """Count messages; say when all are there."""
    count = 0

    async def receive(_message: Tell) -> Any:
        nonlocal count
        count += 1
        if count == total:
            counted.set()
        return Behaviors.same()

    return Behaviors.receive_message(receive)


def numbers() -> Any:
    """Give out numbers, from 1."""
    count = 0

    async def receive(message: Next) -> Any:
        nonlocal count
        count += 1
        reply_to: Any = message.reply_to
        reply_to.tell(Number(number=count))
        return Behaviors.same()

    return Behaviors.receive_message(receive)


def mayfly(handled: Tally[asyncio.Event], ended: Tally[asyncio.Event]) -> Any:
    """Handle one message, and stop."""

    async def receive(_message: Tell) -> Any:
        handled.add()
        return Behaviors.stopped()

    async def on_signal(_ctx: Any, signal: Any) -> Any:
        if isinstance(signal, PostStop):
            ended.add()
        return Behaviors.same()

    return Behaviors.receive_message(receive, on_signal=on_signal)


def idler(tally: Tally[asyncio.Event]) -> Any:
    """Handle messages, and stay."""

    async def receive(_message: Tell) -> Any:
        tally.add()
        return Behaviors.same()

    return Behaviors.receive_message(receive)


def node(ring: list[Any], index: int, size: int, hops: list[int], over: asyncio.Event) -> Any:
    """Pass the token on; the last one says that it is over."""
    following = (index + 1) % size

    async def receive(message: Tell) -> Any:
        hops[index] += 1
        if message.number:
            ring[following].tell(Tell(number=message.number - 1))
        else:
            over.set()
        return Behaviors.same()

    return Behaviors.receive_message(receive)


def mortal(tally: Tally[asyncio.Event]) -> Any:
    """Crash on each message but the last."""

    def setup(_ctx: Any) -> Any:
        tally.count += 1

        async def receive(message: Tell) -> Any:
            if message.number == tally.total:
                tally.all.set()
                return Behaviors.same()
            raise Boom(message.number)

        return Behaviors.receive_message(receive)

    return Behaviors.supervise(Behaviors.setup(setup)).on_failure(SupervisorStrategy.restart(), on=Boom)


def in_system(side: Callable[..., Awaitable[Sample]], **options: Any) -> Callable[[int], Any]:
    """Return a side that has an actor system, which keeps quiet."""

    async def within(size: int) -> Sample:
        logging.getLogger("tapio").setLevel(logging.CRITICAL)
        async with tapio.ActorSystem("stage") as system:
            return await side(system, size, **options)

    return within


async def tell(system: Any, size: int) -> Sample:
    """Tell `size` messages; timed until the last is counted."""
    counted = asyncio.Event()
    ref = system.spawn_anonymous(counter(size, counted))
    watch = Stopwatch()
    for number in range(size):
        ref.tell(Tell(number=number))
    await counted.wait()
    return watch.stop(size)


async def ask(system: Any, size: int, timeout: timedelta | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    ref = system.spawn_anonymous(numbers())
    watch = Stopwatch()
    for _ in range(size):
        answer = (await ref.ask(please, expect=Number, timeout=timeout)).number
    return watch.stop(answer)


async def spawn(system: Any, size: int) -> Sample:
    """Start `size` actors that handle one message and stop; timed until all have."""
    handled, ended = Tally(size, asyncio.Event()), Tally(size, asyncio.Event())
    watch = Stopwatch()
    refs = [system.spawn_anonymous(mayfly(handled, ended)) for _ in range(size)]
    for ref in refs:
        ref.tell(Tell(number=1))
    await ended.all.wait()
    return watch.stop(handled.count)


async def weigh(system: Any, size: int) -> Sample:
    """Start `size` actors that wait for mail; each then handles a message, to show that it was there."""
    tally = Tally(size, asyncio.Event())
    before = resident()
    watch = Stopwatch()
    refs = [system.spawn_anonymous(idler(tally)) for _ in range(size)]
    for _ in range(3):
        await asyncio.sleep(0)
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for ref in refs:
        ref.tell(Tell(number=1))
    await tally.all.wait()
    return sample


async def ring(system: Any, size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, asyncio.Event()
    nodes: list[Any] = []
    for index in range(size):
        nodes.append(system.spawn_anonymous(node(nodes, index, size, hops, over)))
    watch = Stopwatch()
    nodes[0].tell(Tell(number=size * LAPS - 1))
    await over.wait()
    sample = watch.stop(sum(hops))
    assert hops == [LAPS] * size
    return sample


async def fan(system: Any, size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a task for each ask."""
    refs = [system.spawn_anonymous(numbers()) for _ in range(size)]
    timeout = timedelta(seconds=TIMEOUT)
    watch = Stopwatch()
    answers = await asyncio.gather(
        *(ref.ask(please, expect=Number, timeout=timeout) for _ in range(ASKS_EACH) for ref in refs)
    )
    sample = watch.stop(len(answers))
    assert sum(answer.number for answer in answers) == sum_of_answers(size)
    return sample


async def restart(system: Any, size: int) -> Sample:
    """Have one actor crash `size` times; timed until the incarnation after the last crash has handled a message."""
    tally = Tally(size, asyncio.Event())
    ref = system.spawn_anonymous(mortal(tally))
    watch = Stopwatch()
    for number in range(size + 1):
        ref.tell(Tell(number=number))
    await tally.all.wait()
    return watch.stop(tally.count - 1)


SIDES: Sides = {
    "tell": in_system(tell),
    "ask": in_system(ask),
    "ask-timeout": in_system(partial(ask, timeout=timedelta(seconds=TIMEOUT))),
    "spawn": in_system(spawn),
    "idle": in_system(weigh),
    "ring": in_system(ring),
    "fan": in_system(fan),
    "restart": in_system(restart),
}
WORKLOADS = by_asyncio(SIDES)
