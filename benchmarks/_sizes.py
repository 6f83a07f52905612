"""Sizes that all sides of a workload have in common, whatever its own size."""

from typing import Final

#: How often the token of the ring passes each actor.
LAPS: Final = 100
#: Asks that each actor of the fan gets at once.
ASKS_EACH: Final = 100
#: Seconds that an ask with a timeout would wait; never reached.
TIMEOUT: Final = 60.0


def sum_of_answers(actors: int) -> int:
    """Return what the answers of a fan add up to: each actor counts its asks from 1."""
    return actors * ASKS_EACH * (ASKS_EACH + 1) // 2
