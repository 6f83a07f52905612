"""Rounds: every workload by both systems, again and again, so that a slow minute of the machine falls on all of them."""

from collections.abc import Callable, Iterable

from ._comparison import Comparison
from ._sample import SYSTEMS, Sample, SystemName, take_sample
from ._workload import Workload

Progress = Callable[[int, Workload, SystemName], None]


def run_rounds(
    workloads: Iterable[Workload], rounds: int, *, quick: bool = False, progress: Progress | None = None
) -> list[Comparison]:
    """Measure the workloads over some rounds, and return one comparison for each.

    Args:
        workloads: in the order in which each round goes through them.
        rounds: how many, from 1. Who goes first changes from round to round.
        quick: take the small sizes; figures then say little.
        progress: called before each measurement with the round (from 1), the workload and the system.

    Raises:
        BenchmarkFailed: a measurement did not come about.
    """
    chosen = list(workloads)
    sizes = {workload.name: workload.quick_size if quick else workload.size for workload in chosen}
    samples: dict[str, dict[SystemName, list[Sample]]] = {
        workload.name: {system: [] for system in SYSTEMS} for workload in chosen
    }
    for number in range(1, rounds + 1):
        for workload in chosen:
            for system in SYSTEMS if number % 2 else reversed(SYSTEMS):
                if progress is not None:
                    progress(number, workload, system)
                sample = take_sample(system, workload.name, sizes[workload.name])
                samples[workload.name][system].append(sample)
    return [Comparison(workload, sizes[workload.name], samples[workload.name]) for workload in chosen]
