"""Restart intensity: how many restarts in how much time are too many. Pure: time is an argument."""

from collections import deque

import attrs

from ..actors import InvalidSpec, OwnIntensity
from ..mailbox import is_count, is_seconds, shown


@attrs.frozen
class Intensity:
    """Allow at most `max_restarts` restarts within `within` seconds (as OTP's intensity and period).

    Args:
        max_restarts: from 0; 0 means that the first failure is one too many.
        within: seconds, above 0.

    Raises:
        InvalidSpec: all that is out of range, in one text.
    """

    max_restarts: int = 3
    within: float = attrs.field(default=5.0, kw_only=False)

    def __attrs_post_init__(self) -> None:
        """Check the numbers."""
        problems: list[str] = []
        if not is_count(self.max_restarts, least=0):
            problems.append(f"max_restarts: {shown(self.max_restarts)} is not a whole number from 0")
        if not is_seconds(self.within, above_zero=True):
            problems.append(f"within: {shown(self.within)} is not a finite number of seconds above 0")
        if problems:
            raise InvalidSpec("; ".join(f"Intensity.{problem}" for problem in problems))


OwnIntensity.kind = Intensity


@attrs.frozen
class Recent:
    """Say how many restarts count at a moment: of at most `most` (None: any number) `within` seconds; infinity where they are attempts in a row."""

    count: int
    most: int | None
    within: float


class RestartLog:
    """Count restarts in a sliding window."""

    __slots__ = ("_times", "_uids", "intensity")

    def __init__(self, intensity: Intensity) -> None:
        self.intensity = intensity
        self._times: deque[float] = deque()
        #: whose each of them was; only those who look want to know.
        self._uids: deque[int] = deque()

    def add(self, now: float, uid: int = 0) -> bool:
        """Log a restart; False if it is one too many."""
        times = self._times
        times.append(now)
        self._uids.append(uid)
        while now - times[0] >= self.intensity.within:
            times.popleft()
            self._uids.popleft()
        return len(times) <= self.intensity.max_restarts

    def recent(self, now: float, uid: int | None = None) -> Recent:
        """Count those in the window that ends now, of all children or of one. Reads, and changes nothing."""
        within = self.intensity.within
        both = zip(self._times, self._uids, strict=True)
        count = sum(1 for when, whose in both if now - when < within and uid in (None, whose))
        return Recent(count, self.intensity.max_restarts, within)

    def __len__(self) -> int:
        """Count those in the window, as of the last one."""
        return len(self._times)
