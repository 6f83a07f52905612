"""The four explorations that the scenarios of a matter are put through in the tests; `make soak` goes on for longer."""

from typing import Any

import attrs

from greenroom import races
from greenroom.races._schedule import Time
from greenroom.races._sweep import Boundary


@attrs.frozen
class Exploration:
    """Say how far it goes, and explore one scenario: what is found fails the test.

    Attributes:
        schedules: how many are drawn.
        timed: how many are drawn with time as a choice.
        walks: in how many there is a cancellation at each point, and a crash at each boundary.
        points: where it can be cancelled, at least: with fewer the scenario is none.
    """

    schedules: int
    timed: int
    walks: int
    points: int

    def under_all_schedules(self, scenario: Any) -> None:
        """Let all that can happen at the same time do so."""
        found = races.search(scenario, schedules=self.schedules)
        assert found is None, str(found)

    def whenever_time_passes(self, scenario: Any, time: Time = "choice") -> None:
        """Let time pass between any two steps."""
        found = races.search(scenario, schedules=self.timed, time=time, strategy="walk")
        assert found is None, str(found)

    def whatever_is_cancelled(self, scenario: Any) -> None:
        """Cancel it at each point."""
        sweep = races.cancel_everywhere(scenario, schedules=self.walks)
        assert sweep.points >= self.points
        assert not sweep.failures, str(sweep)

    def whatever_crashes(self, scenario: Any, at: Boundary) -> None:
        """Let it crash at each boundary of a sort."""
        sweep = races.crash_everywhere(scenario, at=at, schedules=self.walks)
        assert not sweep.failures, str(sweep)
