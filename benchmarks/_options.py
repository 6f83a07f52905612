"""The command line's options."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import attrs

from ._workload import WORKLOADS, Workload

T = TypeVar("T")
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
    add_options(parser, WORKLOADS, Path("build/benchmarks.json"))
    given = parser.parse_args(arguments)
    return Options(workloads=given.workloads, rounds=rounds_of(given), quick=given.quick, output=given.output)


def add_options(parser: argparse.ArgumentParser, workloads: tuple[Workload, ...], output: Path) -> None:
    """Add the options that every comparison has: `--rounds`, `--workloads` (of those given), `--quick`, `--output`."""
    parser.add_argument(
        "--rounds",
        type=read_rounds,
        default=None,
        help=f"rounds to measure, from 1; default: {ROUNDS}, with --quick: 1",
    )
    parser.add_argument(
        "--workloads",
        type=lambda text: choose(text, {workload.name: workload for workload in workloads}, "workload"),
        default=workloads,
        help=f"which, separated by commas; default: all: {', '.join(workload.name for workload in workloads)}",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not how fast")
    parser.add_argument(
        "--output",
        type=read_output,
        default=output,
        help="the JSON file; the plots stand next to it, as .png and .svg; default: %(default)s",
    )


def rounds_of(given: argparse.Namespace) -> int:
    """Return how many rounds a command line asks for."""
    return given.rounds if given.rounds is not None else 1 if given.quick else ROUNDS


def choose(text: str, known: Mapping[str, T], noun: str) -> tuple[T, ...]:
    """Return what is named, each once. Raises argparse's error for what there is not."""
    found: dict[str, T] = {}
    for name in (each.strip() for each in text.split(",")):
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is no {noun}; there are {', '.join(known)}")
        found[name] = known[name]
    return tuple(found.values())


def is_writable(output: Path, program: str) -> bool:
    """Make the output's folder and the file; say why if that cannot be done."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
    except OSError as error:
        print(f"{program}: error: cannot write {output}: {error.strerror}", file=sys.stderr)
        return False
    return True


def read_rounds(text: str) -> int:
    """Read a number of rounds. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MAX_ROUNDS}")
    return int(text)


def read_output(text: str) -> Path:
    """Read the path of a JSON file. Raises ArgumentTypeError."""
    path = Path(text)
    if path.suffix != ".json":
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .json")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return path
