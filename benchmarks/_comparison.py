"""A comparison: both systems under one workload, over several rounds."""

from collections.abc import Sequence
from statistics import median

import attrs

from ._goal import Verdict
from ._sample import Sample, SystemName
from ._workload import Workload


@attrs.frozen
class Spread:
    """Hold the middle and the ends of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Sum up figures; at least one."""
        return cls(median=median(figures), low=min(figures), high=max(figures))


@attrs.frozen
class Comparison:
    """Sum up what was measured of one workload.

    Ratios are taken round by round, as the two measurements of a round stand close together in time, and summed up after that.

    Attributes:
        workload: which one.
        size: how much of it: messages, asks or actors.
        samples: system -> its samples, one a round.
    """

    workload: Workload
    size: int
    samples: dict[SystemName, list[Sample]]

    def figures(self, system: SystemName) -> Spread:
        """Return a system's figures, in the workload's unit."""
        return Spread.of([self.workload.figure(sample) for sample in self.samples[system]])

    def ratio(self, *, cpu: bool = False) -> Spread:
        """Return how many times better greenroom did, by real or by process time."""
        pairs = zip(self.samples["greenroom"], self.samples["trio"], strict=True)
        return Spread.of([self.workload.ratio(ours, theirs, cpu=cpu) for ours, theirs in pairs])

    @property
    def verdict(self) -> Verdict:
        """Which part of its goal the median has reached."""
        return self.workload.goal.judge(ratio=self.ratio().median, figure=self.figures("greenroom").median)
