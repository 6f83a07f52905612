"""Pace: how long whoever looks again and again waits after a look, so that the program has its time for itself.

Seconds are of real time, as a slow terminal holds up the program, too.
"""

from collections import deque
from typing import Final

#: How much longer than a look takes the next one waits.
EASE: Final = 20
#: Looks in a row that have to take long until the next one waits for it: a large tree always takes long, a machine that has stood still did so once.
IN_A_ROW: Final = 3


class Pace:
    """Know how long the last looks took."""

    def __init__(self) -> None:
        self._last = deque([0.0] * IN_A_ROW, IN_A_ROW)

    def rest_after(self, took: float) -> float:
        """Return the seconds to wait after a look that took so many."""
        self._last.append(took)
        return EASE * min(self._last)
