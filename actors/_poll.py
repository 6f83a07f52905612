"""Polls: many requests with one asker, one deadline and one waiter."""

from functools import partial
from math import inf
from typing import Any

import trio

from ..mailbox import MailboxFull
from ._asking import accept, accept_bundle, expire, inherited_deadline
from ._awake import AWAKE
from ._bundled import BundledAsks
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

    __slots__ = ("asker", "asks", "deadline", "failed", "is_parked", "left", "returns_errors", "task", "values")

    def __init__(self, *, returns_errors: bool) -> None:
        self.task = trio.lowlevel.current_task()
        runner = RUNNERS.get(self.task)
        #: the slot whose own turn this is.
        self.asker: Slot | None = None if runner is None else runner.slot
        self.returns_errors = returns_errors
        #: in the order in which they are sent, those to one actor together where that is all there is to know of them.
        self.asks: list[Asked | BundledAsks] = []
        #: the requests, in order; each gives its place to its answer or error.
        self.values: list[Any] = []
        self.deadline: Deadline | None = None
        #: how many have neither an answer nor an error.
        self.left = 0
        #: the one whose error ends it all.
        self.failed: Asked | None = None
        self.is_parked = False

    def adopt(self, asked: Asked, place: int) -> None:
        """Have a letter for one of the requests. Plain."""
        asked.poll = self
        asked.place = place
        self.asks.append(asked)

    def put(self, place: int, value: Any) -> None:
        """Count an answer. Plain."""
        self.values[place] = value
        self.left -= 1
        if not self.left:
            self.wake()

    def take(self, asked: Asked) -> None:
        """Count an answer or error, and see whether it is what the task waits for. Plain."""
        self.left -= 1
        error = asked.error
        self.values[asked.place] = asked.value if error is None else error
        if self.left and error is None:
            return
        if error is not None and self.failed is None and not (self.returns_errors and isinstance(error, Exception)):
            self.failed = asked
        if self.failed is not None or not self.left:
            self.wake()

    def wake(self) -> None:
        """Have the task go on, if it waits. Plain."""
        if self.is_parked:
            self.is_parked = False
            trio.lowlevel.reschedule(self.task, AWAKE)

    async def ask(self, timeout: float | None) -> list[Any]:
        """Send all that is not refused yet, and wait; return answers and errors in order. Raises the error that ends it. Checkpoint: always."""
        asker = self.asker
        if asker is None:
            await self._send_and_wait(timeout)
        else:
            targets: dict[Slot, Any] = {}
            for asked in self.asks:
                if not asked.done:
                    targets.setdefault(asked.target, asked.message)
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
        deadline = self.deadline = self._add_deadline(timeout)
        scope = trio.CancelScope()
        if deadline is not None and not deadline.is_listed:
            scope.deadline = deadline.when
        try:
            self._send()
            if self.left and self.failed is None:
                self.is_parked = True
                with scope:
                    await trio.lowlevel.wait_task_rescheduled(self._abort)
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
        label, expiry = f"ask_many of {len(self.values)}", partial(self._expire, due - now)
        deadlines = self.asks[0].target.runtime.deadlines
        if all(asked.target.runtime.deadlines is deadlines for asked in self.asks):
            return deadlines.add(due, expiry, label)
        return Deadline(deadlines, due, expiry, label)

    def _send(self) -> None:
        """Put all into their mailboxes, or into the line at the door of a full one, up to the first error. Plain."""
        asks = [*self.asks]  # those of a bundle that have to be letters come to the end of it
        for each in asks:
            slot = each.target
            if not isinstance(each, BundledAsks):
                self._send_one(each)
            elif slot.fast:
                accept_bundle(slot, each)
            else:
                for asked in each.make_unsent():
                    self._send_one(asked)
            if self.failed is not None:
                return

    def _send_one(self, asked: Asked) -> None:
        if asked.done:
            return
        asked.deadline = self.deadline
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

    def _each(self) -> list[Asked]:
        """Return letters, in the order of the requests: of all that were sent and have no answer, and whatever others there are. Plain."""
        for asked in [*self.asks]:
            if isinstance(asked, BundledAsks):
                asked.make_all()
        return sorted((asked for asked in self.asks if isinstance(asked, Asked)), key=lambda asked: asked.place)

    @trio.lowlevel.enable_ki_protection
    def _expire(self, seconds: float) -> None:
        """Tell the asker that the time of all that is open is over. Plain."""
        for asked in self._each():
            expire(asked, seconds)
            if self.failed is not None:
                return

    @trio.lowlevel.enable_ki_protection
    def _abort(self, _raise_cancel: Any) -> trio.lowlevel.Abort:
        self.is_parked = False
        deadline = self.deadline
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
            for asked in self._each():
                if not asked.done:
                    asked.abandon()

    def let_go(self) -> None:
        """Know nothing any more: letters know this, would have to be found by the garbage collector, and some lie in a mailbox for long. Plain."""
        self.asks.clear()
        self.failed = None
        self.values = []

    def _outcome(self) -> list[Any]:
        failed = self.failed
        if failed is not None:
            assert failed.error is not None
            try:
                raise failed.error
            finally:
                # No cycle of error, traceback and this frame.
                self.values.clear()
                for asked in self.asks:
                    if isinstance(asked, Asked):
                        asked.error = None
        return self.values
