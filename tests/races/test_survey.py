"""A search that finds nothing says what it has tried."""

from math import inf
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Sim

from .scenarios import check_then_insert


async def interleaved(sim: Sim, tasks: int, steps: int) -> None:
    async def work() -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(work)


def test_a_small_program_is_done_when_all_schedules_have_been_tried() -> None:
    """Two tasks of two steps each, with their first: 20 orders."""
    survey = races.survey(interleaved, 2, 2, strategy="bounded")
    assert (survey.found, survey.schedules, survey.distinct, survey.covered) == (None, 20, 20, inf)
    assert survey.summary() == "20 schedules, 20 of them distinct; all that there are; all of it controlled"


def test_how_far_the_deviations_have_been_tried_is_told() -> None:
    survey = races.survey(interleaved, 3, 4, schedules=300)
    assert (survey.schedules, survey.covered) == (300, 1)
    assert 250 < survey.distinct <= 300
    assert "among them all with up to 1 deviation;" in survey.summary()
    deeper = races.survey(interleaved, 3, 4, schedules=300, strategy="bounded")
    assert (deeper.distinct, deeper.covered) == (300, 1)
    cut = races.survey(interleaved, 3, 4, schedules=5)
    assert (cut.schedules, cut.covered) == (5, 0)
    drawn = races.survey(interleaved, 3, 4, schedules=50, strategy="walk")
    assert (drawn.schedules, drawn.covered) == (50, 0)


def test_several_cores_add_up_to_what_one_does() -> None:
    alone = races.survey(interleaved, 3, 4, schedules=300)
    together = races.survey(interleaved, 3, 4, schedules=300, workers=2)
    for name in ("found", "schedules", "distinct", "covered", "uncontrolled"):
        assert getattr(alone, name) == getattr(together, name), name


def test_a_survey_of_a_failure_is_the_failure() -> None:
    survey = races.survey(check_then_insert)
    assert survey.found is not None
    assert str(survey) == str(survey.found)
    assert survey.found.token == races.search(check_then_insert).token  # type: ignore[union-attr]


def test_an_option_that_there_is_not_is_refused() -> None:
    options: Any = {"schedule": 3}
    with pytest.raises(TypeError, match="'schedule'"):
        races.search(check_then_insert, **options)


def test_long_runs_are_told_around_their_deviations() -> None:
    async def scenario(sim: Sim) -> None:
        numbers = [sim.choose(range(2)) for _ in range(300)]
        assert sum(numbers[100:200]) == 0

    found = races.search(scenario, schedules=2_000)
    assert found is not None
    lines = str(found).splitlines()
    assert len(lines) < 60
    assert any("lines without a deviation" in line for line in lines)
    assert any(line.startswith(">") for line in lines)


def test_a_program_of_many_choices_is_not_only_tried_with_one_deviation() -> None:
    async def scenario(sim: Sim) -> None:
        drawn = [sim.choose(range(10)) for _ in range(50)]
        assert sum(map(bool, drawn)) < 2

    found = races.search(scenario, schedules=100)
    assert found is not None
    assert found.schedules == 2
    survey = races.survey(interleaved, 3, 12, schedules=100)
    assert survey.covered == 0


def test_the_only_schedule_of_a_search_is_the_default() -> None:
    assert races.survey(interleaved, 3, 4, schedules=1).covered == 0
