"""The lab against theory: what can be worked out with a pencil is in the confidence interval of what is measured."""

from collections.abc import Sequence
from math import fsum, sqrt

import pytest

from greenroom import lab

from .trees import experiment, workers

SEEDS = 8
#: Student's t with 7 degrees of freedom, for 99 per cent.
T = 3.499


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean of a measure over the seeds, and half of the width of its interval."""
    assert len(values) == SEEDS
    mean = fsum(values) / SEEDS
    variance = fsum((value - mean) ** 2 for value in values) / (SEEDS - 1)
    return mean, T * sqrt(variance / SEEDS)


def check(values: Sequence[float], expected: float, precision: float) -> None:
    """The expected value is in the interval, and that is narrow enough to mean something."""
    mean, half = interval(values)
    assert half < precision * expected
    assert mean - half <= expected <= mean + half


@pytest.fixture(scope="module")
def up_and_down() -> lab.Results:
    """Three actors that are up for 20 s and down for 5 s, on average."""
    model = lab.ActorModel(lifetime=lab.exponential(20), startup=lab.exponential(5))
    return lab.run(experiment(workers(3), horizon=4_000, warmup=100, seeds=SEEDS, actors={"*": model}), workers=1)


def test_an_actor_is_up_for_its_mean_time_between_failures_out_of_that_and_its_mean_time_to_repair(
    up_and_down: lab.Results,
) -> None:
    for path in ("w0", "w1", "w2"):
        check([each.availability[path] for each in up_and_down.trials], 20 / 25, 0.05)


def test_independent_actors_are_up_together_for_the_product_of_their_shares(up_and_down: lab.Results) -> None:
    check([each.measures["availability"] for each in up_and_down.trials], (20 / 25) ** 3, 0.08)


def test_as_many_crash_as_there_are_cycles_and_each_recovers_in_its_mean_time(up_and_down: lab.Results) -> None:
    check([each.measures["crashes"] for each in up_and_down.trials], 3 * 3_900 / 25, 0.06)
    check([each.measures["recovery mean"] for each in up_and_down.trials], 5.0, 0.08)


@pytest.fixture(scope="module")
def queue() -> lab.Results:
    """M/M/1: a request every other second, each handled in one."""
    source = lab.Source(to="w0", rate=0.5, service=lab.exponential(1))
    return lab.run(experiment(workers(1), horizon=4_000, warmup=50, seeds=SEEDS, workload={"s": source}), workers=1)


def test_the_mean_number_in_the_system_is_that_of_the_queue_with_one_server(queue: lab.Results) -> None:
    check([each.measures["in system mean"] for each in queue.trials], 0.5 / (1 - 0.5), 0.12)
    check([each.measures["queued mean"] for each in queue.trials], 0.5**2 / (1 - 0.5), 0.2)


def test_the_mean_waiting_time_and_the_mean_time_in_the_system_are_those_of_the_queue_with_one_server(
    queue: lab.Results,
) -> None:
    check([each.measures["waiting mean"] for each in queue.trials], 0.5 / (1 - 0.5), 0.2)
    check([each.measures["latency mean"] for each in queue.trials], 1 / (1 - 0.5), 0.12)


def test_the_time_in_the_system_is_exponential(queue: lab.Results) -> None:
    # Its percentiles follow from its mean, 2 s: the half is below 2 ln 2, nine tenths below 2 ln 10.
    check([each.measures["latency p50"] for each in queue.trials], 1.3862943611, 0.15)
    check([each.measures["latency p90"] for each in queue.trials], 4.6051701860, 0.15)


def test_the_law_of_little_holds_in_each_trial(queue: lab.Results) -> None:
    for each in queue.trials:
        rate = each.measures["answered"] / (4_000 - 50)
        assert each.measures["in system mean"] == pytest.approx(rate * each.measures["latency mean"], rel=0.02)
