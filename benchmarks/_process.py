"""The process of one measurement: `python -m benchmarks._process SYSTEM WORKLOAD SIZE` prints the sample as JSON."""

import gc
import json
import sys

import attrs
import trio

from ._workload import find_workload


def main() -> None:
    """Measure, and print."""
    system, name, size = sys.argv[1:]
    workload = find_workload(name)
    side = workload.by_greenroom if system == "greenroom" else workload.by_trio
    if workload.is_warmed:
        # Bytecode that has run is specialised, and the allocator has its arenas: what is measured is the steady state, of both sides.
        trio.run(side, workload.quick_size)
        gc.collect()
    print(json.dumps(attrs.asdict(trio.run(side, int(size)))))


if __name__ == "__main__":
    main()
