"""A tally: what many have done, and an event for when all of it is."""

from threading import Lock
from typing import Any, Generic, Protocol, TypeVar


class Settable(Protocol):
    """An event, of asyncio, anyio or threading."""

    def set(self) -> Any:
        """Wake whoever waits for it."""


E = TypeVar("E", bound=Settable)


class Tally(Generic[E]):
    """Count up to a total, by one thread; set an event then."""

    def __init__(self, total: int, all_done: E) -> None:
        self.total = total
        self.count = 0
        self.all = all_done

    def add(self) -> None:
        """Count one."""
        self.count += 1
        if self.count == self.total:
            self.all.set()


class SharedTally(Tally[E]):
    """The same for several threads."""

    def __init__(self, total: int, all_done: E) -> None:
        super().__init__(total, all_done)
        self._lock = Lock()

    def add(self) -> None:
        """Count one."""
        with self._lock:
            super().add()
