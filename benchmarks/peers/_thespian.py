"""Thespian, its simple system: actors in this process and thread; a tell returns when all that follows from it has been done."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

from datetime import timedelta
from importlib import import_module
from typing import Any

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import LAPS, TIMEOUT
from .._stopwatch import Stopwatch
from ._running import Workloads

actors: Any = import_module("thespian.actors")


@attrs.define
class Place:
    """Say where in the ring an actor is; it takes no arguments when it is made."""

    next: Any
    index: int
    hops: list[int]


@attrs.define
class Count:
    """Ask how many there were."""


class Counter(actors.Actor):  # type: ignore[misc]
    """Count messages."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 -- thespian's name
        """Count one, or say how many there were."""
        if isinstance(message, int):
            self.count += 1
        elif isinstance(message, Count):
            self.send(sender, self.count)


class Numbers(actors.Actor):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 -- thespian's name
        """Answer with the next one."""
        if isinstance(message, str):
            self.count += 1
            self.send(sender, self.count)


class Mayfly(actors.Actor):  # type: ignore[misc]
    """Handle one message, and stop."""

    ends: list[int]

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 -- thespian's name
        """Note it; note the end, too."""
        if isinstance(message, list):
            self.ends = message[1]
            message[0].append(1)
            self.send(self.myAddress, actors.ActorExitRequest())
        elif isinstance(message, actors.ActorExitRequest):
            self.ends.append(1)


class Node(actors.Actor):  # type: ignore[misc]
    """Pass the token on."""

    place: Place

    def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 -- thespian's name
        """Pass it on, one less."""
        if isinstance(message, int):
            place = self.place
            place.hops[place.index] += 1
            if message:
                self.send(place.next, message - 1)
        elif isinstance(message, Place):
            self.place = message


def start() -> Any:
    """Return an actor system, which keeps quiet."""
    return actors.ActorSystem("simpleSystemBase", logDefs={"version": 1, "root": {"level": "CRITICAL"}})


def tell(size: int) -> Sample:
    """Tell `size` messages."""
    system = start()
    address = system.createActor(Counter)
    watch = Stopwatch()
    for number in range(size):
        system.tell(address, number)
    sample = watch.stop(size)
    count = system.ask(address, Count())
    system.shutdown()
    assert count == size
    return sample


def ask(size: int, timeout: timedelta | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    system = start()
    address = system.createActor(Numbers)
    watch = Stopwatch()
    for _ in range(size):
        answer = system.ask(address, "next", timeout)
    sample = watch.stop(answer)
    system.shutdown()
    return sample


def spawn(size: int) -> Sample:
    """Start `size` actors that handle one message and stop."""
    handled: list[int] = []
    ended: list[int] = []
    system = start()
    watch = Stopwatch()
    addresses = [system.createActor(Mayfly) for _ in range(size)]
    for address in addresses:
        system.tell(address, [handled, ended])
    sample = watch.stop(len(handled))
    system.shutdown()
    assert len(ended) == size
    return sample


def weigh(size: int) -> Sample:
    """Start `size` actors; each then handles a message, to show that it was there."""
    system = start()
    before = resident()
    watch = Stopwatch()
    addresses = [system.createActor(Counter) for _ in range(size)]
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for address in addresses:
        system.tell(address, 1)
    assert all(system.ask(address, Count()) == 1 for address in addresses)
    system.shutdown()
    return sample


def ring(size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops = [0] * size
    system = start()
    nodes = [system.createActor(Node) for _ in range(size)]
    for index, address in enumerate(nodes):
        system.tell(address, Place(nodes[(index + 1) % size], index, hops))
    watch = Stopwatch()
    system.tell(nodes[0], size * LAPS - 1)
    sample = watch.stop(sum(hops))
    system.shutdown()
    assert hops == [LAPS] * size
    return sample


WORKLOADS: Workloads = {
    "tell": tell,
    "ask": ask,
    "ask-timeout": lambda size: ask(size, timedelta(seconds=TIMEOUT)),
    "spawn": spawn,
    "idle": weigh,
    "ring": ring,
}
