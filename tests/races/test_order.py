"""A failure says whether the Trio of today may take its order of steps."""

from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Schedule, Sim


async def two_by_two(sim: Sim) -> list[str]:
    """Three tasks that take two steps each, all ready together."""
    steps: list[str] = []

    async def work(name: str) -> None:
        for _ in range(2):
            steps.append(name)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(work, name)
    return steps


def orders_of(scenario: Any) -> tuple[set[str], set[str]]:
    """Run it under all schedules that there are; return the orders of its steps, and those that Trio is said to take."""
    all_orders: set[str] = set()
    taken: set[str] = set()
    waiting: list[dict[int, int]] = [{}]
    while waiting:
        deviations = waiting.pop()
        result = races.run(scenario, schedule=Schedule(deviations))
        order = "".join(result.value)
        all_orders.add(order)
        if not notes_of(result).departure:
            taken.add(order)
        for at in range(max(deviations, default=-1) + 1, len(result.choices)):
            waiting += [{**deviations, at: index} for index in range(1, len(result.choices[at].labels))]
    return all_orders, taken


def under_trio(scenario: Any) -> set[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", False)  # pytest-trio sets it, for Hypothesis
        return {"".join(trio.run(scenario, None)) for _ in range(200)}


def test_what_trio_is_said_to_take_is_just_what_it_takes() -> None:
    """Of the 90 orders of three tasks with two steps each, Trio shows 4."""
    orders, taken = orders_of(two_by_two)
    assert len(orders) == 90
    assert taken == under_trio(two_by_two)


def notes_of(result: races.Result) -> races.Notes:
    assert result.notes is not None
    return result.notes


def test_the_default_is_an_order_that_trio_takes() -> None:
    assert not notes_of(races.run(two_by_two)).departure


def test_the_first_departure_is_named() -> None:
    ahead = races.run(two_by_two, schedule=Schedule({1: 2}))
    departure = notes_of(ahead).departure
    assert departure == "choice 1: 1:work goes before 2:work, which has been ready for longer"
    between = races.run(two_by_two, schedule=Schedule({0: 1}))
    assert notes_of(between).departure == "choice 0: 2:work goes out of turn, neither forwards nor backwards"


@pytest.mark.parametrize("backend", ["hook", "gate"])
def test_both_back_ends_say_the_same(backend: Any) -> None:
    for deviations in ({}, {0: 2}, {1: 1}, {0: 1, 2: 1}):
        one = races.run(two_by_two, schedule=Schedule(deviations), backend=backend)
        other = races.run(two_by_two, schedule=Schedule(deviations))
        assert notes_of(one).departure == notes_of(other).departure


async def woken(sim: Sim) -> list[str]:
    """An event wakes all who wait for it: a set, in no order that anybody may count on."""
    steps: list[str] = []
    event = trio.Event()

    async def wait(name: str) -> None:
        await event.wait()
        steps.append(name)

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(wait, name)
        for _ in range(2):
            await trio.lowlevel.checkpoint()
        event.set()
    return steps


def test_those_that_an_event_wakes_have_no_order_among_them() -> None:
    orders, taken = orders_of(woken)
    assert len(orders) == 6
    assert taken == orders >= under_trio(woken)
