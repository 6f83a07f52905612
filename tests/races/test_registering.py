"""The registry under control of each step: schedules, time as a choice, a cancellation at every point, a crash at every boundary."""

from typing import Any

import pytest

from .exploration import Exploration
from .promise import BOUNDARIES, Scenario
from .registering import REGISTERING

EXPLORATION = Exploration(schedules=200, timed=80, walks=2, points=3)
each_scenario = pytest.mark.parametrize("scenario", REGISTERING, ids=lambda scenario: scenario.__name__)


@each_scenario
def test_the_registry_is_right_under_all_schedules(scenario: Scenario) -> None:
    EXPLORATION.under_all_schedules(scenario)


@each_scenario
def test_the_registry_is_right_whenever_time_passes(scenario: Scenario) -> None:
    EXPLORATION.whenever_time_passes(scenario)


@each_scenario
def test_the_registry_is_right_whatever_is_cancelled(scenario: Scenario) -> None:
    EXPLORATION.whatever_is_cancelled(scenario)


@pytest.mark.parametrize("at", BOUNDARIES)
@each_scenario
def test_the_registry_is_right_whatever_crashes(scenario: Scenario, at: Any) -> None:
    EXPLORATION.whatever_crashes(scenario, at)
