"""The process of one measurement: `python -m benchmarks._process SYSTEM WORKLOAD SIZE` prints the sample as JSON."""

import gc
import json
import multiprocessing
import sys

import attrs
import trio

from ._sample import Sample
from ._workload import find_workload


def take_forked(system: str, name: str, size: int) -> Sample:
    """Measure in a fork of this process, which has all imports done: good enough to see that it works. POSIX only."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(measured, (system, name, size))


def measured(system: str, name: str, size: int) -> Sample:
    """Measure in this process."""
    workload = find_workload(name)
    side = workload.by_greenroom if system == "greenroom" else workload.by_trio
    if workload.is_warmed:
        # Bytecode that has run is specialised, and the allocator has its arenas: what is measured is the steady state, of both sides.
        trio.run(side, workload.quick_size)
        gc.collect()
    return trio.run(side, size)


def main() -> None:
    """Measure, and print."""
    system, name, size = sys.argv[1:]
    print(json.dumps(attrs.asdict(measured(system, name, int(size)))))


if __name__ == "__main__":
    main()
