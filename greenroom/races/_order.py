"""The order of a run's steps beside the orders that Trio itself takes.

Trio takes all tasks that are ready as one batch, runs each of them once, forwards or backwards, and then looks again: for timers, and for what has
become ready meanwhile. A run that is stepped may go any way, so a failure can be one that only another scheduler would show; or it is kept to
what Trio may do.
"""

from collections.abc import Sequence

import attrs


@attrs.frozen
class Ready:
    """Hold a task that could go.

    Attributes:
        label: of the task.
        rank: in the order in which Trio took it for ready; those that were woken out of one set have the same.
    """

    label: str
    rank: int


class TrioOrder:
    """Go through the steps of a run: say which of them Trio may take next, and find the first one that it would not."""

    def __init__(self) -> None:
        #: the ranks of those of the batch that have not gone yet, by label.
        self._batch: dict[str, int] = {}
        self._forwards = self._backwards = True
        #: where the run departs, as words; "" if it has not.
        self.departure = ""

    @property
    def is_amid(self) -> bool:
        """True between two steps of one batch: Trio looks for nothing new there."""
        return bool(self._batch)

    def may(self, ready: Sequence[Ready]) -> list[int]:
        """Return the indices of those that Trio may take next, in the order in which they became ready. Of a run that has not departed."""
        batch = self._batch or {each.label: each.rank for each in ready}
        ends: set[int] = set()
        if self._forwards or not self._batch:
            ends.add(min(batch.values()))
        if self._backwards or not self._batch:
            ends.add(max(batch.values()))
        indices = [index for index, each in enumerate(ready) if each.rank in ends]
        return sorted(indices, key=lambda index: ready[index].rank)

    def step(self, ready: Sequence[Ready], index: int, where: str) -> None:
        """Take a step: who could go, and who goes; `where` names the choice in words."""
        if self.departure:
            return
        chosen = ready[index]
        if not self._batch:
            self._batch = {each.label: each.rank for each in ready}
            self._forwards = self._backwards = True
        if self._batch.pop(chosen.label, None) is None:
            self.depart(where, f"{chosen.label} goes before {next(iter(self._batch))}, which has been ready for longer")
            return
        if self._batch:
            self._forwards &= chosen.rank <= min(self._batch.values())
            self._backwards &= chosen.rank >= max(self._batch.values())
        if not self._forwards and not self._backwards:
            self.depart(where, f"{chosen.label} goes out of turn, neither forwards nor backwards")

    def look_for_timers(self, where: str) -> None:
        """Hear that timers are seen to."""
        if self._batch:
            self.depart(where, f"a timer fires before {next(iter(self._batch))}, which was ready, has gone")

    def depart(self, where: str, why: str) -> None:
        """Note where a run departs, unless it has before."""
        self.departure = self.departure or f"{where}: {why}"
