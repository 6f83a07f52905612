"""The clock of a run: time passes when nothing else can happen, or when a schedule says so."""

from typing import Final

import trio

#: Seconds of real time that a run may wait for a thread, a socket or another process, while nothing else happens.
PATIENCE: Final = 30.0


class VirtualClock(trio.abc.Clock):
    """Stand still until somebody sets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def start_clock(self) -> None:
        """Do nothing: it does not run."""

    def current_time(self) -> float:
        """Return the time that was set, in seconds since the run began."""
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Let Trio wait for what comes from outside, and no longer than a run's patience lasts."""
        return 0.0 if deadline <= self.now else PATIENCE
