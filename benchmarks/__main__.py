"""`python -m benchmarks`: measure, print a table, write the JSON and the plots."""

import json
import sys

from ._options import read_options
from ._plot import draw_plot
from ._results import as_plain_data
from ._rounds import run_rounds
from ._sample import BenchmarkFailed, SystemName
from ._table import make_table
from ._workload import Workload


def main() -> int:
    """Do as the command line says; 0 if all was measured, whatever the figures, 1 if not."""
    options = read_options()
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.touch()
    except OSError as error:
        print(f"python -m benchmarks: error: cannot write {options.output}: {error.strerror}", file=sys.stderr)
        return 2
    progress = Progress(options.rounds)
    try:
        comparisons = run_rounds(options.workloads, options.rounds, quick=options.quick, progress=progress)
    except BenchmarkFailed as error:
        progress.clear()
        print(error, file=sys.stderr)
        return 1
    progress.clear()
    results = as_plain_data(comparisons, options.rounds, quick=options.quick)
    options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    written = [options.output]
    try:
        written += draw_plot(comparisons, options.output)
    except ImportError:
        print("no plot: matplotlib is not installed (the extra `plot` has it)", file=sys.stderr)
    print(make_table(comparisons))
    if options.quick:
        print("\n--quick: it works; the figures say little.")
    print(f"\nwritten: {', '.join(str(path) for path in written)}")
    return 0


class Progress:
    """Say on a terminal what is being measured, on one line."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def __call__(self, number: int, workload: Workload, system: SystemName) -> None:
        """Say it."""
        if sys.stderr.isatty():
            print(f"\r\x1b[Kround {number} of {self._rounds}: {workload.name} by {system}", end="", file=sys.stderr)

    def clear(self) -> None:
        """Leave the line empty."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
