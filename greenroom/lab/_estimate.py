"""Estimates: each measure of each policy, as a mean over the seeds with its interval."""

from collections.abc import Sequence

from attrs import frozen

from ._interval import CONFIDENCE, Interval, check_confidence, interval
from ._trial import Results
from ._units import ceiling_of, shown, telling


@frozen
class Estimate:
    """Be what the seeds say about one measure of one policy."""

    measure: str
    policy: str
    interval: Interval

    @property
    def mean(self) -> str:
        """Get the mean as one reads it."""
        return shown(self.measure, self.interval.mean)

    @property
    def spread(self) -> str:
        """Get the interval as one reads it; say so if there is none."""
        found = self.interval
        if found.low is None or found.high is None:
            return "no interval: one seed" if found.count else "no value"
        if found.least == found.most:
            return "the same in every seed"
        return f"{shown(self.measure, found.low).partition(' ')[0]} to {shown(self.measure, found.high)}"


def estimate(
    results: Results, *, measures: Sequence[str] | None = None, confidence: float = CONFIDENCE
) -> tuple[Estimate, ...]:
    """Return the mean of each measure of each policy with its confidence interval, by Student's t over the seeds.

    A seed in which there was nothing to take a mean of (nan) is left out, and counted as missing.

    Args:
        results: of an experiment.
        measures: their names; those that tell anything about this experiment, unless others are named.
        confidence: above 0 and below 1.

    Returns:
        the estimates, by measure, and then by policy in the order of the experiment.

    Raises:
        ValueError: a measure that is unknown or infinite, or a confidence that is none.
    """
    check_confidence(confidence)
    found: list[Estimate] = []
    for measure in telling(results, measures):
        for policy in results.policies:
            values = [trial.measures[measure] for trial in results.of(policy)]
            try:
                over = interval(values, confidence=confidence, floor=0.0, ceiling=ceiling_of(measure))
            except ValueError as error:
                raise ValueError(f"{measure} of {policy!r}: {error}") from None
            found.append(Estimate(measure, policy, over))
    return tuple(found)
