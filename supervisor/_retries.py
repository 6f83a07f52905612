"""Retries: when children are started again that wait for their backoff. Plain functions; the timers die with their supervisor."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from ..actors import RESTARTING, Slot

if TYPE_CHECKING:
    from ..actors import Deadline


class Retries:
    """Hold the timers of one supervisor's children."""

    __slots__ = ("_due", "_launch")

    def __init__(self, launch: Callable[[Slot], None]) -> None:
        self._launch = launch
        self._due: dict[int, Deadline] = {}

    def add(self, child: Slot, delay: float) -> None:
        """Have a child, whose incarnation is about to end, started again after some seconds."""
        runtime = child.runtime
        self._due[child.uid] = runtime.deadlines.add(
            runtime.now() + delay, partial(self._come_due, child, child.incarnation + 1), f"restart of {child.name}"
        )

    @trio.lowlevel.enable_ki_protection
    def _come_due(self, child: Slot, incarnation: int) -> None:
        self._due.pop(child.uid, None)
        if child.life is RESTARTING and child.incarnation == incarnation:
            self._launch(child)

    def call_off(self, child: Slot) -> None:
        """Let nothing come of it."""
        due = self._due.pop(child.uid, None) if self._due else None
        if due is not None:
            due.cancel()

    def when(self, child: Slot) -> float | None:
        """Return when a child is due, on Trio's clock; None if it is not."""
        due = self._due.get(child.uid)
        return None if due is None else due.when
