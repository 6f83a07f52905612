"""Proofs within a bound: all schedules are run that there are, no other, and no more is said than that."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Sim
from greenroom.races._result import kind_of

from .brute_force import all_runs, deviates
from .scenarios import BUGS, TWINS, check_then_insert, lost_wakeup
from .test_survey import interleaved

Scenario = Callable[[Sim], Awaitable[None]]


@pytest.mark.parametrize(("tasks", "steps"), [(2, 2), (2, 4), (3, 1)])
@pytest.mark.parametrize("mode", ["shared", "isolated"])
def test_a_proof_runs_just_the_schedules_that_there_are_within_its_bound(tasks: int, steps: int, mode: Any) -> None:
    runs = all_runs(interleaved, tasks, steps)
    for bound in (0, 1, 2, 3, None, 100):
        proof = races.prove(interleaved, tasks, steps, deviations=bound, mode=mode)
        within = sum(bound is None or deviates(run) <= bound for run in runs)
        assert (proof.found, proof.schedules, proof.distinct) == (None, within, within)
        assert (proof.spared, proof.sampled, proof.is_complete) == (0, 0, True)
        assert proof.covered == (inf if within == len(runs) else bound)


@pytest.mark.parametrize(("scenario", "verdict"), BUGS)
def test_the_failure_that_is_found_has_the_fewest_deviations_of_all(scenario: Scenario, verdict: str) -> None:
    proof = races.prove(scenario, deviations=None)
    assert proof.found is not None
    found = proof.found
    assert (found.result.verdict, found.is_least, proof.is_complete) == (verdict, True, False)
    size = len(found.result.schedule.deviations)
    assert size == len(found.first.schedule.deviations)
    assert proof.covered == size - 1
    assert not size or races.prove(scenario, deviations=size - 1).is_complete
    assert races.run(scenario, schedule=found.token).fingerprint == found.result.fingerprint
    assert kind_of(races.search(scenario).result) == kind_of(found.result)  # type: ignore[union-attr]  # it finds one


@pytest.mark.parametrize("scenario", TWINS)
def test_nothing_is_found_in_a_twin(scenario: Scenario) -> None:
    assert races.prove(scenario, deviations=2).is_complete


def test_a_proof_says_how_far_it_goes_and_no_more() -> None:
    proof = races.prove(interleaved, 2, 2, deviations=1)
    assert str(proof) == (
        "no schedule fails: 6 schedules, 6 of them distinct; all with up to 1 deviation, and nothing is said of more; "
        "all of it controlled"
    )
    assert str(races.prove(interleaved, 2, 2, deviations=None)) == (
        "no schedule fails: 20 schedules, 20 of them distinct; all that there are; all of it controlled"
    )
    found = races.prove(lost_wakeup)
    assert str(found) == str(found.found)
    assert "found in schedule 2 (going through those with up to 2 deviations, the fewest first), and" in str(found)
    assert "no fewer do, in" in str(found)
    assert "those with up to 1 deviation, the" in str(races.prove(lost_wakeup, deviations=1))
    assert "(going through all schedules," in str(races.prove(lost_wakeup, deviations=None))


def test_a_proof_that_runs_out_of_time_is_none() -> None:
    proof = races.prove(interleaved, 3, 4, seconds=0)
    assert (proof.found, proof.schedules, proof.covered, proof.is_complete) == (None, 1, 0, False)
    assert str(proof).startswith("no failure so far, and not done: 1 schedule, 1 of them distinct; all with up to 0 ")


def test_what_is_not_controlled_is_said() -> None:
    async def asks_a_thread(sim: Sim) -> None:
        await trio.to_thread.run_sync(int)

    assert "not controlled: threads" in races.prove(asks_a_thread, threads="real").summary()


def test_each_run_is_told_of_as_it_is_done() -> None:
    told: list[int] = []
    races.prove(interleaved, 2, 2, deviations=1, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6]


async def waits_for_a_minute(sim: Sim) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 60)
        for _ in range(2):
            await trio.lowlevel.checkpoint()


def test_time_that_passes_early_is_a_deviation() -> None:
    assert races.prove(waits_for_a_minute, time="choice").schedules > races.prove(waits_for_a_minute).schedules


def test_both_backends_go_through_the_same() -> None:
    gate, hook = (races.prove(interleaved, 3, 2, deviations=2, backend=backend) for backend in ("gate", "hook"))
    assert (gate.schedules, gate.distinct, gate.covered) == (hook.schedules, hook.distinct, hook.covered)


def test_a_scenario_that_something_else_decides_is_refused() -> None:
    runs = 0

    async def fickle(sim: Sim) -> None:
        nonlocal runs
        runs += 1
        for _ in range(runs):
            await trio.lowlevel.checkpoint()

    with pytest.raises(races.ProgramChanged, match="ended in another way"):
        races.prove(fickle)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"deviations": -1}, "prove: deviations is -1; give a number from 0, or None for no bound"),
        ({"deviations": True}, "prove: deviations is True; give a number from 0"),
        ({"deviations": 1.5}, "prove: deviations is 1.5; give a number from 0"),
        ({"deviations": "2"}, "prove: deviations is '2'; give a number from 0"),
        ({"deviations": 10**30}, "prove: deviations is 1e.30; give a number from 0 to 1,000,000,000,000"),
        ({"reduction": 1}, "prove: reduction is 1; give True or False"),
        ({"reduction": "yes"}, "prove: reduction is 'yes'; give True or False"),
        ({"reduction": None}, "prove: reduction is None; give True or False"),
        ({"reduction": True, "time": "choice"}, "prove: time is 'choice'; with reduction=True give 'exact'"),
        ({"reduction": True, "threads": "real"}, "prove: threads is 'real'; with reduction=True give 'inline' or"),
        ({"seconds": -1}, "seconds is -1; give a number from 0, or None for no limit"),
        ({"mode": "alone"}, "prove: mode is 'alone'; give 'shared' or 'isolated'"),
        ({"progress": 3}, "prove: progress is 3; give a function of the number of a schedule"),
        ({"max_steps": 0}, "max_steps is 0; give a number from 1"),
        ({"time": "late"}, "time is 'late'; give 'exact' or 'choice'"),
        ({"threads": "none"}, "threads is 'none'; give 'inline', 'refuse' or 'real'"),
        ({"backend": "both"}, "backend is 'both'; give 'gate' or 'hook'"),
    ],
)
def test_bad_options_are_told(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        races.prove(check_then_insert, **options)


def test_what_is_no_scenario_is_told() -> None:
    nothing: Any = 3
    with pytest.raises(TypeError, match="prove: 3 is no async function"):
        races.prove(nothing)
    with pytest.raises(TypeError, match="prove: interleaved cannot be called with a `sim` and 1 more"):
        races.prove(interleaved, 3)
    options: Any = {"schedules": 3}
    with pytest.raises(TypeError, match="'schedules'"):
        races.prove(check_then_insert, **options)


async def test_a_proof_within_trio_is_refused() -> None:
    with pytest.raises(RuntimeError, match="prove: called within Trio"):
        races.prove(check_then_insert)
