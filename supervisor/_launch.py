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
        self.runtime: Runtime | None = None

    @property
    def in_use(self) -> int:
        """How many permits are out."""
        return len(self._holders)

    @property
    def waiting(self) -> int:
        """How many slots wait."""
        return len(self._waiting)

    def request(self, slot: Slot) -> bool:
        """Return True if the startup may begin now; else the slot waits."""
        limit = self._limit
        if limit is None or not slot.blueprint.needs_permit or self._is_covered(slot):
            return True
        if len(self._holders) < limit and not self._waiting:
            self._holders[slot] = None
            return True
        self._waiting[slot] = None
        return False

    def release(self, slot: Slot) -> None:
        """Take a permit back, if it had one, and launch who waits."""
        if slot in self._holders:
            del self._holders[slot]
            self._launch_next()

    def withdraw(self, slot: Slot) -> None:
        """Let a slot wait no longer."""
        self._waiting.pop(slot, None)

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
        """Return whether an ancestor's permit covers this one, so that waiting for a child cannot deadlock on permits."""
        parent = slot.parent
        while parent is not None:
            if parent in self._holders:
                return True
            parent = parent.parent
        return False
