"""The process of one measurement: `python -m benchmarks.peers._process MODULE WORKLOAD SIZE WARM` prints the sample as JSON.

WARM is the size of the small run that comes first; 0 for none.
"""

import gc
import json
import sys
from importlib import import_module

import attrs

from ._running import Workloads


def main() -> None:
    """Measure, and print."""
    module, name, size, warm = sys.argv[1:]
    workloads: Workloads = import_module(f"benchmarks.peers._{module}").WORKLOADS
    side = workloads[name]
    if int(warm):
        side(int(warm))
        gc.collect()
    print(json.dumps(attrs.asdict(side(int(size)))))


if __name__ == "__main__":
    main()
