"""Backoff: how long a child waits between attempts to start it again. Pure: chance is an argument."""

from math import inf
from typing import Final

import attrs

from ..actors import InvalidSpec
from ..mailbox import is_count, is_seconds, shown

LARGEST_FACTOR: Final = 1e6


@attrs.frozen
class Backoff:
    """Wait longer and longer between attempts: the first restart is immediate, the second comes after `initial` seconds, and so on.

    A child with a backoff is in no restart log: what bounds it is `max_attempts`.

    Args:
        initial: seconds before the second attempt in a row; above 0.
        maximum: seconds that it never waits longer than; at least `initial`.
        factor: by which each wait is longer than the one before; from 1.
        jitter: how far chance moves each wait, as a part of it (0.2: up to 20 % either way), before `maximum` caps it; from 0 to 1.
        reset_after: seconds of being ready after which the next failure is the first again; None means `maximum`.
        max_attempts: attempts in a row, at most; over it, the child is given up. None: any number.

    Raises:
        InvalidSpec: all that is out of range, in one text.

    Source: Akka's BackoffSupervisor (minBackoff, maxBackoff, randomFactor, resetBackoff).
    """

    initial: float
    maximum: float
    factor: float = attrs.field(default=2.0, kw_only=True)
    jitter: float = attrs.field(default=0.0, kw_only=True)
    reset_after: float | None = attrs.field(default=None, kw_only=True)
    max_attempts: int | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Check the numbers."""
        problems: list[str] = []
        if not is_seconds(self.initial, above_zero=True):
            problems.append(f"initial: {shown(self.initial)} is not a finite number of seconds above 0")
        if not is_seconds(self.maximum, above_zero=True):
            problems.append(f"maximum: {shown(self.maximum)} is not a finite number of seconds above 0")
        elif not problems and self.maximum < self.initial:
            problems.append(f"maximum: {self.maximum:g} is less than initial, {self.initial:g}")
        if not is_seconds(self.factor) or not 1 <= self.factor <= LARGEST_FACTOR:
            problems.append(f"factor: {shown(self.factor)} is not a number from 1 to {LARGEST_FACTOR:g}")
        if not is_seconds(self.jitter) or self.jitter > 1:
            problems.append(f"jitter: {shown(self.jitter)} is not a number from 0 to 1")
        if self.reset_after is not None and not is_seconds(self.reset_after):
            problems.append(
                f"reset_after: {shown(self.reset_after)} is not a finite number of seconds from 0; None means maximum"
            )
        if self.max_attempts is not None and not is_count(self.max_attempts, least=0):
            problems.append(
                f"max_attempts: {shown(self.max_attempts)} is not a whole number from 0; None means any number of attempts"
            )
        if problems:
            raise InvalidSpec("; ".join(f"Backoff.{problem}" for problem in problems))

    @property
    def resets_after(self) -> float:
        """Seconds of being ready after which attempts are counted anew."""
        return self.maximum if self.reset_after is None else self.reset_after

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait before an attempt, counted in a row from 1. `chance` is from 0 to 1; 0.5 moves nothing."""
        if attempt <= 1:
            return 0.0
        try:
            wait = self.initial * float(self.factor) ** (attempt - 2)
        except OverflowError:
            wait = inf
        return min(self.maximum, wait * (1 + self.jitter * (2 * chance - 1)))
