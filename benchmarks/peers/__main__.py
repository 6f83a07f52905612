"""`python -m benchmarks.peers`: install the peers, measure all, print the tables, write them, the JSON and the plots."""

import json
import sys
from importlib.metadata import version
from platform import python_version

import attrs

from greenroom import __version__

from .._options import is_writable
from .._progress import Progress
from .._rounds import interleave
from .._sample import SYSTEMS, BenchmarkFailed, Sample, take_sample
from .._workload import Workload
from ._draw import draw
from ._environment import CannotInstall
from ._options import Options, read_options
from ._results import as_plain_data
from ._roster import Peer
from ._standing import Standing
from ._table import make_tables


def main() -> int:
    """Do as the command line says; 0 if all was measured, whatever the figures, 1 if something was not."""
    options = read_options()
    if not is_writable(options.output, "python -m benchmarks.peers"):
        return 2
    installed = Installed.by(options)
    standing = measure(options, installed)
    tables = make_tables(standing, options.rounds)
    results = as_plain_data(standing, options.rounds)
    options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    beside = options.output.with_suffix(".txt")
    beside.write_text(tables + "\n", encoding="utf-8")
    written = [options.output, beside]
    try:
        written += draw(standing, options.output)
    except ImportError:
        print("no plot: matplotlib is not installed (the extra `plot` has it)", file=sys.stderr)
    print(tables)
    if options.quick:
        print("\n--quick: it works; the figures say little.")
    print(f"\nwritten: {', '.join(str(path) for path in written)}")
    return 1 if standing.missing or standing.failures else 0


@attrs.frozen
class Installed:
    """Say which peers there are.

    Attributes:
        versions: system -> its version, of those that have one.
        missing: peer's name -> why it could not be installed.
    """

    versions: dict[str, str]
    missing: dict[str, str]

    @classmethod
    def by(cls, options: Options) -> "Installed":
        """Install the peers, one after the other, so that one that fails takes no other with it."""
        self = cls({"greenroom": __version__, "trio": version("trio"), "asyncio": python_version()}, {})
        for peer in options.peers:
            if not peer.needs:
                continue
            try:
                found = options.environment.prepare(peer.needs)
            except CannotInstall as error:
                print(f"{peer.name} is not measured: {error}", file=sys.stderr)
                self.missing[peer.name] = str(error)
            else:
                self.versions[peer.name] = found[peer.needs[0]]
        return self


def measure(options: Options, installed: Installed) -> Standing:
    """Measure all that is there, in interleaved rounds. What fails once is not tried again."""
    failures: dict[tuple[str, str], str] = {}
    peers = {peer.name: peer for peer in options.peers if peer.name not in installed.missing}

    def take(system: str, workload: Workload) -> Sample | None:
        if (workload.name, system) in failures:
            return None
        peer: Peer | None = peers.get(system)
        try:
            if peer is None:
                return take_sample(system, workload.name, workload.size_of(quick=options.quick))
            if workload.name in peer.cannot:
                return None
            return take_sample(
                peer.module,
                workload.name,
                peer.size_of(workload, quick=options.quick),
                peer.warm_size_of(workload),
                module="benchmarks.peers._process",
                python=options.environment.python if peer.needs else sys.executable,
            )
        except BenchmarkFailed as error:
            failures[workload.name, system] = str(error)
            return None

    progress = Progress(options.rounds)
    samples = interleave(options.workloads, [*SYSTEMS, *peers], options.rounds, take=take, progress=progress)
    progress.clear()
    return Standing(
        workloads=options.workloads,
        peers=options.peers,
        versions=installed.versions,
        samples=samples,
        failures=failures,
        missing=installed.missing,
        quick=options.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
