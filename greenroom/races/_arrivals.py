"""Arrivals: in which order Trio takes tasks for ready, and when it looks for timers. Watched where the order of a run is held against Trio's own."""

import sys
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, Final

import trio
from trio._core import _run

from ._clock import VirtualClock
from ._order import Ready, TrioOrder
from ._stepper import Stepper, Task

#: Frames between Trio's word that a task is ready and whatever made it so.
_FAR: Final = 12


def _codes() -> frozenset[CodeType]:
    """Return the functions of Trio that wake several tasks in the order of a set, which is none."""
    status = getattr(_run, "CancelStatus", None)
    deadlines = getattr(_run, "Deadlines", None)
    found = (trio.Event.set, getattr(status, "recalculate", None), getattr(deadlines, "expire", None))
    return frozenset(code for each in found if (code := getattr(each, "__code__", None)) is not None)


_OF_SETS: Final = _codes()


class Arrivals(trio.abc.Instrument):
    """Number the tasks of a stepper as they become ready; and keep timers back in the middle of a batch, if that is what is asked for.

    Args:
        stepper: whose tasks they are.
        clock: of the run.
        holds: whether to keep them back.
    """

    def __init__(self, stepper: Stepper, clock: VirtualClock, *, holds: bool) -> None:
        self._stepper = stepper
        self._clock = clock
        self._holds = holds
        self._ranks: dict[Task, int] = {}
        self._rank = 0
        #: what has woken the last one, if that may wake several in no order: the frame of a function, which is kept so that no other is taken
        #: for it; or a look of Trio's, for sockets and for whether all are blocked.
        self._waker: object = None
        #: such a look, while it goes on.
        self._look: object = None
        #: of the run that goes on.
        self.order = TrioOrder()

    def begin(self) -> TrioOrder:
        """Return the order of a run that begins."""
        self._ranks.clear()
        self._waker = self._look = None
        self.order = TrioOrder()
        return self.order

    def ready(self, tasks: Sequence[Task]) -> list[Ready]:
        """Return tasks that are held, as what could go."""
        label_of, ranks = self._stepper.label_of, self._ranks
        return [Ready(label_of(task), ranks[task]) for task in tasks]

    def task_scheduled(self, task: Task) -> None:
        """Number a task that has become ready."""
        stepper = self._stepper
        if not stepper.is_shut or task is stepper.let_go:
            return
        waker = _out_of_set() or self._look
        if waker is None or waker is not self._waker:
            self._rank += 1
        self._waker = waker
        self._ranks[task] = self._rank

    def after_io_wait(self, timeout: float) -> None:
        """Hear that Trio is about to look for timers: it does not in the middle of a batch."""
        stepper = self._stepper
        if not stepper.is_shut:
            return
        self._look = object()
        if self._holds:
            self._clock.is_held = stepper.is_amid or stepper.let_go is not None
        elif self.order.is_amid and trio.lowlevel.current_statistics().seconds_to_next_deadline <= 0:
            self.order.look_for_timers(f"step {stepper.steps}")

    def before_io_wait(self, timeout: float) -> None:
        """Let the clock go on."""
        self._clock.is_held = False

    def before_task_step(self, task: Task) -> None:
        """Let the clock go on."""
        self._look = None
        self._clock.is_held = False


def _out_of_set() -> FrameType | None:
    """Return what wakes tasks out of a set just now, the outermost if there are several."""
    found: FrameType | None = None
    frame: Any = sys._getframe(2)  # noqa: SLF001 -- documented, in spite of its name
    for _ in range(_FAR):
        if frame is None:
            break
        if frame.f_code in _OF_SETS:
            found = frame
        frame = frame.f_back
    return found
