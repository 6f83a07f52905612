"""The registry under control of each step: schedules, time as a choice, a cancellation at every point, a crash at every boundary."""

from typing import Any

import pytest

from greenroom import races

from .promise import BOUNDARIES, Scenario
from .registering import REGISTERING

#: In `make soak` each goes on for longer.
each_scenario = pytest.mark.parametrize("scenario", REGISTERING, ids=lambda scenario: scenario.__name__)


@each_scenario
def test_the_registry_is_right_under_all_schedules(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=200)
    assert found is None, str(found)


@each_scenario
def test_the_registry_is_right_whenever_time_passes(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=80, time="choice", strategy="walk")
    assert found is None, str(found)


@each_scenario
def test_the_registry_is_right_whatever_is_cancelled(scenario: Scenario) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=2)
    assert sweep.points >= 3
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@each_scenario
def test_the_registry_is_right_whatever_crashes(scenario: Scenario, at: Any) -> None:
    sweep = races.crash_everywhere(scenario, at=at, schedules=2)
    assert not sweep.failures, str(sweep)
