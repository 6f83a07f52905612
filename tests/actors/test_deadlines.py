"""The list of deadlines by itself: when its alarm is moved, and that nothing is late for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from greenroom import open_supervisor
from greenroom.actors._deadlines import Deadlines
from greenroom.testing import open_tree

from .server import Get, Server


@asynccontextmanager
async def running(deadlines: Deadlines) -> AsyncGenerator[None]:
    """Have the list's task sleep and call."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


def seconds_to_alarm() -> float:
    """Return when Trio's clock is next waited for, from now."""
    return trio.lowlevel.current_statistics().seconds_to_next_deadline


@pytest.mark.parametrize("may_jump", [True, False])
async def test_each_deadline_fires_at_its_time_whatever_was_called_off_before(
    may_jump: bool, autojump_clock: trio.testing.MockClock
) -> None:
    deadlines = Deadlines(may_jump=may_jump)
    fired: list[tuple[str, float]] = []

    def fire(name: str) -> None:
        fired.append((name, autojump_clock.current_time() - start))

    async with running(deadlines):
        start = autojump_clock.current_time()
        early = deadlines.add(start + 1, lambda: fire("early"))
        late = deadlines.add(start + 5, lambda: fire("late"))
        early.cancel()  # the alarm may stay at 1
        deadlines.add(start + 3, lambda: fire("middle"))
        deadlines.add(start + 0.5, lambda: fire("first"))  # before where it stays
        deadlines.add(start + 6, lambda: fire("sixth"))
        await trio.sleep(4)
        late.cancel()
        deadlines.add(start + 7, lambda: fire("last"))
        await trio.sleep(10)
    assert fired == [("first", 0.5), ("middle", 3), ("sixth", 6), ("last", 7)]


async def test_the_alarm_moves_on_from_what_nobody_waits_for_where_a_clock_may_jump_to_it(
    mock_clock: trio.testing.MockClock,
) -> None:
    deadlines = Deadlines()
    before = seconds_to_alarm()
    async with running(deadlines):
        deadlines.add(mock_clock.current_time() + 60, lambda: None).cancel()
        assert seconds_to_alarm() == before
        assert len(deadlines) == 0


async def test_the_alarm_stays_where_no_clock_jumps_to_it_as_moving_it_is_dear(
    mock_clock: trio.testing.MockClock,
) -> None:
    deadlines = Deadlines(may_jump=False)
    async with running(deadlines):
        deadlines.add(mock_clock.current_time() + 60, lambda: None).cancel()
        assert seconds_to_alarm() == 60
        assert len(deadlines) == 0


@pytest.mark.parametrize("may_jump", [True, False])
async def test_an_alarm_for_what_was_called_off_is_set_anew_for_what_is_wanted(
    may_jump: bool, mock_clock: trio.testing.MockClock
) -> None:
    deadlines = Deadlines(may_jump=may_jump)
    fired: list[str] = []
    async with running(deadlines):
        start = mock_clock.current_time()
        gone = deadlines.add(start + 1, lambda: fired.append("gone"))
        deadlines.add(start + 2, lambda: fired.append("wanted"))
        gone.cancel()
        for seconds_left in (1, None):
            mock_clock.jump(1)
            await trio.testing.wait_all_tasks_blocked()
            assert fired == ([] if seconds_left else ["wanted"])
            assert seconds_left is None or seconds_to_alarm() == seconds_left


def test_a_tree_on_trios_own_clock_has_alarms_that_stay() -> None:
    async def main() -> float:
        async with open_supervisor("stage") as root:
            ref = root.start_soon(Server)
            await ref.ask(Get(), timeout=0.25)
            return seconds_to_alarm()

    assert trio.run(main) <= 0.25


async def test_a_tree_on_another_clock_has_none_that_nobody_waits_for(mock_clock: trio.testing.MockClock) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)
        before = mock_clock.current_time()
        await ref.ask(Get(), timeout=0.25)
        assert mock_clock.current_time() == before
        assert seconds_to_alarm() > 0.25
