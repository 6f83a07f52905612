"""A standing: all systems under all workloads, over several rounds."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from .._comparison import Spread
from .._sample import SYSTEMS, Sample
from .._workload import Workload
from ._roster import Peer

GREENROOM: Final = "greenroom"


@attrs.frozen
class Standing:
    """Sum up what was measured.

    Attributes:
        workloads: which, in order.
        peers: which, in order; greenroom and hand-written Trio come before them.
        versions: system -> its version, of those that have one.
        samples: workload's name -> system -> its samples, one a round.
        failures: (workload's name, system) -> why there is no figure, where one was expected.
        missing: peer's name -> why it could not be installed.
        quick: small sizes.
    """

    workloads: Sequence[Workload]
    peers: Sequence[Peer]
    versions: Mapping[str, str]
    samples: Mapping[str, Mapping[str, list[Sample]]]
    failures: Mapping[tuple[str, str], str]
    missing: Mapping[str, str]
    quick: bool

    @property
    def systems(self) -> list[str]:
        """Names of all, in order."""
        return [*SYSTEMS, *(peer.name for peer in self.peers)]

    def title(self, system: str) -> str:
        """Return a system's name with its version, if it has one."""
        name = f"{system} by hand" if system in {"trio", "asyncio", "uvloop"} else system
        return f"{name} {self.versions[system]}" if system in self.versions else name

    def is_measured(self, workload: Workload, system: str) -> bool:
        """True if there is a figure."""
        return bool(self.samples[workload.name].get(system)) and (workload.name, system) not in self.failures

    def figures(self, workload: Workload, system: str) -> Spread | None:
        """Return a system's figures, in the workload's unit; None if there are none."""
        if not self.is_measured(workload, system):
            return None
        return Spread.of([workload.figure(sample) for sample in self.samples[workload.name][system]])

    def ratio(self, workload: Workload, system: str, *, cpu: bool = False) -> Spread | None:
        """Return how many times better greenroom did, by real or by process time, round by round; None if one has no figures."""
        if not (self.is_measured(workload, system) and self.is_measured(workload, GREENROOM)):
            return None
        of = self.samples[workload.name]
        return Spread.of([workload.ratio(*pair, cpu=cpu) for pair in zip(of[GREENROOM], of[system], strict=True)])

    def peer(self, system: str) -> Peer | None:
        """Return the peer of that name; None for greenroom and hand-written Trio."""
        return next((peer for peer in self.peers if peer.name == system), None)

    def size_of(self, workload: Workload, system: str) -> int:
        """Return how much of a workload a system does."""
        peer = self.peer(system)
        return workload.size_of(quick=self.quick) if peer is None else peer.size_of(workload, quick=self.quick)
