"""A herd: a process with many idle actors, which measures when told to over its standard input, a line for each order and a line for each answer.

So the cost of a message among many can be measured in turn with its cost among few, although neither process has the other's actors: each waits while
the other measures, and whatever slows the machine down slows both. Told what to do: `tell N`, `ask N`, `each`, `snapshot`, `stop`.

    python -m benchmarks._herd SYSTEM IDLE RECIPE
"""

import gc
import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import inf
from subprocess import PIPE, Popen
from time import process_time
from typing import Any, Final, Literal, Self

import attrs
import trio
import trio.testing

from greenroom import open_supervisor

from ._ask import Next, Numbers, numbers
from ._memory import resident
from ._sample import ROOT, BenchmarkFailed, Sample, SystemName
from ._spawn import Idler, Tally
from ._stopwatch import Stopwatch
from ._tell import Counter

#: What is done about the garbage collector while many are started: nothing; off meanwhile, and what is there then is left out for good; it looks
#: less often.
Recipe = Literal["none", "freeze", "thresholds"]
RECIPES: Final[tuple[Recipe, ...]] = ("none", "freeze", "thresholds")
#: As `gc.set_threshold` takes them.
THRESHOLDS: Final = (50_000, 20, 50)


@attrs.frozen
class Started:
    """Say what it took to have the herd.

    Attributes:
        registered, ready: until all were in the tree, and until all could take mail.
        bytes: by which the process grew.
        collecting: seconds of process time in the garbage collector, of those until all were ready.
        pause: seconds of process time of one full collection afterwards.
    """

    registered: Sample
    ready: Sample
    bytes: int
    collecting: float
    pause: float


class Herd:
    """Talk to the process of a herd. Leaving the block ends it."""

    def __init__(self, system: SystemName, idle: int, recipe: Recipe = "none") -> None:
        command = [sys.executable, "-m", "benchmarks._herd", system, str(idle), recipe]
        self._name = f"the herd of {idle:,} by {system}"
        self._process = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)  # noqa: S603 -- ourselves
        facts = self._answer()
        self.started = Started(
            registered=Sample(**facts.pop("registered")), ready=Sample(**facts.pop("ready")), **facts
        )

    def measure(self, order: str) -> Sample:
        """Have something measured.

        Raises:
            BenchmarkFailed: the process failed; the text has the end of what it said.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{order}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is told where its answer is missed
        return Sample(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise BenchmarkFailed(f"{self._name} failed:\n{errors[-4_000:].strip()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process, at once: its actors have shown what they had to."""
        self._process.kill()
        self._process.communicate()


# -- inside the process


@contextmanager
def following(recipe: Recipe) -> Generator[Callable[[], float]]:
    """Follow a recipe while many are started; what is given returns the seconds spent in the garbage collector since."""
    began = spent = 0.0

    def note(phase: str, _info: dict[str, int]) -> None:
        nonlocal began, spent
        if phase == "start":
            began = process_time()
        else:
            spent += process_time() - began

    if recipe == "freeze":
        gc.disable()
    elif recipe == "thresholds":
        gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(note)
    try:
        yield lambda: spent
    finally:
        gc.callbacks.remove(note)
        if recipe == "freeze":
            gc.freeze()
            gc.enable()


def orders() -> Iterator[tuple[str, int]]:
    """Iterate over what is to be measured, and how much of it."""
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        yield word, int(number or 0)


def answer(facts: Started | Sample) -> None:
    """Answer."""
    print(json.dumps(attrs.asdict(facts)), flush=True)


def pause() -> float:
    """Return the seconds of process time that one full collection takes."""
    watch = Stopwatch()
    gc.collect()
    return watch.stop(1).cpu_seconds


async def keep_by_greenroom(idle: int, recipe: Recipe) -> None:
    """Keep `idle` actors that wait for mail, and one more of each kind that is told and asked."""
    tally = Tally(idle)
    asks = 0
    stopping: Stopwatch | None = None
    async with open_supervisor("stage") as root:
        counter = Counter(0, trio.Event())
        told = await root.start(lambda: counter)
        asked = await root.start(Numbers)
        before = resident()
        with following(recipe) as collecting:
            watch = Stopwatch()
            refs = [root.start_soon(Idler, tally) for _ in range(idle)]
            registered = watch.stop(idle)
            await trio.testing.wait_all_tasks_blocked()
            ready = watch.stop(idle)
            collected = collecting()
        grown, paused = resident() - before, pause()
        assert all(ref.lifecycle == "ready" for ref in refs)
        answer(Started(registered, ready, grown, collected, paused))
        for word, number in orders():
            if word == "tell":
                counter.count, counter.total, counter.counted = 0, number, trio.Event()
                tell = told.tell
                watch = Stopwatch()
                for at in range(number):
                    tell(at)
                await counter.counted.wait()
                answer(watch.stop(number))
            elif word == "ask":
                last = 0
                watch = Stopwatch()
                for _ in range(number):
                    last = await asked.ask(Next())
                sample, asks = watch.stop(number), asks + number
                assert last == asks
                answer(sample)
            elif word == "each":
                tally.count, tally.all = 0, trio.Event()
                watch = Stopwatch()
                for ref in refs:
                    ref.tell(1)
                await tally.all.wait()
                answer(watch.stop(idle))
            elif word == "snapshot":
                watch = Stopwatch()
                taken = root.snapshot()
                sample = watch.stop(idle)
                assert len(taken.children) == idle + 2
                del taken
                answer(sample)
            else:
                assert word == "stop", word
                stopping = Stopwatch()
                break
    if stopping is not None:
        sample = stopping.stop(idle)
        assert not any(ref.is_alive for ref in refs)
        answer(sample)


async def keep_by_trio(idle: int, recipe: Recipe) -> None:
    """Keep `idle` tasks that wait for mail, and one more of each kind that is told and asked."""
    tally = Tally(idle)
    total = count = 0
    all_counted = trio.Event()
    tell_send, tell_receive = trio.open_memory_channel[int](inf)
    ask_send, ask_receive = trio.open_memory_channel[tuple[Next, trio.MemorySendChannel[int]]](inf)

    async def idler(receive: trio.MemoryReceiveChannel[int]) -> None:
        async for _message in receive:
            tally.add()

    async def counter() -> None:
        nonlocal count
        async for _message in tell_receive:
            count += 1
            if count == total:
                all_counted.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counter)
        nursery.start_soon(numbers, ask_receive)
        before = resident()
        with following(recipe) as collecting:
            watch = Stopwatch()
            sends: list[trio.MemorySendChannel[int]] = []
            for _ in range(idle):
                send, receive = trio.open_memory_channel[int](inf)
                nursery.start_soon(idler, receive)
                sends.append(send)
            registered = watch.stop(idle)
            await trio.testing.wait_all_tasks_blocked()
            ready = watch.stop(idle)
            collected = collecting()
        grown, paused = resident() - before, pause()
        answer(Started(registered, ready, grown, collected, paused))
        for word, number in orders():
            if word == "tell":
                count, total, all_counted = 0, number, trio.Event()
                watch = Stopwatch()
                for at in range(number):
                    await tell_send.send(at)
                await all_counted.wait()
            else:
                assert word == "ask", word
                watch = Stopwatch()
                for _ in range(number):
                    reply, answers = trio.open_memory_channel[int](1)
                    await ask_send.send((Next(), reply))
                    await answers.receive()
            answer(watch.stop(number))


def main() -> None:
    """Keep a herd until nobody has any more orders."""
    system, idle, recipe = sys.argv[1:]
    chosen: Recipe = next(each for each in RECIPES if each == recipe)
    trio.run(keep_by_greenroom if system == "greenroom" else keep_by_trio, int(idle), chosen)


if __name__ == "__main__":
    main()
