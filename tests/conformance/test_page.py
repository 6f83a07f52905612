"""The page of conformance is made from these tests, and leaves out no case of OTP's suite."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"

#: All cases of OTP's supervisor_SUITE, in its order.
CASES = """
sup_start_normal sup_start_ignore_init sup_start_ignore_child sup_start_ignore_temporary_child
sup_start_ignore_temporary_child_start_child sup_start_ignore_temporary_child_start_child_simple
sup_start_ignore_permanent_child_start_child_simple sup_start_error_return sup_start_fail sup_start_child_returns_error
sup_start_restart_child_returns_error sup_start_child_returns_error_simple
sup_start_map sup_start_map_simple sup_start_map_faulty_specs
sup_stop_infinity sup_stop_timeout sup_stop_timeout_dynamic sup_stop_brutal_kill sup_stop_brutal_kill_dynamic
sup_stop_race sup_stop_non_shutdown_exit_dynamic
child_adm child_adm_simple extra_return child_specs child_specs_map sup_flags multiple_restarts
one_for_one one_for_one_escalation
one_for_all one_for_all_escalation one_for_all_other_child_fails_restart
simple_one_for_one simple_one_for_one_shutdown simple_one_for_one_extra simple_one_for_one_escalation
simple_one_for_one_corruption simple_one_for_one_restart_ignore
rest_for_one rest_for_one_escalation rest_for_one_other_child_fails_restart
external_start_no_progress_log permanent_normal transient_normal temporary_normal
permanent_shutdown transient_shutdown temporary_shutdown faulty_application_shutdown
permanent_abnormal transient_abnormal temporary_abnormal
child_unlink tree
nonsignificant_temporary nonsignificant_transient significant_temporary significant_transient significant_simple
significant_bystander significant_escalation significant_upgrade_never_any significant_upgrade_any_never
significant_upgrade_never_all significant_upgrade_all_never significant_upgrade_any_all significant_upgrade_all_any
significant_upgrade_child
count_children count_children_supervisor count_restarting_children get_callback_module
do_not_save_start_parameters_for_temporary_children do_not_save_child_specs_for_temporary_children
simple_one_for_one_scale_many_temporary_children temporary_bystander simple_global_supervisor
hanging_restart_loop hanging_restart_loop_rest_for_one hanging_restart_loop_simple
code_change code_change_map code_change_simple code_change_simple_map
order_of_children scale_start_stop_many_children format_log_1 format_log_2 already_started_outside_supervisor
which_children which_children_simple_one_for_one
"""


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_conformance.py"))


def test_the_page_is_made_from_the_tests(maker: dict[str, Any]) -> None:
    assert PAGE.read_text() == maker["make_page"](), "run: .venv/bin/python -P docs/make_conformance.py"


def test_every_case_of_otps_suite_has_a_test_or_a_reason_why_not(maker: dict[str, Any]) -> None:
    rules = [rule for rule in maker["read_all"]() if rule.system == "OTP supervisor_SUITE"]
    found = {case for rule in rules for case in rule.cases}
    assert len(CASES.split()) == len(set(CASES.split())) == 93
    assert found == set(CASES.split())
    assert maker["read_cases"]() == CASES.split()


def test_a_case_is_held_by_tests_or_has_no_meaning_and_never_both(maker: dict[str, Any]) -> None:
    rules = maker["read_all"]()
    held = {(rule.system, case) for rule in rules if rule.test for case in rule.cases}
    without = [(rule.system, case) for rule in rules if not rule.test for case in rule.cases]
    assert len(without) == len(set(without))
    assert held.isdisjoint(without)
    assert all(rule.departs for rule in rules if not rule.test)


@pytest.mark.parametrize(
    "docstring",
    ["", "A rule.", "Source: OTP — a rule", "Source: OTP, case", "Source: OTP, case - a rule", "Source: , x — y"],
)
def test_a_docstring_of_another_form_is_refused(maker: dict[str, Any], docstring: str) -> None:
    with pytest.raises(maker["NoRule"]):
        maker["read_rule"](docstring, "test_x")


def test_a_docstring_of_the_form_is_read(maker: dict[str, Any]) -> None:
    rule = maker["read_rule"]("Source: OTP, a; b — it\n    is so.\n\n    Departs: not\n    here.\n    ", "x::test_x")
    assert (rule.system, rule.cases, rule.says, rule.departs) == ("OTP", ("a", "b"), "it is so.", "not here.")
