"""Signs of life of a long search."""

from collections.abc import Callable
from time import monotonic


class Pulse:
    """Say now and then how far a search is.

    Args:
        schedules: how many it has before it; None if that is not known.
        show: what takes each line.
        every: seconds between two of them.
    """

    def __init__(self, schedules: int | None, show: Callable[[str], None], every: float) -> None:
        self._schedules, self._show, self._every = schedules, show, every
        self._begun = self._last = monotonic()

    def beat(self, number: int) -> None:
        """Hear of a schedule that has been tried."""
        now = monotonic()
        if now - self._last >= self._every:
            self._last = now
            rate = number / (now - self._begun)
            of = "" if self._schedules is None else f" of {self._schedules:,}"
            self._show(f"schedule {number:,}{of}, {rate:,.0f} each second")
