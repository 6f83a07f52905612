"""A row of the table: a goal, what was measured, and whether that is enough."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen
class Row:
    """Hold one row.

    Attributes:
        name: of what is promised.
        goal: in words.
        measured: in words.
        reached: how much of the goal was reached: 1 is just all of it, 2 twice as good; 0 where one failure is too many and there was one.
        facts: all figures behind it.
    """

    name: str
    goal: str
    measured: str
    reached: float
    facts: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen
class Effort:
    """Say how much to measure: in full, or a short form that tells whether the script works and not how good the kit is."""

    programs: int = 10_000
    replays: int = 1_000
    seeds: int = 20
    trials: int = 100
    limit: int = 2_000
    rounds: int = 5
    histories: int = 100_000
    sweeps: int = 200


SHORT = Effort(100, 40, 2, 3, 300, 1, 1_000, 5)

Measure = Callable[[Effort], list[Row]]


def all_or_nothing(good: int, of: int) -> float:
    """Return 1 if all are good, else 0: of these one is too many."""
    return float(good == of)
