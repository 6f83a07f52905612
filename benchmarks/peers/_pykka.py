"""Pykka: a thread per actor."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

from importlib import import_module
from threading import Event
from typing import Any

import attrs

from .._memory import resident
from .._sample import Sample
from .._sizes import ASKS_EACH, LAPS, TIMEOUT, sum_of_answers
from .._stopwatch import Stopwatch
from ._running import Workloads
from ._tally import SharedTally, Tally

pykka: Any = import_module("pykka")


class Counter(pykka.ThreadingActor):  # type: ignore[misc]
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: Event) -> None:
        super().__init__()
        self.total = total
        self.counted = counted
        self.count = 0

    def on_receive(self, message: int) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers(pykka.ThreadingActor):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: str) -> int:
        """Answer with the next one."""
        self.count += 1
        return self.count


class Mayfly(pykka.ThreadingActor):  # type: ignore[misc]
    """Handle one message, and stop."""

    def __init__(self, handled: Tally[Event], ended: Tally[Event]) -> None:
        super().__init__()
        self.handled = handled
        self.ended = ended

    def on_receive(self, message: int) -> None:
        """Count it."""
        self.handled.add()
        self.stop()

    def on_stop(self) -> None:
        """Say so."""
        self.ended.add()


class Idler(pykka.ThreadingActor):  # type: ignore[misc]
    """Handle messages, and stay."""

    def __init__(self, tally: Tally[Event]) -> None:
        super().__init__()
        self.tally = tally

    def on_receive(self, message: int) -> None:
        """Count it."""
        self.tally.add()


class Node(pykka.ThreadingActor):  # type: ignore[misc]
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[Any], index: int, size: int, hops: list[int], over: Event) -> None:
        super().__init__()
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    def on_receive(self, message: int) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            self.ring[self.next].tell(message - 1)
        else:
            self.over.set()


def tell(size: int) -> Sample:
    """Tell `size` messages; timed until the last is counted."""
    counted = Event()
    ref = Counter.start(size, counted)
    watch = Stopwatch()
    for number in range(size):
        ref.tell(number)
    counted.wait()
    sample = watch.stop(size)
    ref.stop()
    return sample


def ask(size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    ref = Numbers.start()
    watch = Stopwatch()
    for _ in range(size):
        answer = ref.ask("next", timeout=timeout)
    sample = watch.stop(answer)
    ref.stop()
    return sample


def spawn(size: int) -> Sample:
    """Start `size` actors that handle one message and stop; timed until all have."""
    handled, ended = SharedTally(size, Event()), SharedTally(size, Event())
    watch = Stopwatch()
    refs = [Mayfly.start(handled, ended) for _ in range(size)]
    for ref in refs:
        ref.tell(1)
    ended.all.wait()
    sample = watch.stop(handled.count)
    assert not any(ref.is_alive() for ref in refs)
    return sample


def weigh(size: int) -> Sample:
    """Start `size` actors that wait for mail; each then handles a message, to show that it was there."""
    tally = SharedTally(size, Event())
    before = resident()
    watch = Stopwatch()
    refs = [Idler.start(tally) for _ in range(size)]
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for ref in refs:
        ref.tell(1)
    tally.all.wait()
    pykka.ActorRegistry.stop_all()
    return sample


def ring(size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, Event()
    nodes: list[Any] = []
    for index in range(size):
        nodes.append(Node.start(nodes, index, size, hops, over))
    watch = Stopwatch()
    nodes[0].tell(size * LAPS - 1)
    over.wait()
    sample = watch.stop(sum(hops))
    pykka.ActorRegistry.stop_all()
    assert hops == [LAPS] * size
    return sample


def fan(size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, all at once, a future for each ask."""
    refs = [Numbers.start() for _ in range(size)]
    watch = Stopwatch()
    answers: list[int] = pykka.get_all([ref.ask("next", block=False) for _ in range(ASKS_EACH) for ref in refs])
    sample = watch.stop(len(answers))
    pykka.ActorRegistry.stop_all()
    assert sum(answers) == sum_of_answers(size)
    return sample


WORKLOADS: Workloads = {
    "tell": tell,
    "ask": ask,
    "ask-timeout": lambda size: ask(size, TIMEOUT),
    "spawn": spawn,
    "idle": weigh,
    "ring": ring,
    "fan": fan,
}
