"""The command line's options."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import attrs

from ._workload import WORKLOADS, Workload, find_workload

ROUNDS = 5
MAX_ROUNDS = 100


@attrs.frozen
class Options:
    """Hold what a run was asked to do.

    Attributes:
        workloads: which, in order.
        rounds: how many, from 1.
        quick: small sizes, and one round unless told otherwise.
        output: where the JSON goes; the plots stand next to it, with its name.
    """

    workloads: tuple[Workload, ...]
    rounds: int
    quick: bool
    output: Path


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line (the process's own, if none is given). What is wrong with it is said in a word, and ends the process with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure greenroom against the same work written by hand with Trio.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--rounds",
        type=read_rounds,
        default=None,
        help=f"rounds to measure, from 1; default: {ROUNDS}, with --quick: 1",
    )
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument(
        "--workloads", type=_workloads, default=WORKLOADS, help=f"which, separated by commas; default: all: {names}"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not how fast")
    parser.add_argument(
        "--output",
        type=read_output,
        default=Path("build/benchmarks.json"),
        help="the JSON file; the plots stand next to it, as .png and .svg; default: %(default)s",
    )
    given = parser.parse_args(arguments)
    rounds = given.rounds if given.rounds is not None else 1 if given.quick else ROUNDS
    return Options(workloads=given.workloads, rounds=rounds, quick=given.quick, output=given.output)


def read_rounds(text: str) -> int:
    """Read a number of rounds. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MAX_ROUNDS}")
    return int(text)


def _workloads(text: str) -> tuple[Workload, ...]:
    found: list[Workload] = []
    for name in text.split(","):
        try:
            workload = find_workload(name.strip())
        except KeyError:
            known = ", ".join(each.name for each in WORKLOADS)
            raise argparse.ArgumentTypeError(f"{name.strip()!r} is no workload; there are {known}") from None
        if workload not in found:
            found.append(workload)
    return tuple(found)


def read_output(text: str) -> Path:
    """Read the path of a JSON file. Raises ArgumentTypeError."""
    path = Path(text)
    if path.suffix != ".json":
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .json")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return path
