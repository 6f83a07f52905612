"""Races that were found in the runtime and mended: they are not found again, and the schedules that led to them lead to nothing.

Each token was taken from the code with the fault put back; `tests/mutants/races_runtime.toml` says how to put it back, and that the replay of the
token fails then. On the code as it is the fingerprint of a token does not fit, so its deviations alone are followed.
"""

import attrs
import pytest

from greenroom import races
from greenroom.races import ProgramChanged, Schedule

from .found import (
    a_report_that_wakes,
    a_start_by_hand_that_is_judged,
    a_start_that_others_undo_and_redo,
    a_stop_out_of_the_factory,
    a_stop_while_others_have_their_turn,
    a_turn_that_crashes_when_interrupted,
    an_error_out_of_a_task_that_goes_on,
    an_update_before_a_restarted_supervisor_begins,
    pinned_at_the_door,
    reports_after_a_restart_by_hand,
    the_last_state_of_a_feed,
    two_stop_and_start_again,
)
from .found_waits import a_wait_that_is_over
from .promise import Scenario
from .supervision_ends import a_kept_child_that_is_stopped_while_its_place_ends


@attrs.frozen
class Fault:
    """Be one fault that was found and mended.

    Attributes:
        name: unique; the test of its token is named by it.
        scenario: in which it shows. Its docstring says what was wrong.
        token: with which it shows on the code with the fault.
    """

    name: str
    scenario: Scenario
    token: str

    def __str__(self) -> str:
        """Name it."""
        return self.name


START = "r1:4.1-5.1-6.3-7.2-8.2-9.3-10.3-11.3-12.3-13.3-14.3-15.3-16.1-17.2-18.1-19.3-22.1-23.1-24.1-25.1:0285b0fc"
FAULTS = [
    Fault("two stop", two_stop_and_start_again, "r1:10.1:be3fac86"),
    Fault("report", a_report_that_wakes, "r1::189fe085"),
    Fault("reports", reports_after_a_restart_by_hand, "r1::c2da95af"),
    Fault("pinned", pinned_at_the_door, "r1::a4c7d886"),
    Fault("start", a_start_that_others_undo_and_redo, START),
    Fault("interrupt", a_turn_that_crashes_when_interrupted, "r1::b65cb8cb"),
    Fault("interrupt alone", a_turn_that_crashes_when_interrupted, "r1:4.1:b305cb33"),
    Fault("factory", a_stop_out_of_the_factory, "r1::a4e5a058"),
    Fault("feed", the_last_state_of_a_feed, "r1::ca279f0c"),
    Fault("feed alone", the_last_state_of_a_feed, "r1:4.1:b988abec"),
    Fault("kept", a_kept_child_that_is_stopped_while_its_place_ends, "r1:27.2:b1ba1656"),
    Fault("wait for a start", a_wait_that_is_over, "r1::9ee0d684"),
    # Its kind "send" is found rarely: no token.
    Fault("wait for a turn", a_wait_that_is_over, "r1:0.2-13.1:2f21dd4e"),
    Fault("wait until ready", a_wait_that_is_over, "r1:0.3-6.1:40c588b2"),
    Fault("wait for an end", a_wait_that_is_over, "r1:0.4-10.2-11.1:b2d24723"),
    # Up to Python 3.12: since then a frame that waits cannot be cleared.
    Fault("error", an_error_out_of_a_task_that_goes_on, "r1::9a6194dc"),
    Fault("error in the pool", an_error_out_of_a_task_that_goes_on, "r1:0.2-3.1:c5d7c777"),
    Fault("breath", a_stop_while_others_have_their_turn, "r1:4.1:b9ded48b"),
    Fault("update", an_update_before_a_restarted_supervisor_begins, "r1:8.1:887cf22c"),
    Fault("judged", a_start_by_hand_that_is_judged, "r1:6.1-10.1-11.1-12.1-13.1:e153cd8f"),
]
FOUND: list[Scenario] = list(dict.fromkeys(fault.scenario for fault in FAULTS))


@pytest.mark.parametrize("scenario", FOUND)
def test_what_was_found_is_not_found_again(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=200)
    assert found is None, str(found)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_token_of_a_fault_leads_to_it_any_more(fault: Fault) -> None:
    schedule = Schedule.from_token(fault.token)
    result = races.run(fault.scenario, schedule=attrs.evolve(schedule, fingerprint=""))
    assert not result.failed, f"{fault.scenario.__doc__}\n{result.verdict}: {result.error}"
    with pytest.raises(ProgramChanged):
        races.run(fault.scenario, schedule=fault.token)


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
