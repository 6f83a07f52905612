"""The catalogue: its bugs hide by default, are found, and replay; nothing is found in their twins, which differ by the fix alone."""

import ast
import inspect
import os
import subprocess
import sys
from functools import cache
from statistics import mean
from textwrap import dedent
from typing import Any

import attrs
import pytest

from greenroom import races
from greenroom.races.catalogue import CATALOGUE, Bug

every_bug = pytest.mark.parametrize("bug", CATALOGUE, ids=[bug.name for bug in CATALOGUE])


def limit(bug: Bug) -> int:
    return 2_000 if bug.needle else 500


@cache
def found_in(index: int) -> races.Found:
    bug = CATALOGUE[index]
    found = races.search(bug.broken, schedules=limit(bug))
    assert found is not None, f"{bug.name} was not found"
    return found


def parts_of(scenario: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    return scenario.func, scenario.args, scenario.keywords


@every_bug
def test_both_pass_under_the_default_schedule(bug: Bug) -> None:
    for scenario in (bug.broken, bug.fixed):
        result = races.run(scenario)
        assert (result.verdict, result.error) == ("passed", None)


@every_bug
def test_each_is_found_and_its_token_leads_to_it_again(bug: Bug) -> None:
    found = found_in(CATALOGUE.index(bug))
    assert found.result.schedule.deviations
    assert found.result.verdict in ("failed", "deadlock")
    again = races.run(bug.broken, schedule=found.token)
    assert (again.verdict, again.choices, again.fingerprint) == (
        found.result.verdict,
        found.result.choices,
        found.result.fingerprint,
    )


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_all_tokens_lead_to_the_same_failures_in_another_process(hash_seed: str) -> None:
    tokens = [found_in(index).token for index in range(len(CATALOGUE))]
    code = (
        "from greenroom import races\nfrom greenroom.races.catalogue import CATALOGUE\n"
        f"for bug, token in zip(CATALOGUE, {tokens!r}, strict=True):\n"
        "    result = races.run(bug.broken, schedule=token)\n"
        "    print(result.failed, result.fingerprint)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-P", "-c", code]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [f"True {token.rpartition(':')[2]}" for token in tokens]


@every_bug
def test_nothing_is_found_in_a_twin(bug: Bug) -> None:
    found = races.search(bug.fixed, schedules=300)
    assert found is None, str(found)


@every_bug
def test_each_is_found_whatever_the_seed_and_on_average_soon(bug: Bug) -> None:
    seeds = range(1, 3)
    found = [races.search(bug.broken, schedules=2_000, seed=seed) for seed in seeds]
    assert None not in found
    # A mean over two says little; `make bench-races` takes a hundred.
    assert bug.needle or mean(each.schedules for each in found if each is not None) <= 300


@every_bug
def test_a_pair_is_one_function_and_differs_by_its_one_parameter(bug: Bug) -> None:
    function, *_ = parts_of(bug.broken)
    assert parts_of(bug.broken) == (function, (), {"fixed": False})
    assert parts_of(bug.fixed) == (function, (), {"fixed": True})


@every_bug
def test_the_fix_is_looked_at_and_never_changed(bug: Bug) -> None:
    tree = ast.parse(dedent(inspect.getsource(parts_of(bug.broken)[0])))
    uses = [type(node.ctx) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "fixed"]
    assert uses
    assert set(uses) == {ast.Load}
    assert len(uses) <= 2  # a fix is in one place, or moves something from one place to another


@every_bug
def test_nothing_is_kept_from_one_run_to_the_next(bug: Bug) -> None:
    function, *_ = parts_of(bug.broken)
    assert function.__closure__ is None
    assert function.__defaults__ is None
    outside = inspect.getclosurevars(function).globals.values()
    assert all(inspect.isroutine(thing) or inspect.ismodule(thing) or isinstance(thing, type) for thing in outside)
    assert races.run(bug.broken).fingerprint == races.run(bug.broken).fingerprint


@every_bug
def test_no_detector_sees_the_name_of_a_scenario(bug: Bug) -> None:
    for scenario in (bug.broken, bug.fixed):
        assert not hasattr(scenario, "__name__")
        assert not any(bug.name in label for choice in races.run(scenario).choices for label in choice.labels)


def test_names_are_unique_and_summaries_are_one_sentence() -> None:
    assert len({bug.name for bug in CATALOGUE}) == len(CATALOGUE) >= 20
    for bug in CATALOGUE:
        assert bug.summary.endswith(".")
        assert bug.summary.count(". ") == 0
    assert [bug.name for bug in CATALOGUE if bug.needle] == ["three_way_needle"]


def test_what_a_twin_is_measured_by_would_see_a_bug() -> None:
    swapped = attrs.evolve(CATALOGUE[0], fixed=CATALOGUE[0].broken)
    with pytest.raises(AssertionError, match="deadlock: no task can go on"):
        test_nothing_is_found_in_a_twin(swapped)
