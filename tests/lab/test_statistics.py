"""Intervals over seeds and comparisons of policies, on trials that are made by hand."""

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.lab._comparison import compare, correct
from greenroom.lab._estimate import estimate
from greenroom.lab._interval import interval
from greenroom.lab._student import quantile, within
from greenroom.lab._units import MINUS, figure, percent, shown, signed, telling

from .made import results

#: Two-sided values as tables of the distribution have them: degrees of freedom, confidence -> t.
TABLE = {
    (1, 0.95): 12.7062, (2, 0.95): 4.30265, (3, 0.95): 3.18245, (4, 0.95): 2.77645, (5, 0.95): 2.57058,
    (9, 0.95): 2.26216, (10, 0.95): 2.22814, (29, 0.95): 2.04523, (30, 0.95): 2.04227, (120, 0.95): 1.97993,
    (1, 0.99): 63.6567, (2, 0.99): 9.92484, (7, 0.99): 3.49948, (20, 0.99): 2.84534, (60, 0.9): 1.67065,
    (1, 0.5): 1.0, (4, 0.999): 8.61030,
}  # fmt: skip


@pytest.mark.parametrize(("freedom", "confidence"), TABLE)
def test_the_quantiles_of_students_t_are_those_of_the_tables(freedom: int, confidence: float) -> None:
    assert quantile(confidence, freedom) == pytest.approx(TABLE[freedom, confidence], rel=5e-6)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 31, 100])
@pytest.mark.parametrize("t", [0.1, 1.0, 2.5, 7.0])
def test_students_t_is_the_integral_of_its_density(freedom: int, t: float) -> None:
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def density(x: float) -> float:
        return scale * math.pow(1 + x * x / freedom, -(freedom + 1) / 2)

    steps = 2_000  # Simpson's rule
    width = t / steps
    weights = [1, *([4, 2] * (steps // 2 - 1)), 4, 1]
    integral = 2 * width / 3 * math.fsum(weight * density(k * width) for k, weight in enumerate(weights))
    assert within(t, freedom) == pytest.approx(integral, abs=1e-10)


def test_an_interval_is_the_textbooks() -> None:
    found = interval([12.0, 15.0, 11.0, 14.0, 13.0])
    half = 2.776445105 * math.sqrt(2.5) / math.sqrt(5)
    assert found.mean == 13.0
    assert (found.low, found.high) == pytest.approx((13.0 - half, 13.0 + half))
    assert (found.least, found.most, found.count, found.missing) == (11.0, 15.0, 5, 0)


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    rng = random.Random(1)
    held = 0
    for _ in range(2_000):
        found = interval([rng.gauss(5.0, 2.0) for _ in range(6)], confidence=0.9)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 5.0 <= found.high
    # 90 % of 2,000, give or take four standard deviations.
    assert abs(held - 1_800) < 4 * math.sqrt(2_000 * 0.9 * 0.1)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = interval([3.0])
    assert (found.mean, found.low, found.high, found.half) == (3.0, None, None, None)
    [only] = estimate(results({"a": [3.0]}))
    assert (only.mean, only.spread) == ("3", "no interval: one seed")


def test_values_that_are_all_equal_have_an_interval_without_width() -> None:
    found = interval([0.1] * 7)
    assert (found.mean, found.low, found.high) == (0.1, 0.1, 0.1)
    [only] = estimate(results({"a": [0.1] * 7}))
    assert only.spread == "the same in every seed"


def test_what_could_not_be_measured_is_left_out_and_counted() -> None:
    found = interval([1.0, math.nan, 3.0])
    assert (found.mean, found.count, found.missing) == (2.0, 2, 1)
    nothing = interval([math.nan, math.nan])
    assert math.isnan(nothing.mean)
    assert (nothing.low, nothing.count, nothing.missing) == (None, 0, 2)
    assert math.isnan(interval([]).mean)


def test_an_interval_ends_where_the_true_mean_cannot_be() -> None:
    found = interval([0.1, 1.0], floor=0.0, ceiling=1.0)
    assert (found.low, found.high) == (0.0, 1.0)
    [only] = estimate(results({"a": [0.1, 1.0]}, "availability"))
    assert only.spread == "0 to 100 %"


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0, math.nan, "0.95", None])
def test_a_confidence_that_is_none_is_refused(confidence: Any) -> None:
    made = results({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    for refused in (
        lambda: interval([1.0], confidence=confidence),
        lambda: compare(made, confidence=confidence),
        lambda: estimate(made, confidence=confidence),
    ):
        with pytest.raises(ValueError, match=r"^confidence: \S+ is not above 0 and below 1; 0.95 is usual$"):
            refused()


def test_a_measure_that_is_infinite_is_refused_by_name() -> None:
    made = results({"a": [1.0, math.inf], "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"^restarts of 'a': a value is infinite: no mean can be taken"):
        estimate(made)
    with pytest.raises(ValueError, match=r"^restarts of 'b' or 'a' is infinite in a seed: they cannot be compared$"):
        compare(made)


def test_policies_are_compared_seed_by_seed() -> None:
    """Seeds differ by far more than policies; a comparison that does not pair them would see nothing."""
    base = [10.0, 50.0, 20.0, 90.0, 70.0, 30.0]
    better = [value - 2 + 0.1 * (index % 2) for index, value in enumerate(base)]
    [found] = compare(results({"base": base, "better": better}))
    assert found.verdict == "lower"
    assert found.is_significant
    assert found.difference.mean == pytest.approx(-1.95)
    assert str(found).replace(MINUS, "-") == (
        "restarts: 'better' is lower than 'base': -1.95 (-2.01 to -1.89; p < 0.001, 6 seeds)"
    )


def test_a_difference_that_is_not_significant_says_so() -> None:
    [found] = compare(results({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 1.0, 4.0, 3.5]}))
    assert found.verdict == "not significant"
    assert not found.is_significant
    assert str(found).replace(MINUS, "-") == (
        "restarts: 'b' and 'a' show no significant difference: +0.125 (-1.52 to +1.77; p = 0.824, 4 seeds)"
    )


def test_the_probability_is_that_of_the_paired_t_test() -> None:
    # Differences 1, 2, 3, 4, 5: mean 3, standard error sqrt(0.5), t = 4.2426 with 4 degrees of freedom.
    [found] = compare(results({"a": [0.0] * 5, "b": [1.0, 2.0, 3.0, 4.0, 5.0]}))
    assert found.p == pytest.approx(0.013236, abs=5e-6)
    assert found.corrected == found.p


def test_policies_that_are_equal_in_every_seed_are_said_to_be() -> None:
    [found] = compare(results({"a": [1.0, 2.0], "b": [1.0, 2.0]}))
    assert (found.verdict, found.p) == ("equal", 1.0)
    assert str(found) == "restarts: 'b' and 'a' are equal in each of 2 seeds"


def test_a_difference_that_is_the_same_in_every_seed_is_tested_by_its_sign() -> None:
    few, many = ([float(value) for value in range(count)] for count in (4, 12))
    [few_seeds] = compare(results({"a": few, "b": [value + 1 for value in few]}))
    assert (few_seeds.p, few_seeds.verdict) == (2 / 2**4, "not significant")
    assert "+1 in each of 4 seeds (by their signs, p = 0.125)" in str(few_seeds)
    [many_seeds] = compare(results({"a": many, "b": [value + 1 for value in many]}))
    assert (many_seeds.p, many_seeds.verdict) == (2 / 2**12, "higher")


def test_one_seed_and_no_value_are_no_test() -> None:
    [one] = compare(results({"a": [1.0], "b": [5.0]}))
    assert (one.verdict, one.p, one.corrected) == ("one seed", None, None)
    assert str(one) == "restarts: 'b' and 'a' differ by +4 in one seed, which says nothing of others"
    never = math.nan
    nothing = compare(results({"a": [never, 1.0], "b": [2.0, never]}, "recovery mean"))
    assert [each.verdict for each in nothing] == ["no value"]
    assert str(nothing[0]) == "recovery mean: 'b' and 'a' cannot be compared: no seed has a value for both"


def test_seeds_without_a_value_are_left_out_in_pairs() -> None:
    never = math.nan
    [found] = compare(results({"a": [1.0, never, 3.0, 4.0], "b": [2.0, 5.0, never, 6.5]}, "recovery mean"))
    assert (found.difference.count, found.difference.missing) == (2, 2)
    assert found.difference.mean == 1.75


def test_each_policy_is_compared_with_the_baseline_alone() -> None:
    made = results({"a": [1.0, 2.0, 4.0], "b": [2.0, 4.0, 5.0], "c": [9.0, 7.0, 8.0]})
    assert [(each.baseline, each.policy) for each in compare(made)] == [("a", "b"), ("a", "c")]
    assert [(each.baseline, each.policy) for each in compare(made, baseline="b")] == [("b", "a"), ("b", "c")]
    assert compare(results({"a": [1.0, 2.0]})) == ()


def test_unknown_names_are_refused_with_what_was_meant() -> None:
    made = results({"quick": [1.0, 2.0], "slow": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r'^there is no baseline \'quik\'; did you mean "quick"'):
        compare(made, baseline="quik")
    with pytest.raises(ValueError, match=r'^there is no measure \'restart\'; did you mean "restarts"'):
        estimate(made, measures=["restart"])
    with pytest.raises(ValueError, match=r"^there is no measure 'joy'; there is: "):
        compare(made, measures=["joy"])


def test_holms_correction_is_that_of_its_definition() -> None:
    assert correct([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct([0.9, 0.8]) == [1.0, 1.0]
    assert correct([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_corrected_probability_is_no_smaller_keeps_the_order_and_is_no_larger_than_bonferronis(
    given: list[float],
) -> None:
    found = correct(given)
    assert all(p <= each <= min(1.0, p * len(given)) or each == 1.0 for p, each in zip(given, found, strict=True))
    ranked = sorted(zip(given, found, strict=True))
    assert all(before[1] <= after[1] for before, after in pairwise(ranked))


def test_so_many_comparisons_without_a_difference_find_none_but_rarely() -> None:
    """Twelve policies that are all the same: without the correction, about one in two such tables has a "difference"."""
    rng = random.Random(2)
    wrong = uncorrected = 0
    for _ in range(200):
        made = results({f"p{number}": [rng.gauss(0, 1) for _ in range(8)] for number in range(12)})
        found = compare(made)
        wrong += any(each.is_significant for each in found)
        uncorrected += any(each.p is not None and each.p < 0.05 for each in found)
    assert wrong <= 18  # 5 % of 200, and two and a half standard deviations
    assert uncorrected > 50


def test_the_correction_is_for_all_measures_that_are_compared() -> None:
    made = results({"a": [0.0] * 5, "b": [1.0, 2.0, 3.0, 4.0, 5.0]})
    for trial in made.trials:
        trial.measures["lost"] = float(trial.seed % 2)
    found = {each.measure: each for each in compare(made)}
    assert found["restarts"].corrected == pytest.approx(2 * 0.013236, abs=1e-5)
    [alone] = compare(made, measures=["restarts"])
    assert alone.corrected == pytest.approx(0.013236, abs=5e-6)


def test_measures_that_tell_nothing_are_left_out_unless_they_are_named() -> None:
    made = results({"a": [1.0, 2.0]})
    for trial in made.trials:
        trial.measures.update(steps=5.0, asked=7.0)
    assert telling(made) == ("restarts",)
    assert telling(made, ["steps", "lost", "steps"]) == ("steps", "lost")


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("availability", 0.98765, "98.77 %"), ("availability", 0.967, "96.70 %"), ("availability", 1.0, "100 %"),
        ("availability", 0.0, "0 %"), ("availability", 0.9999321, "99.9932 %"), ("availability", 0.00001234, "0.0012 %"),
        ("latency p99", 0.0123456, "0.0123 s"), ("recovery max", 1234.6, "1,235 s"), ("restarts", 1234567.0, "1,234,567"),
        ("restarts", 12.0, "12"), ("lost", 0.0, "0"), ("queued mean", 2.5e-7, f"2.5e{MINUS}07"), ("latency max", math.nan, "none"),
    ],
)  # fmt: skip
def test_values_are_shown_with_the_digits_that_count(measure: str, value: float, text: str) -> None:
    assert shown(measure, value) == text


def test_differences_have_a_sign_and_shares_differ_by_points() -> None:
    assert signed("availability", -0.012) == f"{MINUS}1.20 points"
    assert signed("restarts", 0.0) == "0"
    assert signed("latency mean", 0.5) == "+0.5 s"


@given(st.floats(-1e300, 1e300))
def test_any_number_is_shown(value: float) -> None:
    assert float(figure(value).replace(",", "").replace(MINUS, "-")) == pytest.approx(value, rel=0.006)
    assert percent(abs(value) % 1.0).endswith(" %")
