"""larzactor: a thread per actor."""

# The library is not installed where types are checked, so nothing is known of its base classes.
# pyright: reportUnknownMemberType=false

from concurrent.futures import ThreadPoolExecutor
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

larzactor: Any = import_module("larzactor")
#: Threads that ask at once, as an ask holds its thread.
ASKERS = 100


class Counter(larzactor.Actor):  # type: ignore[misc]
    """Count messages; say when all are there."""

    def __init__(self, total: int, counted: Event) -> None:
        super().__init__()
        self.total = total
        self.counted = counted
        self.count = 0

    def receive(self, message: int) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.counted.set()


class Numbers(larzactor.Actor):  # type: ignore[misc]
    """Give out numbers, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def receive(self, message: str) -> int:
        """Answer with the next one."""
        self.count += 1
        return self.count


class Idler(larzactor.Actor):  # type: ignore[misc]
    """Handle messages, and stay."""

    def __init__(self, tally: Tally[Event]) -> None:
        super().__init__()
        self.tally = tally

    def receive(self, message: int) -> None:
        """Count it."""
        self.tally.add()


class Node(larzactor.Actor):  # type: ignore[misc]
    """Pass the token on; the last one says that it is over."""

    def __init__(self, ring: list[Any], index: int, size: int, hops: list[int], over: Event) -> None:
        super().__init__()
        self.ring = ring
        self.index = index
        self.next = (index + 1) % size
        self.hops = hops
        self.over = over

    def receive(self, message: int) -> None:
        """Pass it on, one less."""
        self.hops[self.index] += 1
        if message:
            self.ring[self.next].tell(message - 1)
        else:
            self.over.set()


def tell(size: int) -> Sample:
    """Tell `size` messages; timed until the last is counted."""
    counted = Event()
    system = larzactor.ActorSystem()
    ref = system.spawn(Counter, size, counted)
    watch = Stopwatch()
    for number in range(size):
        ref.tell(number)
    counted.wait()
    sample = watch.stop(size)
    system.shutdown()
    return sample


def ask(size: int, timeout: float | None = None) -> Sample:
    """Ask `size` times."""
    answer = 0
    system = larzactor.ActorSystem()
    ref = system.spawn(Numbers)
    watch = Stopwatch()
    for _ in range(size):
        answer = ref.ask("next", timeout=timeout)
    sample = watch.stop(answer)
    system.shutdown()
    return sample


def spawn(size: int) -> Sample:
    """Start `size` actors, tell each one message, and shut the system down, which waits for all: an actor cannot stop itself."""
    tally = SharedTally(size, Event())
    system = larzactor.ActorSystem()
    watch = Stopwatch()
    for ref in [system.spawn(Idler, tally) for _ in range(size)]:
        ref.tell(1)
    system.shutdown()
    sample = watch.stop(tally.count)
    assert system.actor_count == 0
    return sample


def weigh(size: int) -> Sample:
    """Start `size` actors that wait for mail; each then handles a message, to show that it was there."""
    tally = SharedTally(size, Event())
    system = larzactor.ActorSystem()
    before = resident()
    watch = Stopwatch()
    refs = [system.spawn(Idler, tally) for _ in range(size)]
    sample = attrs.evolve(watch.stop(size), bytes=resident() - before)
    for ref in refs:
        ref.tell(1)
    tally.all.wait()
    system.shutdown()
    return sample


def ring(size: int) -> Sample:
    """Send a token `LAPS` times round `size` actors."""
    hops, over = [0] * size, Event()
    system = larzactor.ActorSystem()
    nodes: list[Any] = []
    for index in range(size):
        nodes.append(system.spawn(Node, nodes, index, size, hops, over))
    watch = Stopwatch()
    nodes[0].tell(size * LAPS - 1)
    over.wait()
    sample = watch.stop(sum(hops))
    system.shutdown()
    assert hops == [LAPS] * size
    return sample


def fan(size: int) -> Sample:
    """Ask each of `size` actors `ASKS_EACH` times, by `ASKERS` threads."""
    system = larzactor.ActorSystem()
    refs = [system.spawn(Numbers) for _ in range(size)]

    def ask_one(ref: Any) -> int:
        answer: int = ref.ask("next")
        return answer

    with ThreadPoolExecutor(ASKERS) as askers:
        watch = Stopwatch()
        answers = list(askers.map(ask_one, refs * ASKS_EACH))
        sample = watch.stop(len(answers))
    system.shutdown()
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
