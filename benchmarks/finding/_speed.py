"""Speed: schedules each second of processor time, of a program of 20 steps, by back-end and mode, in interleaved rounds."""

from statistics import median
from time import process_time
from typing import Any, Final

import trio

from greenroom.races._search import first_failure

SCHEDULES: Final = 1_000
CASES: Final = tuple((backend, mode) for backend in ("hook", "gate") for mode in ("isolated", "shared"))


async def three_workers(_sim: Any) -> None:
    """Three tasks with five checkpoints each: with their ends and the first task's two, 20 steps."""

    async def work() -> None:
        for _ in range(5):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work)


def measure(rounds: int) -> dict[str, float]:
    """Return the median of the rounds for each case."""
    rates: dict[str, list[float]] = {f"{backend} {mode}": [] for backend, mode in CASES}
    for _ in range(rounds):
        for backend, mode in CASES:
            begun = process_time()
            options: dict[str, Any] = {"strategy": "walk", "mode": mode, "backend": backend}
            assert first_failure(three_workers, schedules=SCHEDULES, **options) is None
            rates[f"{backend} {mode}"].append(SCHEDULES / (process_time() - begun))
    return {case: median(values) for case, values in rates.items()}
