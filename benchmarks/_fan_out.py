"""The fan-out: many agents with a slow service each are started at once; until all are registered, and until all are ready.

The service only waits, as a client does for a server that starts; so what the runtime adds shows as a factor over the least that it could take.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Any

import attrs
import trio

from greenroom import Agent, Context, Limits, Service, Turn, open_supervisor

from ._sample import Sample
from ._stopwatch import Stopwatch

#: Launches at once are a quarter of the agents, so that there are four waves.
WAVES = 4
#: Sizes below are for seeing that it works.
LEAST = 20
#: Times that a registration is measured in one sample, of either kind in turn.
REPEATS = 7


def seconds_of(size: int) -> float:
    """Return how long the service of each agent takes: about as long as a server of Python's."""
    return 1.0 if size >= LEAST else 0.05


class Slow(Agent[int]):
    """Have a service that takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def services(self) -> list[Service[None]]:
        """Return it."""
        return [Service("slow", self._connect)]

    @asynccontextmanager
    async def _connect(self) -> AsyncGenerator[None]:
        await trio.sleep(self._seconds)
        yield

    async def turn(self, turn: Turn[int], ctx: Context) -> None:
        """Do nothing."""


async def ready_by_greenroom(size: int) -> Sample:
    """Start `size` agents; timed until all are ready. The factor is over waves of the slow service, and nothing else."""
    seconds, gate = seconds_of(size), -(-size // WAVES)
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=gate)) as root:
        watch = Stopwatch()
        refs = [root.start_soon(Slow, seconds) for _ in range(size)]
        for ref in refs:
            await ref.wait_ready()
        sample = watch.stop(size)
        assert all(ref.lifecycle == "ready" for ref in refs)
    return attrs.evolve(sample, factor=sample.seconds / (WAVES * seconds))


async def ready_by_trio(size: int) -> Sample:
    """Start `size` tasks, each found by name, that hold a launch permit while they connect; timed until all have said that they are ready."""
    seconds, gate = seconds_of(size), trio.CapacityLimiter(-(-size // WAVES))
    names: dict[str, str] = {}
    waiting: dict[str, trio.Event] = {}

    @asynccontextmanager
    async def connect() -> AsyncGenerator[None]:
        await trio.sleep(seconds)
        yield

    async def agent(name: str) -> None:
        async with gate:
            manager = connect()
            await manager.__aenter__()
        async with trio.open_nursery():
            try:
                names[name] = "ready"
                waiting[name].set()
                await trio.sleep_forever()
            finally:
                await manager.__aexit__(None, None, None)

    async with trio.open_nursery() as nursery:
        watch = Stopwatch()
        for number in range(size):
            name = f"agent-{number}"
            names[name], waiting[name] = "starting", trio.Event()
            nursery.start_soon(agent, name)
        for event in list(waiting.values()):
            await event.wait()
        sample = watch.stop(size)
        assert set(names.values()) == {"ready"}
        nursery.cancel_scope.cancel()
    return attrs.evolve(sample, factor=sample.seconds / (WAVES * seconds))


Register = Callable[[int, float], Coroutine[Any, Any, float]]


async def register_by_greenroom(size: int) -> Sample:
    """Register `size` agents whose service takes an hour, and as many whose service takes no time; the factor is between the two."""
    return await _compare(_register, size)


async def register_by_trio(size: int) -> Sample:
    """Begin `size` tasks that sleep for an hour, and as many that do not."""
    return await _compare(_begin, size)


async def _compare(register: Register, size: int) -> Sample:
    slow: list[float] = []
    quick: list[float] = []
    watch = Stopwatch()
    for number in range(REPEATS):
        # Who goes first changes, so that neither always has the warmer caches.
        for figures, seconds in ((slow, 3_600.0), (quick, 0.0)) if number % 2 else ((quick, 0.0), (slow, 3_600.0)):
            figures.append(await register(size, seconds))
    sample = watch.stop(size)
    return attrs.evolve(sample, seconds=median(slow), factor=median(slow) / median(quick))


async def _register(size: int, seconds: float) -> float:
    async with open_supervisor("stage") as root:
        began = perf_counter()
        refs = [root.start_soon(Slow, seconds, startup_timeout=None) for _ in range(size)]
        took = perf_counter() - began
        assert root.count_children()["specs"] == size
        assert {ref.lifecycle for ref in refs} == {"initializing"}
    return took


async def _begin(size: int, seconds: float) -> float:
    names: dict[str, str] = {}
    async with trio.open_nursery() as nursery:
        began = perf_counter()
        for number in range(size):
            names[f"agent-{number}"] = "starting"
            nursery.start_soon(trio.sleep, seconds)
        took = perf_counter() - began
        assert len(names) == len(nursery.child_tasks) == size
        nursery.cancel_scope.cancel()
    return took
