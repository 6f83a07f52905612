"""Shrinking: how long it takes to a certified minimum, and whether all seeds and ways of searching end with the same token."""

from collections.abc import Callable, Mapping
from time import process_time
from typing import Any

from greenroom.races import Result
from greenroom.races._decider import Follow
from greenroom.races._run import prepared, run_once
from greenroom.races._search import first_failure
from greenroom.races._shrink import shrink
from greenroom.races.catalogue import CATALOGUE, Bug

from ._row import Effort, Row, all_or_nothing

SECONDS = 2.0
DEVIATIONS = 2
WAYS = ("portfolio", "walk", "pct", "pos")


def rerunner(bug: Bug) -> Callable[[Mapping[int, int]], Result]:
    """Return what runs a bug again under deviations."""
    return lambda deviations: run_once(bug.broken, (), Follow(deviations))


def measure(effort: Effort) -> list[Row]:
    """Shrink the first failure of each seed and way, for each bug."""
    facts: dict[str, Any] = {}
    worst, one_token, certified, small = 0.0, 0, 0, 0
    with prepared():
        for bug in CATALOGUE:
            tokens: set[str] = set()
            times: list[float] = []
            sizes: set[int] = set()
            all_certified = True
            for seed in range(effort.seeds):
                for way in WAYS:
                    failure = first_failure(bug.broken, strategy=way, seed=seed, schedules=effort.limit)  # type: ignore[arg-type]
                    if failure is None:
                        continue
                    begun = process_time()
                    best, _, is_least = shrink(failure[1], rerunner(bug))
                    times.append(process_time() - begun)
                    tokens.add(best.schedule.token)
                    sizes.add(len(best.schedule.deviations))
                    all_certified &= is_least
            facts[bug.name] = {
                "tokens": sorted(tokens),
                "deviations": sorted(sizes),
                "seconds": max(times, default=0.0),
                "certified": all_certified,
            }
            one_token += len(tokens) == 1
            if sizes and min(sizes) <= DEVIATIONS:
                small += 1
                certified += all_certified and len(sizes) == 1
                worst = max(worst, *times)
    return [
        Row(
            "certified minimum", f"of each bug with a minimum of at most {DEVIATIONS} deviations, within {SECONDS:g} s",
            f"{certified} of {small}, the slowest in {worst:.2f} s of processor time",
            all_or_nothing(certified, small) * SECONDS / max(worst, 1e-9), facts,
        ),
        Row(
            "one token for each bug", "whatever the seed and the strategy", f"{one_token} of {len(CATALOGUE)}",
            all_or_nothing(one_token, len(CATALOGUE)),
        ),
    ]  # fmt: skip
