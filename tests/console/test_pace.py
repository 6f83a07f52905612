"""The screen of a run is drawn anew all the time, but for a tree so large that drawing it would hold up the program."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import open_supervisor
from greenroom.console._memory import Memory
from greenroom.console._pace import Pace
from greenroom.console._run import _watch


class Slow:
    """Takes long to draw when it is told to; where the clock jumps, nothing else has run meanwhile."""

    def __init__(self, clock: trio.testing.MockClock, slow: range) -> None:
        self.clock, self.slow = clock, slow
        self.drawn: list[float] = []

    def show(self, memory: Memory) -> None:
        if len(self.drawn) in self.slow:
            self.clock.jump(0.5)
        self.drawn.append(trio.current_time())


async def drawn_within(seconds: float, clock: trio.testing.MockClock, slow: range) -> int:
    screen: Any = Slow(clock, slow)
    watching = trio.CancelScope()
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        nursery.start_soon(_watch, root, Memory(root), screen, watching, None)
        began = trio.current_time()
        await trio.sleep(seconds)
        watching.cancel()
    return sum(began <= at <= began + seconds for at in screen.drawn)


@pytest.mark.parametrize("slow", [range(0), range(1), range(3, 4), range(3, 5)])
async def test_a_picture_that_once_took_long_does_not_keep_the_next_ones_waiting(
    autojump_clock: trio.testing.MockClock, slow: range
) -> None:
    assert await drawn_within(5, autojump_clock, slow) >= 35


async def test_pictures_that_take_long_each_time_leave_the_program_its_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    assert await drawn_within(50, autojump_clock, range(1_000)) <= 12


def test_the_wait_is_twenty_times_what_the_quickest_of_the_last_three_took() -> None:
    pace = Pace()
    assert [pace.rest_after(took) for took in (1, 2, 3, 4, 0.5, 6, 7, 8)] == [0, 0, 20, 40, 10, 10, 10, 120]
