"""Hypothesis draws the data and the schedule, and shrinks both."""

import pytest
import trio
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from greenroom import races
from greenroom.races import Schedule, Sim

from .scenarios import kept_wakeup, lost_wakeup


async def adds(sim: Sim, numbers: list[int]) -> int:
    """A counter that is read, and written one step later."""
    total = 0

    async def add(number: int) -> None:
        nonlocal total
        seen = total
        if number > 2:
            await trio.lowlevel.checkpoint()
        total = seen + number

    async with trio.open_nursery() as nursery:
        for number in numbers:
            nursery.start_soon(add, number)
    assert total == sum(numbers)
    return total


@given(schedule=races.schedules())
def test_what_holds_under_all_schedules_holds(schedule: Schedule) -> None:
    assert races.check(kept_wakeup, schedule=schedule) is None


def test_data_and_schedule_are_shrunk_together() -> None:
    numbers, schedule = find(
        st.tuples(st.lists(st.integers(0, 9), max_size=5), races.schedules()),
        lambda drawn: races.run(adds, drawn[0], schedule=drawn[1]).failed,
        settings=settings(max_examples=500, phases=[Phase.generate, Phase.shrink]),
    )
    assert len(numbers) == 2
    assert sorted(numbers) in ([0, 3], [1, 3], [3, 3])
    assert len(schedule.deviations) <= 1


def test_a_check_raises_with_what_replays_it() -> None:
    found = races.search(lost_wakeup)
    assert found is not None
    with pytest.raises(races.ScenarioFailed, match="deadlock: no task can go on") as caught:
        races.check(lost_wakeup, schedule=found.token)
    assert found.token in str(caught.value)
    assert caught.value.__cause__ is not None


def test_an_option_that_there_is_not_counts_round() -> None:
    assert races.run(lost_wakeup, schedule=Schedule({0: 7})).choices[0].index == 1


@pytest.mark.parametrize("number", [0, -1, True, "3"])
def test_numbers_that_draw_nothing_are_refused(number: object) -> None:
    with pytest.raises(ValueError, match=f"first is {number!r}; give a number from 1"):
        races.schedules(first=number)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"deviations is {number!r}; give a number from 1"):
        races.schedules(deviations=number)  # type: ignore[arg-type]
