"""The command line's options."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import attrs

from .._options import add_options, choose, rounds_of
from .._workload import Workload
from ._environment import Environment
from ._roster import PEERS, WORKLOADS, Peer

ENVIRONMENT = Path(".venv-peers")


@attrs.frozen
class Options:
    """Hold what a run was asked to do.

    Attributes:
        workloads: which, in order.
        peers: which, in order; greenroom and hand-written Trio are always measured besides.
        rounds: how many, from 1.
        quick: small sizes, and one round unless told otherwise.
        output: where the JSON goes; the tables and the plots stand next to it, with its name.
        environment: where the peers run.
    """

    workloads: tuple[Workload, ...]
    peers: tuple[Peer, ...]
    rounds: int
    quick: bool
    output: Path
    environment: Environment


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line (the process's own, if none is given). What is wrong with it is said in a word, and ends the process with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure greenroom next to other actor libraries, and next to what is written by hand with Trio and asyncio.",
        allow_abbrev=False,
    )
    add_options(parser, WORKLOADS, Path("build/peers.json"))
    known = {peer.name: peer for peer in PEERS}
    parser.add_argument(
        "--peers",
        type=lambda text: choose(text, known, "peer"),
        default=PEERS,
        help=f"which, separated by commas; default: all: {', '.join(known)}",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--environment",
        type=_environment,
        default=ENVIRONMENT,
        help="the folder of the virtual environment that they are installed into; made if it is not there; default: %(default)s",
    )
    place.add_argument(
        "--here", action="store_true", help="run them in this environment, and install nothing: those that it has"
    )
    given = parser.parse_args(arguments)
    return Options(
        workloads=given.workloads,
        peers=given.peers,
        rounds=rounds_of(given),
        quick=given.quick,
        output=given.output,
        environment=Environment.here() if given.here else Environment.at(given.environment),
    )


def _environment(text: str) -> Path:
    path = Path(text)
    if path.exists() and not (path / "pyvenv.cfg").is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is there, and is no virtual environment")
    return path
