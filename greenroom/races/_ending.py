"""Ending a run that does not end by itself: its cancellation, what is done where that is not enough, and what is left of it."""

import ctypes
from time import monotonic
from typing import Any, Final

import trio

from ._clock import PATIENCE, GivenUp, VirtualClock
from ._outside import Outside
from ._stepper import Stepper, Task

#: Rounds of Trio's loop that tasks have to end in once they have been cancelled.
ROUNDS: Final = 1_000


class Ending:
    """End the run of a stepper: cancel it, also behind shields; and give it up if that does not end it.

    Args:
        stepper: it has been opened.
        clock: of the run, from which it is given up.
        scope: around all that the scenario has started.
        outside: what the run may still have to wait for: a thread cannot be cancelled.
    """

    def __init__(self, stepper: Stepper, clock: VirtualClock, scope: trio.CancelScope, outside: Outside) -> None:
        self._stepper = stepper
        self._outside = outside
        self._activity = -1
        self._until: float | None = None
        clock.rounds, clock.last_wait = ROUNDS, self._wait
        scope.cancel()
        self._unshield_all()

    def _wait(self) -> float:
        """Return how long to wait for what is still there; no task can go on."""
        if self._activity != self._stepper.activity:
            self._activity = self._stepper.activity
            self._until = None
            self._unshield_all()  # shields that were put up since
            return 0.0
        if self._until is None:
            self._until = monotonic() + PATIENCE
        if not self._outside.is_awaited() or monotonic() > self._until:
            raise GivenUp
        return min(1.0, PATIENCE)

    def _unshield_all(self) -> None:
        for task in self._stepper.tasks:
            _unshield(task)


def _unshield(task: Task) -> None:
    """Take the shields from around a task: what is stuck behind one would never end."""
    status: Any = getattr(task, "_cancel_status", None)
    while status is not None:
        scope: trio.CancelScope = status._scope  # noqa: SLF001 -- Trio has no other way to learn of it
        if scope.shield:
            scope.shield = False
        status = status._parent  # noqa: SLF001


def bury(root: Task) -> None:
    """Keep all that a run has left which was given up, for good: what Python does with it outside of Trio leads to errors without use."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(root))
