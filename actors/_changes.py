"""Feeds of changes: what there is, then each change. A feed that is not read in time begins anew with what there is by then."""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import trio

from ._keys import Canon

T = TypeVar("T")
C = TypeVar("C")


@attrs.frozen
class Listing(Generic[T]):
    """Say all that there is: the first thing that a feed gives, and what it gives again when changes were dropped.

    Attributes:
        entries: in the order in which they were made.
        missed: how many changes were dropped since the feed was read last; what they came to is in here.
    """

    entries: tuple[T, ...]
    missed: int = 0


class ChangeFeed(Generic[C]):
    """Iterate over a listing, and then over the changes, in order; it ends when the tree has ended.

    At most `buffer` changes wait for a slow reader. Past that they are dropped, and what is read next is a new `Listing`, which says how many they
    were: so the reader knows the true state at any time, and never delays anybody. `missed` counts all that were dropped.
    """

    def __init__(self, canon: Canon | None, look: Callable[[Canon | None], tuple[Any, ...]], buffer: int) -> None:
        #: whose changes it wants; None: everybody's.
        self.canon = canon
        self._look = look
        self._buffer = buffer
        self._items: deque[Any] = deque([Listing(look(canon))])
        self._changes = 0
        #: dropped since the last read.
        self._dropped = 0
        self._is_over = False
        self._lot = trio.lowlevel.ParkingLot()
        self.missed = 0

    def notify(self, change: object) -> None:
        """Note a change (the runtime does). Plain: no user code, never waits."""
        if self._dropped or self._changes >= self._buffer:
            lost = self._changes + 1
            self._items.clear()
            self._changes = 0
            self._dropped += lost
            self.missed += lost
        else:
            self._items.append(change)
            self._changes += 1
        self._lot.unpark_all()

    def end(self) -> None:
        """Say that no more will come."""
        self._is_over = True
        self._lot.unpark_all()

    def __aiter__(self) -> "ChangeFeed[C]":
        """Return itself."""
        return self

    async def __anext__(self) -> C:
        """Wait for the listing, or the next change.

        Checkpoint: always. Cancellation: loses nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._items and not self._dropped:
            if self._is_over:
                raise StopAsyncIteration
            await self._lot.park()
        item = self._take()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return item  # type: ignore[no-any-return]

    @trio.lowlevel.enable_ki_protection
    def _take(self) -> Any:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return Listing(self._look(self.canon), dropped)
        item: Any = self._items.popleft()
        self._changes -= item.__class__ is not Listing
        return item
