"""`python -m benchmarks`: measure, print a table, write the JSON and the plots."""

import json
import sys

from ._options import is_writable, read_options
from ._plot import draw_plot
from ._progress import Progress
from ._results import as_plain_data
from ._rounds import run_rounds
from ._sample import BenchmarkFailed
from ._table import make_table


def main() -> int:
    """Do as the command line says; 0 if all was measured, whatever the figures, 1 if not."""
    options = read_options()
    if not is_writable(options.output, "python -m benchmarks"):
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


if __name__ == "__main__":
    sys.exit(main())
