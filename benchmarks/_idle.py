"""Idle scale: what a tell and an ask cost in a process with many idle actors, next to one with ten."""

from statistics import median
from typing import Final

from ._herd import Herd
from ._sample import Sample, SystemName

#: Idle actors that many are compared with.
TEN: Final = 10
#: Times that each of the two processes measures, in turn, for one sample; and those before, which do not count.
REPEATS: Final = 11
WARM_UPS: Final = 2
#: Messages of one measurement: some 20 ms each.
TELLS: Final = 20_000
ASKS: Final = 2_000
#: Among fewer idle actors than this, a twentieth of them: to see that it works.
LEAST: Final = 1_000


async def idle_tell_by_greenroom(size: int) -> Sample:
    """Tell one actor in a process with `size` idle ones; the factor is over the same with ten."""
    return compare("greenroom", size, "tell", TELLS)


async def idle_tell_by_trio(size: int) -> Sample:
    """Send to one task in a process with `size` idle ones."""
    return compare("trio", size, "tell", TELLS)


async def idle_ask_by_greenroom(size: int) -> Sample:
    """Ask one actor in a process with `size` idle ones; the factor is over the same with ten."""
    return compare("greenroom", size, "ask", ASKS)


async def idle_ask_by_trio(size: int) -> Sample:
    """Ask one task in a process with `size` idle ones."""
    return compare("trio", size, "ask", ASKS)


def compare(system: SystemName, idle: int, word: str, number: int) -> Sample:
    """Measure in two processes in turn; by process time, as each measurement is short, and one turn of the machine's scheduler would decide it."""
    order = f"{word} {number if idle >= LEAST else number // 20}"
    with Herd(system, TEN) as few, Herd(system, idle) as many:
        pairs: list[tuple[Sample, Sample]] = []
        for at in range(WARM_UPS + REPEATS):
            # Who goes first changes, so that neither always has the warmer caches.
            if at % 2:
                among_few, among_many = few.measure(order), many.measure(order)
            else:
                among_many, among_few = many.measure(order), few.measure(order)
            pairs.append((among_many, among_few))
    counted = pairs[WARM_UPS:]
    return Sample(
        done=sum(among_many.done for among_many, _ in counted),
        seconds=sum(among_many.seconds for among_many, _ in counted),
        cpu_seconds=sum(among_many.cpu_seconds for among_many, _ in counted),
        factor=median(among_many.cpu_seconds / among_few.cpu_seconds for among_many, among_few in counted),
    )
