"""Deadlines: one list for all timeouts and timers of a tree, and one task that sleeps.

Why not a cancel scope each? Opening one costs as much as the rest of an ask. Here a timeout is a heap entry. The sleeper's alarm never stands
later than the earliest entry that is still wanted.

It may stand earlier, as moving an alarm costs half as much as an ask: an answered ask leaves it where it is, the next one is due later
anyway, and at worst the sleeper wakes once for nothing. Not where a clock may jump: there an answered ask moves it on, so that the clock
never jumps to a deadline that nobody waits for.

A *chore* is housekeeping: nobody waits for it. An explorer of schedules is told of it, so that a run in which only chores are left is stuck.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

import trio

from ..mailbox import Choices


class Deadline:
    """Stand for something due; `cancel()` calls it off, any number of times."""

    __slots__ = ("_list", "action", "is_chore", "is_listed", "label", "when")

    def __init__(
        self, deadlines: "Deadlines", when: float, action: Callable[[], None], label: str, *, is_chore: bool = False
    ) -> None:
        self._list = deadlines
        self.when = when
        self.action: Callable[[], None] | None = action
        self.label = label
        self.is_chore = is_chore
        #: False for a chore that an explorer holds.
        self.is_listed = False

    @property
    def is_wanted(self) -> bool:
        """False once it was called off, or has fired."""
        return self.action is not None

    def come_due(self) -> None:
        """Put a chore among what is due (an explorer of schedules does)."""
        self._list._enter(self)  # noqa: SLF001 -- one idea in two classes

    def cancel(self) -> None:
        """Make it never fire. It lets go of what it would have called."""
        if self.action is not None:
            self.action = None
            if self.is_listed:
                self._list._called_off(self)  # noqa: SLF001 -- one idea in two classes


class Deadlines:
    """Call plain functions when their time has come, in order of time and then of entry."""

    def __init__(self, choices: Choices | None = None, *, may_jump: bool = True) -> None:
        self._may_jump = may_jump
        #: what the sleeper's scope has as its deadline.
        self._alarm = inf
        self._heap: list[tuple[float, int, Deadline]] = []
        self._count = 0
        self._dead = 0
        self._scope: trio.CancelScope | None = None
        self._choices = choices

    def __len__(self) -> int:
        """Count what is still wanted, without the chores."""
        return sum(1 for _, _, entry in self._heap if entry.is_wanted and not entry.is_chore)

    def add(self, when: float, action: Callable[[], None], label: str = "") -> Deadline:
        """Call `action()` at `when` (Trio's clock), from the sleeper's task; it must not raise and cannot wait."""
        deadline = Deadline(self, when, action, label)
        self._enter(deadline)
        return deadline

    def add_chore(self, when: float, action: Callable[[], None], label: str) -> Deadline:
        """As `add`, for housekeeping: where schedules are explored, time does not pass for its sake."""
        deadline = Deadline(self, when, action, label, is_chore=True)
        if self._choices is None:
            self._enter(deadline)
        else:
            self._choices.chore(deadline)
        return deadline

    def _enter(self, deadline: Deadline) -> None:
        deadline.is_listed = True
        self._count += 1
        heappush(self._heap, (deadline.when, self._count, deadline))
        if deadline.when < self._alarm:
            self._wake_at(deadline.when)

    def _called_off(self, deadline: Deadline) -> None:
        heap = self._heap
        self._dead += 1
        if heap and heap[0][2] is deadline:
            self._prune()
            if self._may_jump:
                self._wake_at(heap[0][0] if heap else inf)
        elif self._dead > 64 and self._dead * 2 > len(heap):  # noqa: PLR2004 -- at least half of a heap worth the work
            self._heap = [entry for entry in heap if entry[2].action is not None]
            heapify(self._heap)
            self._dead = 0

    def _wake_at(self, when: float) -> None:
        self._alarm = when
        if self._scope is not None:
            self._scope.deadline = when

    def _prune(self) -> None:
        heap = self._heap
        while heap and heap[0][2].action is None:
            heappop(heap)
            self._dead -= 1

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Sleep and call, until cancelled."""
        while True:
            self._prune()
            self._alarm = self._heap[0][0] if self._heap else inf
            with trio.CancelScope(deadline=self._alarm) as self._scope:
                await trio.sleep_forever()
            self._scope = None
            await self._fire_due()

    async def _fire_due(self) -> None:
        now = trio.current_time()
        choices = self._choices
        while True:
            self._prune()
            heap = self._heap
            if not heap or heap[0][0] > now:
                return
            if choices is None:
                due = heappop(heap)[2]
            else:
                candidates = sorted(entry for entry in heap if entry[0] <= now and entry[2].action is not None)
                index = choices.pick("deadline", [entry[2].label for entry in candidates]) if len(candidates) > 1 else 0
                entry = candidates[index]
                heap.remove(entry)
                heapify(heap)
                due = entry[2]
            action, due.action = due.action, None
            if action is not None:
                action()
            if choices is not None:
                await trio.lowlevel.checkpoint()
