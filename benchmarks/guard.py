"""`python -m benchmarks.guard`: fail if the runtime has become much slower, next to hand-written Trio.

No absolute time counts, only the ratio of the two sides, by process time: they take turns in one process, in short rounds, so whatever else the
machine does falls on both. What is below its bound (`guard.toml`) is measured once more, in a new process, and fails only if it is below again.
"""

import argparse
import gc
import json
import sys
from collections.abc import Callable, Sequence
from subprocess import TimeoutExpired, run
from typing import Final

import attrs
import trio

from ._bound import BOUNDS, Bound, WrongBounds, read_bounds
from ._comparison import Spread
from ._sample import ROOT, BenchmarkFailed
from ._workload import find_workload

#: Times that one workload is measured at most.
TRIES: Final = 2
#: Seconds of real time after which a measurement counts as hung: it takes some five.
HUNG: Final = 120

#: What measures one workload: a ratio for each round.
Measure = Callable[[Bound], Sequence[float]]


@attrs.frozen
class Finding:
    """Hold what the guard found of one workload: the spread of its last try, of so many."""

    bound: Bound
    spread: Spread
    tries: int

    @property
    def is_good(self) -> bool:
        """True if it is not below its bound."""
        return self.spread.median >= self.bound.least

    def __str__(self) -> str:
        """Say it on one line."""
        mark = "" if self.is_good else "  BELOW"
        again = "" if self.tries == 1 else f"  (try {self.tries})"
        spread, bound = self.spread, self.bound
        return (
            f"{bound.workload:10} {spread.median:6.2f} x  ({spread.low:.2f} to {spread.high:.2f})"
            f"   at least {bound.least:5.2f} x, usually {bound.usual:5.2f} x{again}{mark}"
        )

    @property
    def complaint(self) -> str:
        """Say what is wrong, and what to do about it."""
        spread, bound = self.spread, self.bound
        return (
            f"{bound.workload}: {spread.median:.2f} x hand-written Trio in {bound.rounds} rounds ({spread.low:.2f} to {spread.high:.2f}),"
            f" below its bound of {bound.least:.2f} x in {self.tries} tries; it was {bound.usual:.2f} x when that was chosen."
            f" See it in full by `python -m benchmarks --workloads {bound.workload}`; if the price is meant,"
            f" change the bound in {BOUNDS.parent.name}/{BOUNDS.name} and say there why."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Do as the command line says; 0 if no ratio is below its bound, 1 if one is, 2 if it cannot be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guard",
        description="Fail if the runtime has become much slower, next to hand-written Trio.",
        allow_abbrev=False,
    )
    parser.add_argument("--workloads", help="which, separated by commas; default: all that have a bound")
    given = parser.parse_args(arguments)
    try:
        bounds = read_bounds()
    except WrongBounds as error:
        parser.error(str(error))
    if given.workloads is not None:
        names = [name.strip() for name in given.workloads.split(",")]
        known = [bound.workload for bound in bounds]
        for name in names:
            if name not in known:
                parser.error(f"--workloads: {name!r} has no bound; there are {', '.join(known)}")
        bounds = [bound for bound in bounds if bound.workload in names]
    try:
        return guard(bounds, measure_apart)
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return 2


def guard(bounds: Sequence[Bound], measure: Measure) -> int:
    """Measure and judge all, and say what came of it; 0 if no ratio is below its bound, else 1."""
    complaints: list[str] = []
    for bound in bounds:
        finding = judge(bound, measure)
        print(finding, flush=True)
        if not finding.is_good:
            complaints.append(finding.complaint)
    for complaint in complaints:
        print(f"\nguard: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def judge(bound: Bound, measure: Measure) -> Finding:
    """Measure one workload; once more, if it is below its bound."""
    finding = Finding(bound, Spread.of(measure(bound)), tries=1)
    while not finding.is_good and finding.tries < TRIES:
        finding = Finding(bound, Spread.of(measure(bound)), tries=finding.tries + 1)
    return finding


def measure_apart(bound: Bound) -> Sequence[float]:
    """Measure one workload in a new process, and return the ratio of each round.

    Raises:
        BenchmarkFailed: the process failed, or hung.
    """
    command = [sys.executable, "-c", "from benchmarks.guard import print_ratios; print_ratios()", bound.workload]
    try:
        done = run(command, cwd=ROOT, capture_output=True, text=True, timeout=HUNG, check=False)  # noqa: S603 -- ourselves
    except TimeoutExpired:
        raise BenchmarkFailed(f"{bound.workload} hung: no figure after {HUNG} s") from None
    if done.returncode:
        raise BenchmarkFailed(f"{bound.workload} failed:\n{done.stderr[-4_000:].strip()}")
    ratios: list[float] = json.loads(done.stdout)
    return ratios


def measure_here(bound: Bound) -> Sequence[float]:
    """Measure one workload in this process, outside of Trio, and return the ratio of each round."""
    workload = find_workload(bound.workload)
    ratios: list[float] = []
    for number in range(-1, bound.rounds):  # the first round is for the interpreter, which specialises what has run
        gc.collect()
        if number % 2:
            ours, theirs = trio.run(workload.by_greenroom, bound.size), trio.run(workload.by_trio, bound.size)
        else:
            theirs, ours = trio.run(workload.by_trio, bound.size), trio.run(workload.by_greenroom, bound.size)
        if number >= 0:
            ratios.append(workload.ratio(ours, theirs, cpu=True))
    return ratios


def print_ratios() -> None:
    """Measure the workload that the command line names, and print the ratios as JSON: what a process of the guard does."""
    (bound,) = (bound for bound in read_bounds() if bound.workload == sys.argv[1])
    print(json.dumps(measure_here(bound)))


if __name__ == "__main__":
    sys.exit(main())
