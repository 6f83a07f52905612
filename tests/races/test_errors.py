"""on_error, watchdog and stash under control of each step: whatever else happens, mail is handled once, and each asker has one outcome."""

from typing import Any

import pytest

from .errors import SCENARIOS
from .exploration import Exploration
from .promise import BOUNDARIES

EXPLORATION = Exploration(schedules=300, timed=100, walks=5, points=1)
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)


@every_scenario
def test_whatever_happens_at_the_same_time(scenario: Any) -> None:
    EXPLORATION.under_all_schedules(scenario)


@every_scenario
def test_whenever_time_passes(scenario: Any) -> None:
    EXPLORATION.whenever_time_passes(scenario)


@every_scenario
def test_whatever_is_cancelled(scenario: Any) -> None:
    EXPLORATION.whatever_is_cancelled(scenario)


@pytest.mark.parametrize("at", BOUNDARIES)
@every_scenario
def test_whatever_crashes(scenario: Any, at: Any) -> None:
    EXPLORATION.whatever_crashes(scenario, at)
