"""Rounds: every workload by every system, again and again, so that a slow minute of the machine falls on all of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ._comparison import Comparison
from ._process import take_forked
from ._sample import SYSTEMS, Sample, take_sample
from ._workload import Workload

S = TypeVar("S", bound=str)
Progress = Callable[[int, Workload, str], None]


def interleave(
    workloads: Sequence[Workload],
    systems: Sequence[S],
    rounds: int,
    *,
    take: Callable[[S, Workload], Sample | None],
    progress: Progress | None = None,
) -> dict[str, dict[S, list[Sample]]]:
    """Take samples over some rounds; return, for each workload's name, each system's samples.

    Args:
        workloads: in the order in which each round goes through them.
        systems: in the order in which odd rounds go through them; the others go backwards, so that nobody is always the first.
        rounds: how many, from 1.
        take: takes one sample; None if there is none to be had.
        progress: called before each measurement with the round (from 1), the workload and the system.
    """
    samples: dict[str, dict[S, list[Sample]]] = {
        workload.name: {system: [] for system in systems} for workload in workloads
    }
    for number in range(1, rounds + 1):
        for workload in workloads:
            for system in systems if number % 2 else reversed(systems):
                if progress is not None:
                    progress(number, workload, system)
                sample = take(system, workload)
                if sample is not None:
                    samples[workload.name][system].append(sample)
    return samples


def run_rounds(
    workloads: Iterable[Workload], rounds: int, *, quick: bool = False, progress: Progress | None = None
) -> list[Comparison]:
    """Measure the workloads over some rounds, and return one comparison for each.

    Args:
        workloads: in the order in which each round goes through them.
        rounds: how many, from 1. Who goes first changes from round to round.
        quick: take the small sizes, in forks of this process; figures then say little.
        progress: called before each measurement with the round (from 1), the workload and the system.

    Raises:
        BenchmarkFailed: a measurement did not come about.
    """
    chosen = list(workloads)
    take = take_forked if quick else take_sample
    samples = interleave(
        chosen,
        SYSTEMS,
        rounds,
        take=lambda system, workload: take(system, workload.name, workload.size_of(quick=quick)),
        progress=progress,
    )
    return [Comparison(workload, workload.size_of(quick=quick), samples[workload.name]) for workload in chosen]
