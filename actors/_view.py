"""Views: what can be seen of an actor. Reading never writes, takes no lock and never waits."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..mailbox import is_count
from ._feed import StatusFeed
from ._lifecycle import FAILED, STOPPED
from ._reasons import ExitReason
from ._slot import Slot
from ._status import Status


class ActorView:
    """Look at an actor: the part of a ref that asks nothing of it."""

    __slots__ = ()

    _slot: Slot

    @property
    def path(self) -> str:
        """Where it is in the tree."""
        return self._slot.path

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self._slot.name

    @property
    def uid(self) -> int:
        """A number given once, never used again."""
        return self._slot.uid

    @property
    def incarnation(self) -> int:
        """The number of the current (or last) incarnation, from 1."""
        return self._slot.incarnation

    @property
    def lifecycle(self) -> str:
        """Where the slot is between registration and end, such as "initializing" or "ready"."""
        return self._slot.life.value

    @property
    def status(self) -> Status:
        """What it is doing, or how it ended."""
        return self._slot.own_status()

    @property
    def generation(self) -> int:
        """Grows by one with each change of status, so that a watcher can tell that it missed one."""
        return self._slot.generation

    @property
    def exit_reason(self) -> ExitReason | None:
        """Why it ended; None while it lives."""
        return self._slot.reason if self._slot.has_ended else None

    @property
    def is_alive(self) -> bool:
        """True while mail to it can be accepted: registered, and neither ended nor ending."""
        return self._slot.box.is_open

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels of its specification."""
        return self._slot.policy.labels

    @property
    def warnings(self) -> Mapping[str, str]:
        """What went wrong without ending it: name of the optional service (or hook) -> text."""
        more = self._slot.more
        return {} if more is None or more.warnings is None else dict(more.warnings)

    @asynccontextmanager
    async def subscribe(self, buffer: int = 1_000) -> AsyncGenerator[StatusFeed]:
        """Open a feed of every change from now on.

        Args:
            buffer: how many changes may wait for a slow reader; past that the oldest are dropped and counted.

        Checkpoint: never on the way in or out. Cancellation: leaves nothing behind.
        """
        if not is_count(buffer):
            raise ValueError(f"subscribe: buffer is {buffer!r}; give a whole number from 1")
        feed = StatusFeed(buffer)
        more = self._slot.get_more()
        if self._slot.life in (STOPPED, FAILED):
            feed.end()
        if more.observers is None:
            more.observers = {}
        more.observers[feed] = None
        try:
            yield feed
        finally:
            more.observers.pop(feed, None)
