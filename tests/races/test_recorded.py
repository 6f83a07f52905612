"""What actors answered, held against models: schedules, time as a choice, a cancellation at every point, a crash at every boundary."""

from typing import Any

import pytest

from greenroom import races
from greenroom.races import NotLinearizable

from .promise import BOUNDARIES, Scenario
from .recorded import RECORDED, a_store_that_saves_too_late

#: In `make soak` each goes on for longer.
each_scenario = pytest.mark.parametrize("scenario", RECORDED, ids=lambda scenario: scenario.__name__)


@each_scenario
def test_actors_are_linearizable_under_all_schedules(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=100)
    assert found is None, str(found)


@each_scenario
def test_actors_are_linearizable_whenever_time_passes(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=50, time="choice", strategy="walk")
    assert found is None, str(found)


@each_scenario
def test_actors_are_linearizable_whatever_is_cancelled(scenario: Scenario) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=2)
    assert sweep.points >= 3
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@each_scenario
def test_actors_are_linearizable_whatever_crashes(scenario: Scenario, at: Any) -> None:
    sweep = races.crash_everywhere(scenario, at=at, schedules=2)
    assert not sweep.failures, str(sweep)


def test_an_actor_that_loses_what_it_has_answered_is_found_and_told() -> None:
    assert races.run(a_store_that_saves_too_late).verdict == "passed"
    found = races.search(a_store_that_saves_too_late)
    assert found is not None
    error = found.result.error
    assert isinstance(error, NotLinearizable)
    culprit = error.verdict.unexplained
    assert culprit is not None
    assert culprit.client in ("b", "c")
    assert [each.name for each in found.result.history] == ["add"] * len(found.result.history)
    # As few deviations as there can be: those that let the crash come between the answer and the save.
    assert len(found.result.schedule.deviations) <= 3
    text = str(found)
    assert text.startswith(f"failed: NotLinearizable: not linearizable: {culprit}\n")
    assert "to be right, it would have returned " in text
    assert "an order that explains all that ended before:\n" in text
    assert "what ran when:\n" in text
    # In the story, too: when each began and ended.
    assert f"            {culprit}\n" in text
    assert "            a: add(1) begins\n" in text
    again = races.run(a_store_that_saves_too_late, schedule=found.token)
    assert again.history == found.result.history
