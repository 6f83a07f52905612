"""Finding and speed: after how many schedules each bug of the catalogue is found, nothing in the twins, and schedules each second."""

from benchmarks.finding._speed import measure as measure_speed
from benchmarks.finding._trials import BUGS, take_all

from ._row import Effort, Row, all_or_nothing

MEAN = 100
RATES = {"hook shared": ("search mode", 3_000), "hook isolated": ("isolated", 1_500)}


def _say_nothing(_done: int, _of: int) -> None:
    pass


def measure(effort: Effort) -> list[Row]:
    """Take the trials of the portfolio, then the speeds."""
    trials = take_all(list(BUGS), ["portfolio"], effort.trials, effort.limit, _say_nothing)
    means = {each.bug: each.mean for each in trials.values()}
    slow = sorted((bug for bug in means if means[bug] > MEAN), key=lambda bug: -means[bug])
    missed = sum(each.missed for each in trials.values())
    wrong = sum(each.in_twin for each in trials.values())
    worst = max(means, key=lambda bug: means[bug])
    text = f"{len(means) - len(slow)} of {len(means)} bugs; the worst mean is {means[worst]:,.0f} ({worst})"
    rates = measure_speed(effort.rounds)
    return [
        Row("finding", f"mean of at most {MEAN} schedules for each bug", text, MEAN / means[worst], means),
        Row(
            "finding: all trials", f"all within {effort.limit:,} schedules", f"{missed} of {effort.trials * len(means):,} missed it",
            all_or_nothing(missed, 0),
        ),
        Row("finding: twins", "nothing", f"{wrong} of {len(means)} twins", all_or_nothing(wrong, 0)),
        *(
            Row(f"speed: {name}", f"at least {goal:,} schedules each second", f"{rates[case]:,.0f}", rates[case] / goal, rates)
            for case, (name, goal) in RATES.items()
        ),
    ]  # fmt: skip
