"""Feeds of one slot: every change of its lifecycle and status, in order."""

from collections import deque

import attrs
import trio

from ._lifecycle import FAILED, STOPPED, Lifecycle
from ._status import Status


@attrs.frozen
class StatusChange:
    """Say what an actor changed to.

    Attributes:
        lifecycle: "queued", "initializing", "ready", …
        status: what goes with it.
        generation: grows by one with each change, so that a gap shows.
        incarnation: whose.
    """

    lifecycle: str
    status: Status
    generation: int
    incarnation: int


class StatusFeed:
    """Iterate over the changes of one actor; ends after the change to an end. `missed` counts what found the buffer full."""

    def __init__(self, buffer: int) -> None:
        self._changes: deque[StatusChange] = deque()
        self._buffer = buffer
        self._lot = trio.lowlevel.ParkingLot()
        self._is_over = False
        self.missed = 0

    def notify(self, change: tuple[Lifecycle, Status, int, int]) -> None:
        """Note a change (the runtime does); drops the oldest past the buffer."""
        lifecycle, status, generation, incarnation = change
        if len(self._changes) >= self._buffer:
            self._changes.popleft()
            self.missed += 1
        self._changes.append(StatusChange(lifecycle.value, status, generation, incarnation))
        if lifecycle in (STOPPED, FAILED):
            self._is_over = True
        self._lot.unpark_all()

    def end(self) -> None:
        """Say that no more will come."""
        self._is_over = True
        self._lot.unpark_all()

    def __aiter__(self) -> "StatusFeed":
        """Return itself."""
        return self

    async def __anext__(self) -> StatusChange:
        """Wait for the next change. Checkpoint: always. Cancellation: loses nothing."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._changes:
            if self._is_over:
                raise StopAsyncIteration
            await self._lot.park()
        change = self._changes.popleft()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return change
