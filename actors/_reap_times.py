"""When the reaper looks, and what it looks for."""

import attrs


@attrs.frozen
class ReapTimes:
    """Say how often the reaper has a round, what is overdue and what is old; all in seconds.

    Attributes:
        every: between two rounds; None: there is no reaper.
        stale_after: in a passing state, after which a child is overdue; None: none ever is.
        retention: after its end, for which an actor's record is kept; None: as long as the tree.
    """

    every: float | None = 1.0
    stale_after: float | None = None
    retention: float | None = 3_600.0
