"""Supervision under control of each step: whatever happens at once, all come to rest, in order, and nothing of a tree is left."""

from typing import Any

import pytest

from .exploration import Exploration
from .promise import BOUNDARIES
from .supervision import SCENARIOS

EXPLORATION = Exploration(schedules=150, timed=40, walks=2, points=1)
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
