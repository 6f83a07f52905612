"""The decorator: a test of a scenario is a plain test."""

import inspect

import pytest
import trio

from greenroom import races
from greenroom.races import Sim

from .scenarios import check_then_insert, order_of_one_sender


@races.explore(schedules=50)
async def test_what_one_tells_another_arrives_in_order(sim: Sim) -> None:
    """P13."""
    await order_of_one_sender(sim)


@pytest.mark.parametrize("steps", [1, 2])
@races.explore(schedules=5)
async def test_parameters_reach_the_scenario(sim: Sim, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    assert sim.steps == steps + 1


def test_a_failure_is_raised_with_the_schedule_and_its_cause() -> None:
    with pytest.raises(races.RaceFound, match=r"to see it again: races\.run") as caught:
        races.explore()(check_then_insert)()
    assert isinstance(caught.value.__cause__, AssertionError)


def test_pytest_sees_all_parameters_but_the_sim() -> None:
    @races.explore()
    async def scenario(sim: Sim, steps: int) -> None: ...

    assert list(inspect.signature(scenario).parameters) == ["steps"]


def test_what_is_no_scenario_is_refused() -> None:
    with pytest.raises(TypeError, match="is no async function; a scenario is `async def"):
        races.explore()(lambda sim: None)  # type: ignore[arg-type, return-value]

    async def without() -> None: ...

    with pytest.raises(TypeError, match="takes no `sim`"):
        races.explore()(without)
