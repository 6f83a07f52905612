"""Limits of a tree."""

import attrs

from ..actors import InvalidSpec, ReapTimes, WaitBounds
from ..mailbox import is_count, is_seconds, shown


@attrs.frozen(kw_only=True)
class Limits:
    """Bound a tree.

    Args:
        max_actors: slots that may be there at once, the root included; None means no bound. Refused with `LimitReached`.
        max_depth: how deep a slot may lie below the root, which is at 0. Refused with `LimitReached`.
        max_concurrent_startups: startups that may run at once; further children wait as "queued", first come, first served.
            Children with nothing to start, and children of an actor that is itself starting, take no place.
        max_running_turns: agents that may be in a turn at once. Mail that asks for a turn waits, first come, first served; a direct turn is
            refused with `LimitReached`. A turn that waits in its own task for other actors, for mail or for reports lends its permit meanwhile.
        max_live: agents that may have an incarnation at once, all others rest. For one more, the one is put to rest that was used longest ago and has
            nothing that keeps it; a start for which there is none is refused with `LimitReached`, mail for one that rests waits until there is.
            An agent that waits in its own turn for other actors, for mail or for reports lends its place meanwhile.
        stale_after: seconds in a passing state after which a child is overdue: a snapshot shows it as stale, and the reaper ends it. It is "queued"
            for a launch permit or a place, or "initializing" (then its startup has failed, and its restart type decides), "draining" (then it is
            killed) or "stopping", or its incarnation ends for a rest (then it has no more time). None: never.
        reap_every: seconds between two rounds of the reaper. None: there is none; what is overdue is shown, and goes on.
        retention: seconds for which `Supervisor.ended` tells of an actor that has ended; 0: not at all, None: as long as there is room.
        default_wait: seconds that `ctx.wait` and `ctx.wait_for_mail` wait at most when they are not told.
        min_wait: smaller timeouts are raised to it. max_wait: larger ones are refused.

    Raises:
        InvalidSpec: all numbers out of range, and waits that contradict each other, in one text.
    """

    max_actors: int | None = None
    max_depth: int | None = None
    max_concurrent_startups: int | None = None
    max_running_turns: int | None = None
    max_live: int | None = None
    stale_after: float | None = None
    reap_every: float | None = 1.0
    retention: float | None = 3_600.0
    default_wait: float = 30.0
    min_wait: float = 0.0
    max_wait: float = 3_600.0

    def __attrs_post_init__(self) -> None:
        """Check the numbers."""
        problems: list[str] = []
        for field in ("max_actors", "max_depth", "max_concurrent_startups", "max_running_turns", "max_live"):
            value = getattr(self, field)
            if value is not None and not is_count(value):
                problems.append(f".{field}: {shown(value)} is not a whole number from 1; None means no limit")
        for field in ("stale_after", "reap_every"):
            value = getattr(self, field)
            if value is not None and not is_seconds(value, above_zero=True):
                problems.append(f".{field}: {shown(value)} is not a finite number of seconds above 0; None means never")
        if self.retention is not None and not is_seconds(self.retention):
            problems.append(
                f".retention: {shown(self.retention)} is not a finite number of seconds from 0; None means as long as there is room"
            )
        waits = [
            f".{field}: {shown(getattr(self, field))} is not a finite number of seconds from 0"
            for field in ("default_wait", "min_wait", "max_wait")
            if not is_seconds(getattr(self, field))
        ]
        if not waits and not self.min_wait <= self.default_wait <= self.max_wait:
            waits.append(
                f": min_wait {self.min_wait:g}, default_wait {self.default_wait:g} and max_wait {self.max_wait:g} "
                "contradict each other; give min_wait <= default_wait <= max_wait"
            )
        problems += waits
        if problems:
            raise InvalidSpec("; ".join(f"Limits{problem}" for problem in problems))

    @property
    def wait_bounds(self) -> WaitBounds:
        """The three about waits, as the runtime takes them."""
        return WaitBounds(self.default_wait, self.min_wait, self.max_wait)

    @property
    def reap_times(self) -> ReapTimes:
        """The three about the reaper, as the runtime takes them."""
        return ReapTimes(self.reap_every, self.stale_after, self.retention)
