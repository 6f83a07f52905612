"""Running: workloads that are coroutines, under the loop that a library wants."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from .._sample import Sample

#: How a peer does a workload of some size.
Side = Callable[[int], Coroutine[Any, Any, Sample]]
Sides = Mapping[str, Side]
#: The same as plain functions: what each peer's module has as `WORKLOADS`.
Workloads = Mapping[str, Callable[[int], Sample]]
Run = Callable[[Coroutine[Any, Any, Sample]], Sample]


def by(run: Run, sides: Sides) -> Workloads:
    """Return the workloads, each in a loop of its own."""

    def sample(side: Side, size: int) -> Sample:
        return run(side(size))

    return {name: partial(sample, side) for name, side in sides.items()}


def by_asyncio(sides: Sides) -> Workloads:
    """Return the workloads under asyncio's own loop."""
    return by(asyncio.run, sides)


async def within(seconds: float, waiting: Awaitable[Any]) -> Any:
    """Wait for an answer; asyncio's own timeout, for libraries whose asks have none."""
    async with asyncio.timeout(seconds):
        return await waiting
