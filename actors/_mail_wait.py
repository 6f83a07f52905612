"""Waiting for mail or reports, from within an actor, and taking none."""

from typing import Any

import trio

from ..mailbox import watched
from ._passage import NO_ORDER
from ._reports import ReportLog, log_of
from ._slot import Slot
from ._turn_gate import lending


def may_come(slot: Slot) -> bool:
    """Return whether mail is still taken in."""
    return slot.order is NO_ORDER and slot.reason is None and slot.box.is_open


def _is_there(slot: Slot, log: ReportLog) -> bool:
    """Return whether something can be taken."""
    return slot.box.waiting > 0 or len(log) > 0


class _MailWait:
    """Be told of all that may end the wait, and wake the task for it."""

    __slots__ = ("_slot", "_task")

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._task: trio.lowlevel.Task | None = None

    def notify(self, _change: Any) -> None:
        """Hear of a change of the slot."""
        if not may_come(self._slot):
            self.wake()

    def end(self) -> None:
        """Hear that the slot is gone."""
        self.wake()

    def wake(self) -> None:
        """Let the task look. Plain."""
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    async def park(self) -> None:
        """Wait. Checkpoint: always. Cancellation: leaves nothing."""

        def abort(_raise_cancel: Any) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(abort)


async def wait_for_mail(slot: Slot, timeout: float | None) -> bool:
    """Wait until mail or a report is there to be taken; False if the time is over first, or none can come. Checkpoint: always."""
    seconds = slot.runtime.wait_bounds.clamp("ctx.wait_for_mail", timeout)
    await trio.lowlevel.checkpoint_if_cancelled()
    log = log_of(slot)
    wait = _MailWait(slot)
    more = slot.get_more()
    if more.observers is None:
        more.observers = {}
    observers = more.observers
    observers[wait] = None
    try:
        if not _is_there(slot, log):
            async with lending():
                with watched(slot.box, wait.wake), log.watched(wait.wake), trio.move_on_after(seconds):
                    while not _is_there(slot, log) and may_come(slot):
                        await wait.park()
    finally:
        observers.pop(wait, None)
    there = _is_there(slot, log)
    await trio.lowlevel.cancel_shielded_checkpoint()
    return there
