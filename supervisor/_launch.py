"""The launch gate: how many startups run at once."""

from typing import TYPE_CHECKING

from ..actors import Slot
from ..mailbox import Choices

if TYPE_CHECKING:
    from ..actors import Runtime


class LaunchGate:
    """Grant permits for startups, first come, first served. Plain functions: a grant is the step in which the startup is set going."""

    def __init__(self, limit: int | None, choices: Choices | None = None) -> None:
        self._limit = limit
        self.choices = choices
        self._holders: dict[Slot, None] = {}
        self._waiting: dict[Slot, None] = {}
        #: who starts under the permit of an ancestor, and covers its own children as long as it does.
        self._covered: dict[Slot, None] = {}
        self.runtime: Runtime | None = None

    @property
    def in_use(self) -> int:
        """How many permits are out."""
        return len(self._holders)

    @property
    def waiting(self) -> int:
        """How many slots wait."""
        return len(self._waiting)

    @property
    def covered(self) -> int:
        """How many start under the permit of another."""
        return len(self._covered)

    def request(self, slot: Slot) -> bool:
        """Return True if the startup may begin now; else the slot waits."""
        limit = self._limit
        if limit is None or not slot.blueprint.needs_permit:
            return True
        if self._is_covered(slot):
            self._covered[slot] = None
            return True
        if len(self._holders) < limit and not self._waiting:
            self._holders[slot] = None
            return True
        self._waiting[slot] = None
        return False

    def release(self, slot: Slot) -> None:
        """Take a permit back, if it had one, and launch who waits."""
        self._covered.pop(slot, None)
        if slot in self._holders:
            del self._holders[slot]
            self._launch_next()

    def withdraw(self, slot: Slot) -> None:
        """Let a slot wait no longer."""
        self._waiting.pop(slot, None)

    def is_waiting(self, slot: Slot) -> bool:
        """Return whether a slot waits for a permit."""
        return slot in self._waiting

    def _launch_next(self) -> None:
        assert self._limit is not None
        assert self.runtime is not None
        while self._waiting and len(self._holders) < self._limit:
            waiting = list(self._waiting) if self.choices is not None else None
            if waiting is not None and self.choices is not None and len(waiting) > 1:
                slot = waiting[self.choices.pick("launch", [each.path for each in waiting])]
            else:
                slot = next(iter(self._waiting))
            del self._waiting[slot]
            self._holders[slot] = None
            self.runtime.run(slot)

    def _is_covered(self, slot: Slot) -> bool:
        """Return whether an ancestor that is starting covers this one, so that waiting for a child cannot deadlock on permits.

        It need not hold the permit itself: who lent it may be ready, and have given it back, while others still start under it.
        """
        parent = slot.parent
        while parent is not None:
            if parent in self._holders or parent in self._covered:
                return True
            parent = parent.parent
        return False
