"""The clock of a run: time passes when nothing else can happen, or when a schedule says so."""

from collections.abc import Callable
from math import inf
from typing import Final

import trio

#: Seconds of real time that a run may wait for a thread, a socket or another process, while nothing else happens.
PATIENCE: Final = 30.0


class GivenUp(BaseException):
    """Leave a Trio run whose tasks do not end, whatever is done to them."""


class VirtualClock(trio.abc.Clock):
    """Stand still until somebody sets it.

    Trio's loop asks it for the time in each of its rounds, and how long to wait where no task can go on. So it is from here that a run is left which
    was ended and does not end: nothing else is sure to be called.

    Attributes:
        now: seconds since the run began.
        is_held: Trio is told that no time has come yet: it is in the middle of a batch, where it would not look for timers.
        rounds: how many rounds are left to a run that was ended; None while it goes on.
        last_wait: called where no task of such a run can go on; returns the seconds of real time to wait, or raises `GivenUp`.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.is_held = False
        self.rounds: int | None = None
        self.last_wait: Callable[[], float] = float

    def start_clock(self) -> None:
        """Do nothing: it does not run."""

    def current_time(self) -> float:
        """Return the time that was set, in seconds since the run began."""
        if self.rounds is not None:
            self.rounds -= 1
            if self.rounds < 0:
                raise GivenUp
        return -inf if self.is_held else self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Let Trio wait for what comes from outside, and no longer than a run's patience lasts."""
        if self.rounds is not None:
            return self.last_wait()
        return 0.0 if deadline <= self.now else PATIENCE
