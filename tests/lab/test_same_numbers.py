"""The same seed gives the same numbers, to the last digit: in any process, on any number of cores, on any version of Python."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread

import attrs
import pytest
import trio
from trio._core import _run

from greenroom import lab
from greenroom.lab._order import ordered

from .busy import busy, digest, rounded, wide
from .trees import experiment, workers

#: Of `busy`, which adds and multiplies alone: what logarithms come to is the platform's affair. A version of Trio in which tasks
#: run in another order, and any change of what a trial draws or counts, makes it another; look why before it is replaced.
KNOWN = "0bdd6f94c75cdaa52a2a0a715615a2ccdf2cdca241ed19c6ad53650172112c62"


#: Of `wide`, which draws from every distribution: its measures to nine digits, as far as no platform's logarithm makes a difference.
WIDE = "c129c62aced49b1c4b87346e2fd84940e38eb2e6f06056b64e9de9db9d224361"


@pytest.fixture(scope="module")
def known() -> lab.Results:
    return lab.run(busy(), workers=1)


def test_the_numbers_are_those_of_all_versions_of_python(known: lab.Results) -> None:
    assert all(each.measures["crashes"] > 10 and each.measures["escalations"] > 0 for each in known.trials)
    assert digest(known) == KNOWN


def test_the_numbers_of_every_distribution_fault_service_and_policy_are_those_of_all_versions_of_python() -> None:
    found = lab.run(wide(), workers=1)
    kinds = Counter(each.kind for trial in found.trials for each in trial.happenings)
    assert set(kinds) == set(lab.KINDS)
    assert rounded(found) == WIDE


def test_another_process_with_other_hashes_comes_to_the_same() -> None:
    program, environment = Path(__file__).with_name("busy.py"), {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-P", str(program)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [KNOWN, WIDE]


def test_several_processes_come_to_the_same(known: lab.Results) -> None:
    assert lab.run(busy(), workers=2) == known


def test_another_seed_comes_to_something_else(known: lab.Results) -> None:
    three, seven, *_ = known.trials
    assert three.measures != seven.measures


def test_what_is_left_of_randomness_and_order_is_as_it_was() -> None:
    random.seed(5)
    state = random.getstate()
    before = _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING
    lab.run(experiment(workers(2), faults={"x": lab.Fault(actors="*", at=[10])}), workers=1)
    assert random.getstate() == state
    assert (_run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING) == before


async def test_an_experiment_can_be_run_in_a_thread_of_a_trio_program() -> None:
    made = attrs.evolve(busy(), horizon=20.0, warmup=0.0, seeds=[3])
    alone, again = [await trio.to_thread.run_sync(lambda: lab.run(made, workers=1)) for _ in range(2)]
    assert repr(alone.trials) == repr(again.trials)


def test_other_threads_do_not_move_the_order_of_a_trial() -> None:
    def orders(*, is_disturbed: bool) -> list[list[int]]:
        found: list[list[int]] = []
        with ordered(1):
            for _ in range(5):
                if is_disturbed:
                    others = Thread(target=_run._r.shuffle, args=([1, 2, 3, 4],))
                    others.start()
                    others.join()
                batch = [*range(10)]
                _run._r.shuffle(batch)
                found.append(batch)
        return found

    calm = orders(is_disturbed=False)
    assert orders(is_disturbed=True) == calm
    assert len({tuple(batch) for batch in calm}) == 5
    assert all(sorted(batch) == [*range(10)] for batch in calm)
