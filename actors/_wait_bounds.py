"""How long an actor may wait for others: the tree's bounds on timeouts."""

import attrs

from ..mailbox import is_seconds
from ._texts import format_seconds


@attrs.frozen
class WaitBounds:
    """Bound the timeouts of `ctx.wait` and `ctx.wait_for_mail`; all in seconds.

    Attributes:
        default: taken when none is given.
        least: smaller ones are raised to it.
        most: larger ones are refused.
    """

    default: float = 30.0
    least: float = 0.0
    most: float = 3_600.0

    def clamp(self, what: str, timeout: float | None) -> float:
        """Return the timeout that counts.

        Raises:
            ValueError: it is no number of seconds, or larger than allowed.
        """
        if timeout is None:
            return self.default
        if not is_seconds(timeout):
            raise ValueError(
                f"{what}: timeout is {timeout!r}; give a finite number of seconds from 0, or None for the default"
            )
        if timeout > self.most:
            raise ValueError(
                f"{what}: timeout is {format_seconds(timeout)}, and Limits.max_wait is {format_seconds(self.most)}; "
                "wait again after a shorter one, or raise the limit"
            )
        return max(float(timeout), self.least)
