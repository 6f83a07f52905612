"""Intervals: what some values, one for each seed, say about the mean over all seeds."""

import math
from collections.abc import Iterable

from attrs import frozen

from ._student import quantile

#: How sure an interval is, unless another is asked for.
CONFIDENCE = 0.95


@frozen
class Interval:
    """Be a mean over seeds, and where the true one lies.

    `low` and `high` are None where fewer than two values are there: one seed says nothing of how much seeds differ.
    """

    # nan when there is no value at all.
    mean: float
    low: float | None
    high: float | None
    # Of all values.
    least: float
    most: float
    # How many values there are, and how many seeds have none (nan), as there was nothing to take a mean of.
    count: int
    missing: int

    @property
    def half(self) -> float | None:
        """Get half the width, or None."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def interval(
    values: Iterable[float], *, confidence: float = CONFIDENCE, floor: float = -math.inf, ceiling: float = math.inf
) -> Interval:
    """Return the mean of independent values with its confidence interval, by Student's t.

    Args:
        values: one for each seed; nan is none, and is counted as missing.
        confidence: how often such an interval holds the true mean, above 0 and below 1.
        floor: what the true mean cannot be below; the interval is cut there.
        ceiling: what it cannot be above.

    Raises:
        ValueError: a value is infinite, or the confidence is none.
    """
    check_confidence(confidence)
    given = list(values)
    there = [value for value in given if not math.isnan(value)]
    if any(math.isinf(value) for value in there):
        raise ValueError("a value is infinite: no mean can be taken; give nan for what could not be measured")
    count, missing = len(there), len(given) - len(there)
    if not there:
        return Interval(math.nan, None, None, math.nan, math.nan, 0, missing)
    least, most = min(there), max(there)
    # Equal values have themselves as their mean; a quotient of sums might be another float.
    mean = least if least == most else math.fsum(there) / count
    if count == 1:
        return Interval(mean, None, None, least, most, count, missing)
    half = quantile(confidence, count - 1) * standard_error(there, mean)
    return Interval(mean, max(mean - half, floor), min(mean + half, ceiling), least, most, count, missing)


def standard_error(values: list[float], mean: float) -> float:
    """Return the standard error of a mean of two values or more."""
    squares = math.fsum((value - mean) * (value - mean) for value in values)
    return math.sqrt(squares / (len(values) - 1) / len(values))


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that is none, with ValueError."""
    given: object = confidence
    if not isinstance(given, (int, float)) or not 0 < given < 1:
        raise ValueError(f"confidence: {confidence!r} is not above 0 and below 1; 0.95 is usual")
