"""Workloads: what is measured, how much of it, and what is to be reached."""

from collections.abc import Awaitable, Callable
from typing import Literal

import attrs

from ._ask import ask_by_greenroom, ask_by_trio, timed_ask_by_greenroom, timed_ask_by_trio
from ._fairness import fairness_ask_by_greenroom, fairness_ask_by_trio, fairness_by_greenroom, fairness_by_trio
from ._fan import fan_by_greenroom, fan_by_trio, fan_many_by_greenroom
from ._fan_out import ready_by_greenroom, ready_by_trio, register_by_greenroom, register_by_trio
from ._goal import Goal
from ._idle import idle_ask_by_greenroom, idle_ask_by_trio, idle_tell_by_greenroom, idle_tell_by_trio
from ._looking import (
    feed_by_greenroom,
    feed_by_trio,
    snapshot_by_greenroom,
    snapshot_by_trio,
    subscribers_by_greenroom,
    subscribers_by_trio,
)
from ._restart import children_by_greenroom, children_by_trio, restart_by_greenroom, restart_by_trio
from ._ring import ring_by_greenroom, ring_by_trio
from ._sample import Sample
from ._spawn import spawn_by_greenroom, spawn_by_trio, weigh_by_greenroom, weigh_by_trio
from ._suspend import (
    suspend_by_greenroom,
    suspend_by_trio,
    suspend_thresholds_by_greenroom,
    suspend_thresholds_by_trio,
)
from ._tell import tell_by_greenroom, tell_by_trio

Side = Callable[[int], Awaitable[Sample]]


@attrs.frozen
class Workload:
    """Describe one workload.

    Attributes:
        name: as given to `--workloads`.
        title: what is done.
        unit: of its figures.
        size, quick_size: how much of it: messages, asks or actors.
        by_greenroom, by_trio: the two sides; each takes the size and returns a sample.
        goal: what is to be reached.
        is_warmed: a small run comes first in its process.
    """

    name: str
    title: str
    unit: Literal[
        "tells/s",
        "asks/s",
        "actors/s",
        "bytes/actor",
        "hops/s",
        "restarts/s",
        "x the least",
        "x alone",
        "x quick",
        "x few",
        "x ten",
        "waits/s",
        "us longer",
    ]
    size: int
    quick_size: int
    by_greenroom: Side
    by_trio: Side
    goal: Goal
    is_warmed: bool = True

    @property
    def is_factor(self) -> bool:
        """True if its figures are factors, over (or differences, from) what a sample has measured besides: the smaller, the better."""
        return self.unit.startswith("x ") or self.unit == "us longer"

    def size_of(self, *, quick: bool) -> int:
        """Return how much of it: the small size, or the whole."""
        return self.quick_size if quick else self.size

    def figure(self, sample: Sample) -> float:
        """Return a sample's figure, in this workload's unit of real time (or bytes)."""
        if self.is_factor:
            return sample.factor
        return sample.bytes / sample.done if self.unit == "bytes/actor" else sample.done / sample.seconds

    def ratio(self, greenroom: Sample, trio: Sample, *, cpu: bool = False) -> float:
        """Return how many times better greenroom did, by real or by process time."""
        if self.unit == "bytes/actor" or (self.is_factor and not cpu):
            return self.figure(trio) / self.figure(greenroom)
        if cpu:
            return (trio.cpu_seconds / trio.done) / (greenroom.cpu_seconds / greenroom.done)
        return self.figure(greenroom) / self.figure(trio)


WORKLOADS = (
    Workload("tell", "one producer, one actor that counts", "tells/s", 100_000, 10_000,
             tell_by_greenroom, tell_by_trio, Goal(must=10, aim=16)),
    Workload("ask", "sequential round trips", "asks/s", 20_000, 2_000,
             ask_by_greenroom, ask_by_trio, Goal(must=1.4, aim=1.8)),
    Workload("ask-timeout", "the same, each with a timeout", "asks/s", 20_000, 2_000,
             timed_ask_by_greenroom, timed_ask_by_trio, Goal(must=1.2, aim=1.7)),
    Workload("spawn", "actors that handle one message and stop", "actors/s", 10_000, 1_000,
             spawn_by_greenroom, spawn_by_trio, Goal(must=10, aim=15)),
    Workload("idle", "weight of an actor that waits", "bytes/actor", 20_000, 5_000,
             weigh_by_greenroom, weigh_by_trio, Goal(must=1_000, aim=500, of="figure"), is_warmed=False),
    Workload("ring", "a token round the actors, 100 laps", "hops/s", 1_000, 100,
             ring_by_greenroom, ring_by_trio, Goal(must=5, aim=10)),
    Workload("fan", "100 asks at once of each actor, a task for each", "asks/s", 100, 10,
             fan_by_greenroom, fan_by_trio, Goal(must=2.4, aim=3)),
    Workload("fan-many", "the same by one ask_many, against a task for each", "asks/s", 100, 10,
             fan_many_by_greenroom, fan_by_trio, Goal(must=10, aim=35)),
    Workload("restart", "crashes, each followed by a restart", "restarts/s", 20_000, 1_000,
             restart_by_greenroom, restart_by_trio, Goal(must=3.5, aim=5)),
    Workload("children", "declared children started and ended, over 1,000", "x few", 100_000, 2_000,
             children_by_greenroom, children_by_trio, Goal(must=1.5, aim=1.1, of="figure"), is_warmed=False),
    Workload("register", "agents registered, slow service against quick", "x quick", 2_000, 100,
             register_by_greenroom, register_by_trio, Goal(must=1.2, aim=1.05, of="figure")),
    *(Workload(f"ready-{size}", "agents ready, over four waves of their service", "x the least", size, 12,
               ready_by_greenroom, ready_by_trio, Goal(must=1.2, aim=1.05, of="figure"), is_warmed=False)
      for size in (20, 200, 2_000)),
    Workload("snapshot", "snapshots of a tree", "actors/s", 100_000, 2_000,
             snapshot_by_greenroom, snapshot_by_trio, Goal(must=0.5, aim=1), is_warmed=False),
    Workload("feed", "turns in a burst, with a live table", "x alone", 10_000, 400,
             feed_by_greenroom, feed_by_trio, Goal(must=1.2, aim=1.05, of="figure")),
    Workload("subscribers", "p99 of turns, with a dead and a slow subscriber", "x alone", 10_000, 400,
             subscribers_by_greenroom, subscribers_by_trio, Goal(must=1.2, aim=1.05, of="figure")),
    *(Workload(f"idle-tell-{size}", "tells among idle actors, over ten of them", "x ten", size, 100,
               idle_tell_by_greenroom, idle_tell_by_trio, Goal(must=1.1, aim=1.1, of="figure"), is_warmed=False)
      for size in (1_000, 100_000)),
    *(Workload(f"idle-ask-{size}", "asks among idle actors, over ten of them", "x ten", size, 100,
               idle_ask_by_greenroom, idle_ask_by_trio, Goal(must=1.1, aim=1.1, of="figure"), is_warmed=False)
      for size in (1_000, 100_000)),
    Workload("suspend", "actors that all wait in their handlers, four times", "waits/s", 20_000, 500,
             suspend_by_greenroom, suspend_by_trio, Goal(must=0.5, aim=1), is_warmed=False),
    Workload("suspend-thresholds", "the same, and the garbage collector looks less often", "waits/s", 20_000, 500,
             suspend_thresholds_by_greenroom, suspend_thresholds_by_trio, Goal(must=0.5, aim=1), is_warmed=False),
    Workload("fairness", "p99 of a checkpoint beside a flooded actor", "us longer", 100_000, 5_000,
             fairness_by_greenroom, fairness_by_trio, Goal(must=100, aim=100, of="figure")),
    Workload("fairness-ask", "p99 of an ask to a quiet actor beside a flooded one", "us longer", 100_000, 5_000,
             fairness_ask_by_greenroom, fairness_ask_by_trio, Goal(must=200, aim=100, of="figure")),
)  # fmt: skip


def find_workload(name: str) -> Workload:
    """Return the workload of that name. Raises KeyError if there is none."""
    return {workload.name: workload for workload in WORKLOADS}[name]
