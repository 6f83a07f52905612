"""Groups: children that are started in order, and those that are restarted together. Plain functions; the children's own tasks do the work.

A *line* launches children one after the other, each after the inline ones before it are ready. A *group* is first stopped, in reverse order, one by
one; then the offender's backoff is waited for; then it is a line. A member whose turn waits for another one is cancelled at once: what it waits for
comes back only after its own end. Both are asked to go on whenever a child has become ready or has ended, so nobody waits in a loop, and whoever
takes long holds up the rest of its group and nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ..actors import INITIALIZING, PARKED, QUEUED, RESTARTING, STOPPING, Slot, awaited_by, find_way, halt, is_down

if TYPE_CHECKING:
    from ..actors import Deadline, Runtime

#: The detail of the exit reason of who is stopped with its group.
WITH_ITS_GROUP = "restarted with its group"


class StartLine:
    """Launch children in order."""

    __slots__ = ("_launch", "_left", "_owed", "at")

    def __init__(
        self,
        children: Iterable[Slot],
        owed: Iterable[Slot],
        launch: Callable[[Slot], None],
        *,
        after: Slot | None = None,
    ) -> None:
        self._left = deque(children)
        #: those that are to be started though they are parked.
        self._owed = set(owed)
        self._launch = launch
        #: the inline one that the rest waits for.
        self.at: Slot | None = after

    @property
    def left(self) -> Sequence[Slot]:
        """Those that it has not come to yet."""
        return self._left

    @property
    def owed(self) -> set[Slot]:
        """The parked ones that have not been started yet."""
        return {child for child in self._left if child in self._owed}

    def go_on(self) -> bool:
        """Launch as many as may be; True if there are none left."""
        while True:
            at = self.at
            if at is not None:
                if at.life in (QUEUED, INITIALIZING, RESTARTING, STOPPING):
                    return False
                self.at = None
            if not self._left:
                return True
            child = self._left.popleft()
            if self._begin(child) and child.policy.inline:
                self.at = child

    def _begin(self, child: Slot) -> bool:
        """Launch one, unless it runs, or has been ended by somebody."""
        runtime = child.runtime
        if child.life is PARKED:
            if child not in self._owed:
                return False
            self._launch(child)
            return True
        if child.life is RESTARTING or (
            child.life is QUEUED
            and not runtime.launcher.is_waiting(child)
            and not runtime.passivation.is_waiting(child)
        ):
            self._launch(child)
            return True
        return False


def _waits_within(child: Slot, group: frozenset[Slot]) -> bool:
    """Return whether a child's turn waits, directly or not, for one that will not go on before this child has ended."""
    return any(find_way(slot, group) for slot in awaited_by(child))


class GroupRestart:
    """Restart some children of one supervisor together."""

    __slots__ = (
        "_delay",
        "_held",
        "_launch",
        "_ordered",
        "_owed",
        "_timer",
        "_to_stop",
        "after",
        "line",
        "members",
        "wake",
    )

    def __init__(
        self,
        members: Sequence[Slot],
        owed: Iterable[Slot],
        delay: float,
        launch: Callable[[Slot], None],
        wake: Callable[[], None],
        *,
        after: Slot | None = None,
    ) -> None:
        #: in order.
        self.members = members
        self._held = frozenset(members)
        self._owed = set(owed)
        self._delay = delay
        #: an inline one before them that is not ready yet: they are started after it.
        self.after = after
        self._launch = launch
        #: called when the backoff is over.
        self.wake = wake
        #: who is still to be stopped, the next one last; those that are parked have been.
        self._to_stop = [member for member in members if member.life is not PARKED]
        #: who has been told to, and is waited for.
        self._ordered: Slot | None = None
        self._timer: Deadline | None = None
        self.line: StartLine | None = None

    @property
    def due(self) -> float | None:
        """When it starts again, on Trio's clock, if it waits for that."""
        return None if self._timer is None else self._timer.when

    @property
    def left(self) -> Sequence[Slot]:
        """Those that it has not started yet."""
        return self.members if self.line is None else self.line.left

    @property
    def owed(self) -> set[Slot]:
        """The parked ones that are to be started with it, and have not been."""
        return self._owed if self.line is None else self.line.owed

    def holds(self, child: Slot) -> bool:
        """Return whether a child is stopped with it: its end is neither judged nor counted."""
        return self.line is None and child in self._held

    def go_on(self) -> bool:
        """Do what can be done; True if all have been started."""
        while self._to_stop:
            child = self._to_stop[-1]
            if not is_down(child):
                if child is not self._ordered:
                    self._ordered = child
                    halt(child, WITH_ITS_GROUP, killed=_waits_within(child, self._held))
                    continue
                return False
            self._to_stop.pop()
        if self.line is None:
            if self._timer is not None:
                return False
            if self._delay > 0:
                self._wait(self.members[0].runtime)
                return False
            self._start()
        assert self.line is not None
        return self.line.go_on()

    def _wait(self, runtime: "Runtime") -> None:
        self._timer = runtime.deadlines.add(runtime.now() + self._delay, self._come_due, "restart of a group")

    def _come_due(self) -> None:
        self._timer = None
        self._delay = 0.0
        self._start()
        self.wake()

    def _start(self) -> None:
        self.line = StartLine(self.members, self._owed, self._launch, after=self.after)

    def cancel(self) -> None:
        """Let nothing more come of it."""
        if self._timer is not None:
            self._timer.cancel()
        self._to_stop.clear()
