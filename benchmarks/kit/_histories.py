"""Histories: the time of a check, and whether it ever says another thing than the plainest way does."""

from collections import Counter

from benchmarks.finding._histories import CLIENTS, GOAL, OPERATIONS, measure_histories
from tests.races.histories import compare

from ._row import Effort, Row, all_or_nothing


def measure(effort: Effort) -> list[Row]:
    """Time the check of large ones, and compare that of many small ones."""
    times = measure_histories(effort.rounds)
    slowest = max(times, key=lambda case: times[case])
    wrong = 0
    verdicts: Counter[str] = Counter()
    for number in range(effort.histories):
        try:
            verdicts[compare(number)] += 1
        except AssertionError:
            wrong += 1
    goal = f"{CLIENTS} clients with {OPERATIONS} operations each in {GOAL:g} ms"
    return [
        Row("linearizability: time", goal, f"{times[slowest]:.1f} ms ({slowest})", GOAL / times[slowest], times),
        Row(
            "linearizability: right", "no disagreement with brute force on 100,000 histories of at most 8 operations",
            f"{wrong} of {effort.histories:,}", all_or_nothing(wrong, 0), dict(verdicts),
        ),
    ]  # fmt: skip
