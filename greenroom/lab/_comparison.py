"""Comparisons: whether two policies differ, seed by seed.

All policies have the same seeds, and what does not depend on the policy (arrivals, crashes, outages) is the same for each (common random numbers). So
the difference is taken within each seed, where luck cancels out, and it is the differences that are tested: the paired t-test.

    difference of the means  ──  p, by Student's t  ──  corrected for how many comparisons there are (Holm)  ──  verdict

Who looks at twenty comparisons finds one of them "significant" by luck alone. Holm's correction keeps the probability of even one wrong verdict among
all of them below 1 - confidence, whatever depends on what.

Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
"""

import math
from collections.abc import Sequence
from typing import Literal

from attrs import evolve, frozen

from ._interval import CONFIDENCE, Interval, check_confidence, interval, standard_error
from ._student import within
from ._trial import Results
from ._units import check_names, figure, signed, telling

Verdict = Literal["higher", "lower", "not significant", "equal", "one seed", "no value"]
"""What a comparison says of the policy, next to the baseline.

`higher` and `lower` are significant; `equal` is the same number in every seed; `one seed` and `no value` are no test at all.
"""


@frozen
class Comparison:
    """Compare a policy with the baseline, by one measure."""

    measure: str
    baseline: str
    policy: str
    # The policy's value less the baseline's, over the seeds in which both have one; its interval is for this comparison alone.
    difference: Interval
    # The probability of so large a difference if there were none, by itself and corrected for all comparisons; None without a test.
    p: float | None
    corrected: float | None
    verdict: Verdict

    @property
    def is_significant(self) -> bool:
        """Whether the policies differ, as far as can be said."""
        return self.verdict in ("higher", "lower")

    def __str__(self) -> str:
        """Say it in a sentence."""
        pair = f"{self.measure}: {self.policy!r} and {self.baseline!r}"
        by, count = self.difference, self.difference.count
        match self.verdict:
            case "no value":
                return f"{pair} cannot be compared: no seed has a value for both"
            case "one seed":
                return f"{pair} differ by {signed(self.measure, by.mean)} in one seed, which says nothing of others"
            case "equal":
                return f"{pair} are equal in each of {count} seeds"
            case "not significant":
                return f"{pair} show no significant difference: {self._figures()}"
            case _:
                return f"{self.measure}: {self.policy!r} is {self.verdict} than {self.baseline!r}: {self._figures()}"

    def _figures(self) -> str:
        by = self.difference
        assert self.corrected is not None
        if by.least == by.most:
            return f"{signed(self.measure, by.mean)} in each of {by.count} seeds (by their signs, {told_p(self.corrected)})"
        return f"{signed(self.measure, by.mean)} ({self.spread}; {told_p(self.corrected)}, {by.count} seeds)"

    @property
    def spread(self) -> str:
        """Get the interval of the difference as one reads it; empty if there is none."""
        by = self.difference
        if by.low is None or by.high is None or by.least == by.most:
            return ""
        return f"{signed(self.measure, by.low, unit=False)} to {signed(self.measure, by.high)}"


def compare(
    results: Results,
    *,
    baseline: str | None = None,
    measures: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> tuple[Comparison, ...]:
    """Compare every policy with the baseline, by every measure; the correction is for all that are returned.

    Differences that are the same in each seed, and not 0, have no spread for Student's t; they are tested by their signs alone.

    Args:
        results: of an experiment.
        baseline: a policy; the first, unless another is named.
        measures: their names; those that tell anything about this experiment, unless others are named.
        confidence: above 0 and below 1.

    Returns:
        the comparisons, by measure, and then by policy in the order of the experiment; none when there is one policy.

    Raises:
        ValueError: a name that is unknown, a confidence that is none, or a measure that is infinite.
    """
    check_confidence(confidence)
    check_names("baseline", [] if baseline is None else [baseline], results.policies)
    base = baseline if baseline is not None else results.policies[0]
    found = [
        _compared(results, base, policy, measure, confidence)
        for measure in telling(results, measures)
        for policy in results.policies
        if policy != base
    ]
    corrected = iter(correct([each.p for each in found if each.p is not None]))
    return tuple(each if each.p is None else _judged(each, next(corrected), confidence) for each in found)


def correct(probabilities: Sequence[float]) -> list[float]:
    """Return probabilities corrected by Holm's procedure, in the same order."""
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    corrected = [1.0] * len(probabilities)
    least = 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, probabilities[index] * (len(probabilities) - rank)))
        corrected[index] = least
    return corrected


def told_p(p: float) -> str:
    """Return a probability as one reads it."""
    return "p < 0.001" if p < 0.001 else f"p = {figure(p)}"  # noqa: PLR2004 -- by the custom of the field


def _compared(results: Results, base: str, policy: str, measure: str, confidence: float) -> Comparison:
    ours, theirs = ({trial.seed: trial.measures[measure] for trial in results.of(name)} for name in (policy, base))
    differences = [ours[seed] - theirs[seed] for seed in results.seeds if seed in ours and seed in theirs]
    try:
        difference = interval(differences, confidence=confidence)
    except ValueError:
        raise ValueError(
            f"{measure} of {policy!r} or {base!r} is infinite in a seed: they cannot be compared"
        ) from None
    verdict: Verdict = "no value" if not difference.count else "one seed" if difference.count == 1 else "equal"
    p = _probability(differences, difference)
    return Comparison(measure, base, policy, difference, p, None, verdict)


def _probability(differences: Sequence[float], difference: Interval) -> float | None:
    """Return how likely so large a difference is if there is none; None if that cannot be said."""
    count = difference.count
    if count < 2:  # noqa: PLR2004
        return None
    if difference.least == difference.most:
        return math.ldexp(1.0, 1 - count) if difference.mean else 1.0
    error = standard_error([value for value in differences if not math.isnan(value)], difference.mean)
    # So little spread that it is rounded to nothing is as good as none.
    return max(0.0, 1.0 - within(abs(difference.mean) / error, count - 1)) if error else math.ldexp(1.0, 1 - count)


def _judged(comparison: Comparison, corrected: float, confidence: float) -> Comparison:
    by = comparison.difference
    verdict: Verdict = "higher" if by.mean > 0 else "lower"
    if by.least == by.most == 0:
        verdict = "equal"
    elif corrected >= 1 - confidence:
        verdict = "not significant"
    return evolve(comparison, corrected=corrected, verdict=verdict)
