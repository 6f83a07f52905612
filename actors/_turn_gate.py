"""The turn gate: how many agents of a tree may be in a turn at once.

A permit is held from before a turn takes its mail until its code has ended. A turn that waits in its own task for other actors lends its permit
meanwhile, else agents that wait for each other's turns would hold all there are; who wants to go on takes one back, before any that has not begun.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from ._errors import LimitReached
from ._passage import STOP
from ._runner import current_slot
from ._slot import Slot

#: Holders that an error names.
NAMED = 10


class TurnGate:
    """Grant permits for turns, first come, first served."""

    __slots__ = ("_holders", "_limit", "_returning", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._holders: dict[Slot, None] = {}
        #: turns that have lent their permit and want it back.
        self._returning: dict[Slot, None] = {}
        #: agents that mail has asked for a turn.
        self._waiting: dict[Slot, None] = {}

    @property
    def in_use(self) -> int:
        """How many permits are out."""
        return len(self._holders)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._returning) + len(self._waiting)

    def _is_free(self) -> bool:
        return len(self._holders) < self._limit and not self._returning and not self._waiting

    @trio.lowlevel.enable_ki_protection
    def demand(self, slot: Slot, message: Any) -> None:
        """Take a permit for a direct turn now. Plain function.

        Raises:
            LimitReached: there is none; nothing has changed.
        """
        if not self._is_free():
            holders = tuple(holder.path for holder in [*self._holders][:NAMED])
            raise LimitReached(slot.path, "max_running_turns", self._limit, holders, message)
        self._holders[slot] = None

    @trio.lowlevel.enable_ki_protection
    def release(self, slot: Slot) -> None:
        """Take a permit back, if it had one, and let it wait for none. Plain function."""
        self._returning.pop(slot, None)
        self._waiting.pop(slot, None)
        if slot in self._holders:
            del self._holders[slot]
            self._grant()

    def _grant(self) -> None:
        while len(self._holders) < self._limit and (self._returning or self._waiting):
            line = self._returning or self._waiting
            slot = next(iter(line))
            del line[slot]
            self._holders[slot] = None
            changes = slot.get_more().changes
            if changes is not None:
                changes.unpark_all()

    async def enter(self, slot: Slot) -> bool:
        """Wait for a permit for a turn that mail asks for; False if the agent is to end instead.

        Checkpoint: only if it has to wait. Cancellation: leaves nothing.
        """
        if slot in self._holders:  # a direct turn has brought it
            return True
        if self._is_free():
            self._holders[slot] = None
            return True
        self._waiting[slot] = None
        try:
            while slot in self._waiting and slot.order < STOP and slot.reason is None:
                await slot.changed()
        except BaseException:
            self.release(slot)
            raise
        if slot.order >= STOP or slot.reason is not None:
            self.release(slot)
            return False
        return True

    @asynccontextmanager
    async def lent(self, slot: Slot) -> AsyncGenerator[None]:
        """Lend the permit of a turn while it waits in its own task.

        Checkpoint: on the way out, if there is none free. Cancelled, it goes on with more permits out than there are, until others come back.
        """
        if slot not in self._holders:
            yield
            return
        del self._holders[slot]
        self._grant()
        try:
            yield
        except trio.Cancelled:
            self._holders[slot] = None
            raise
        except BaseException:
            await self._take_back(slot)
            raise
        else:
            await self._take_back(slot)

    async def _take_back(self, slot: Slot) -> None:
        if len(self._holders) < self._limit and not self._returning:
            self._holders[slot] = None
            return
        self._returning[slot] = None
        try:
            while slot in self._returning:
                await slot.changed()
        except trio.Cancelled:
            self._returning.pop(slot, None)
            self._holders[slot] = None
            raise


@asynccontextmanager
async def lending() -> AsyncGenerator[None]:
    """Lend what the turn that this task is in holds while it waits for others: its permit, as `TurnGate.lent`, and its agent's place."""
    slot = current_slot()
    if slot is None or not slot.runtime.lends:
        yield
        return
    gate = slot.runtime.turns
    with slot.runtime.passivation.lent(slot):
        if gate is None:
            yield
        else:
            async with gate.lent(slot):
                yield
