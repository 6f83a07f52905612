"""The roster: who is measured, how much of each workload, and what each cannot do."""

from collections.abc import Mapping
from typing import Final

import attrs

from .._workload import Workload, find_workload

#: The workloads that peers have a side of, in order.
WORKLOADS: Final[tuple[Workload, ...]] = tuple(
    find_workload(name) for name in ("tell", "ask", "ask-timeout", "spawn", "idle", "ring", "fan", "restart")
)


@attrs.frozen
class Peer:
    """Describe one peer.

    Attributes:
        name: as given to `--peers`; its file has it, too.
        needs: distributions, the one whose version is shown first; none for what the standard library has.
        sizes: workload -> how much of it, where all of it would take too long, or too many threads.
        cannot: workload -> why it has no figure.
        remarks: what is to be known of its figures.
    """

    name: str
    needs: tuple[str, ...] = ()
    sizes: Mapping[str, int] = attrs.field(factory=dict[str, int])
    cannot: Mapping[str, str] = attrs.field(factory=dict[str, str])
    remarks: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The name of its file, without the underscore."""
        return self.name.replace("-", "_")

    def size_of(self, workload: Workload, *, quick: bool) -> int:
        """Return how much of a workload it does."""
        size = self.sizes.get(workload.name, workload.size)
        return min(workload.quick_size, size) if quick else size

    def warm_size_of(self, workload: Workload) -> int:
        """Return how much of it comes before, unmeasured; 0 for none."""
        return self.size_of(workload, quick=True) if workload.is_warmed else 0


#: A thread per actor: as many as a machine has, and no more.
THREADS: Final = {"spawn": 1_000, "idle": 1_000}
PAPYRA: Final = {
    "tell": 50_000,
    "ask": 10_000,
    "ask-timeout": 10_000,
    "spawn": 2_000,
    "idle": 5_000,
    "ring": 200,
    "restart": 5_000,
}

PEERS: Final[tuple[Peer, ...]] = (
    Peer("asyncio"),
    Peer("uvloop", ("uvloop",)),
    Peer(
        "pykka",
        ("pykka",),
        sizes=THREADS,
        cannot={"restart": "nobody starts an actor again that has failed"},
        remarks=("a thread per actor",),
    ),
    Peer(
        "larzactor",
        ("larzactor",),
        sizes=THREADS,
        cannot={"restart": "an actor that raises goes on as it was; somebody is told, nothing starts anew"},
        remarks=("a thread per actor; an ask holds its thread, so 100 threads ask in the fan",),
    ),
    Peer("papyra", ("papyra",), sizes=PAPYRA, remarks=("on asyncio",)),
    Peer("papyra-trio", ("papyra", "trio"), sizes=PAPYRA, remarks=("papyra on Trio",)),
    Peer(
        "tapio",
        ("tapio-py",),
        sizes={"ask": 10_000, "ask-timeout": 10_000, "spawn": 5_000, "idle": 10_000, "ring": 500, "restart": 10_000},
        remarks=("every ask has a timeout, of 5 s unless it names one",),
    ),
    Peer(
        "thespian",
        ("thespian",),
        sizes={"spawn": 5_000},
        cannot={
            "fan": "asks come from outside of the system, and one at a time",
            "restart": "a message that fails is tried again, then goes back to its sender; the actor stays as it was",
        },
        remarks=("its simple system: all is done, by the caller's own thread, before a tell or an ask returns",),
    ),
    Peer(
        "xoscar",
        ("xoscar",),
        sizes={"tell": 50_000, "spawn": 2_000, "idle": 5_000, "ring": 300},
        cannot={"restart": "it starts the processes of a pool again, not single actors"},
        remarks=("one pool, in this process; by references within it, an ask runs the method in the asker's own task, without mail",),
    ),
    Peer(
        "autogen-core",
        ("autogen-core",),
        sizes={
            "tell": 20_000, "ask": 5_000, "ask-timeout": 5_000, "spawn": 5_000, "idle": 5_000, "ring": 100, "fan": 50,
        },
        cannot={"restart": "an agent whose handler raises goes on as it was"},
        remarks=("an agent is made by its first message, and ended with its runtime only",),
    ),
    Peer(
        "lapinbeam",
        ("lapinbeam",),
        sizes={"ask": 10_000, "ask-timeout": 10_000, "spawn": 5_000, "idle": 5_000},
        cannot={"restart": "it waits before each, up to 1 s, and cannot be told not to: a rate would be that of the wait"},
        remarks=("an actor is ended with its supervisor; an ask without a timeout is one that was told to have none",),
    ),
)  # fmt: skip
