"""The agenda: all that is to happen to a tree in a trial, in order of time and then of entry."""

from collections.abc import Callable

import trio

from ..actors._deadlines import Deadline, Deadlines


class Agenda:
    """Call plain functions at their times, as long as `run` runs: by a list as the one on which the runtime's own timeouts stand."""

    def __init__(self) -> None:
        self._deadlines = Deadlines()
        self._clock: Callable[[], float] = float

    def now(self) -> float:
        """Return the time of the trial, in seconds."""
        return self._clock()

    def begin(self) -> None:
        """Go by the clock of the Trio run that this is called in."""
        self._clock = trio.lowlevel.current_clock().current_time

    def at(self, when: float, action: Callable[[], None]) -> Deadline:
        """Call it then; what is returned can be cancelled."""
        return self._deadlines.add(when, action)

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        await self._deadlines.run()
