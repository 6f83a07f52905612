"""Polls: many requests with one asker, one deadline and one waiter."""

from functools import partial
from math import inf
from typing import Any

import trio

from ..mailbox import MailboxFull
from ._asking import accept, expire, inherited_deadline
from ._awake import AWAKE
from ._deadlines import Deadline
from ._request import Asked, check_cycle
from ._runner import RUNNERS
from ._slot import Slot
from ._turn_gate import lending


class Poll:
    """Hold the requests that one task waits for together.

    Why one waiter? A task for each request costs more than all else about it. Here an answer counts down, and the last one wakes the task; so
    does the first error, unless errors are among what is wanted. What has not been answered when the task goes on is abandoned there, not where
    the error came from: that may be in the middle of an actor's last step.
    """

    __slots__ = ("asker", "asks", "failed", "is_parked", "left", "returns_errors", "task")

    def __init__(self, *, returns_errors: bool) -> None:
        self.task = trio.lowlevel.current_task()
        runner = RUNNERS.get(self.task)
        #: the slot whose own turn this is.
        self.asker: Slot | None = None if runner is None else runner.slot
        self.returns_errors = returns_errors
        self.asks: list[Asked] = []
        #: how many have neither an answer nor an error.
        self.left = 0
        #: the one whose error ends it all.
        self.failed: Asked | None = None
        self.is_parked = False

    def take(self, asked: Asked) -> None:
        """Count an answer or error, and see whether it is what the task waits for. Plain."""
        self.left -= 1
        error = asked.error
        if self.left and error is None:
            return
        if error is not None and self.failed is None and not (self.returns_errors and isinstance(error, Exception)):
            self.failed = asked
        if self.is_parked and (self.failed is not None or not self.left):
            self.is_parked = False
            trio.lowlevel.reschedule(self.task, AWAKE)

    async def ask(self, timeout: float | None) -> list[Any]:
        """Send all that is not refused yet, and wait; return answers and errors in order. Raises the error that ends it. Checkpoint: always."""
        try:
            return await self._ask(timeout)
        finally:
            self.asks.clear()  # they know it, and would have to be found by the garbage collector

    async def _ask(self, timeout: float | None) -> list[Any]:
        asker = self.asker
        if asker is None:
            await self._send_and_wait(timeout)
        else:
            targets = {asked.target: asked.message for asked in reversed(self.asks) if not asked.done}
            for slot, message in targets.items():
                check_cycle(asker, slot, message)
            async with lending():
                asker.get_more().poll = self
                try:
                    await self._send_and_wait(timeout)
                finally:
                    asker.get_more().poll = None
        return self._outcome()

    async def _send_and_wait(self, timeout: float | None) -> None:
        deadline = self._add_deadline(timeout)
        scope = trio.CancelScope()
        if deadline is not None and not deadline.is_listed:
            scope.deadline = deadline.when
        try:
            self._send(deadline)
            if self.left and self.failed is None:
                self.is_parked = True
                with scope:
                    await trio.lowlevel.wait_task_rescheduled(partial(self._abort, deadline))
            else:
                self._abandon_rest()
                await trio.lowlevel.checkpoint()
        finally:
            if deadline is not None:
                deadline.cancel()
            self._abandon_rest()

    def _add_deadline(self, timeout: float | None) -> Deadline | None:
        """Bound it; where several trees are asked not in a list, as the list of one that has ended meanwhile does not fire any more."""
        due = inf if self.asker is None else inherited_deadline(self.asker)
        if not self.asks or (timeout is None and due == inf):
            return None
        now = trio.current_time()
        if timeout is not None:
            due = min(due, now + timeout)
        label, expiry = f"ask_many of {len(self.asks)}", partial(self._expire, due - now)
        deadlines = self.asks[0].target.runtime.deadlines
        if all(asked.target.runtime.deadlines is deadlines for asked in self.asks):
            return deadlines.add(due, expiry, label)
        return Deadline(deadlines, due, expiry, label)

    def _send(self, deadline: Deadline | None) -> None:
        """Put all into their mailboxes, or into the line at the door of a full one, in order, up to the first error. Plain."""
        for asked in self.asks:
            if asked.done:
                continue
            if deadline is not None:
                asked.deadline = deadline
            slot = asked.target
            if slot.fast or not slot.box.would_wait(asked):
                try:
                    accept(slot, asked)
                except MailboxFull as error:
                    asked.fail(error)
            else:
                slot.box.queue_at_door(asked)
                if slot.idle:
                    slot.runtime.wake(slot)  # full of mail that asks for no turn: it has to make room
            if self.failed is not None:
                return

    @trio.lowlevel.enable_ki_protection
    def _expire(self, seconds: float) -> None:
        """Tell the asker that the time of all that is open is over. Plain."""
        for asked in self.asks:
            expire(asked, seconds)
            if self.failed is not None:
                return

    @trio.lowlevel.enable_ki_protection
    def _abort(self, deadline: Deadline | None, _raise_cancel: Any) -> trio.lowlevel.Abort:
        self.is_parked = False
        if (
            deadline is not None
            and not deadline.is_listed
            and deadline.action is not None
            and trio.current_time() >= deadline.when
        ):
            deadline.action()
        self._abandon_rest()
        return trio.lowlevel.Abort.SUCCEEDED

    def _abandon_rest(self) -> None:
        if self.left:
            for asked in self.asks:
                if not asked.done:
                    asked.abandon()

    def _outcome(self) -> list[Any]:
        failed = self.failed
        if failed is not None:
            assert failed.error is not None
            try:
                raise failed.error
            finally:
                for asked in self.asks:
                    asked.error = None  # no cycle of error, traceback and this frame
        if self.returns_errors:
            return [asked.value if asked.error is None else asked.error for asked in self.asks]
        return [asked.value for asked in self.asks]
