"""The order of a run's steps beside the orders that Trio itself takes.

Trio takes all tasks that are ready as one batch, runs each of them once, forwards or backwards, and then looks again. A run that is stepped may go
any way, so a failure can be one that only another scheduler would show.
"""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Ready:
    """Hold a task that could go.

    Attributes:
        label: of the task.
        since: the step in which it became ready.
        number: in order of spawning, if it has not begun; else None: what wakes several tasks at once keeps no order among them.
    """

    label: str
    since: int
    number: int | None

    def precedes(self, other: "Ready") -> bool:
        """Return whether Trio has it before the other in a batch."""
        if self.since != other.since:
            return self.since < other.since
        return self.number is not None and other.number is not None and self.number < other.number


class TrioOrder:
    """Go through the steps of a run, and find the first one that Trio would not take there."""

    def __init__(self) -> None:
        #: the tasks of the batch that have not gone yet.
        self._batch: list[Ready] = []
        self._forwards = self._backwards = True
        #: where the run departs, as words; "" if it has not.
        self.departure = ""

    def step(self, ready: Sequence[Ready], index: int, where: str) -> None:
        """Take a step: who could go, and who goes; `where` names the choice in words."""
        if self.departure:
            return
        chosen = ready[index]
        if not self._batch:
            self._batch = list(ready)
            self._forwards = self._backwards = True
        waiting = [each for each in self._batch if each.label != chosen.label]
        if len(waiting) == len(self._batch):
            self.depart(where, f"{chosen.label} goes before {waiting[0].label}, which has been ready for longer")
            return
        self._batch = waiting
        self._forwards &= not any(each.precedes(chosen) for each in waiting)
        self._backwards &= not any(chosen.precedes(each) for each in waiting)
        if not self._forwards and not self._backwards:
            self.depart(where, f"{chosen.label} goes out of turn, neither forwards nor backwards")

    def depart(self, where: str, why: str) -> None:
        """Note where a run departs, unless it has before."""
        self.departure = self.departure or f"{where}: {why}"
