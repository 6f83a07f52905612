"""Entries: what actors hold by a key, found by key and by owner. The registry and the groups are a table each.

An entry belongs to an incarnation, and goes in its last step; one out of a specification belongs to the slot, and goes when that has ended for good.
So nobody who looks ever finds one of an incarnation that is over.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from ._changes import ChangeFeed
from ._keys import Canon
from ._slot import Slot

if TYPE_CHECKING:
    from ._keys import Keyable


class Entry:
    """Be one thing held by a key. Compared by identity, so that no table runs code of the user's."""

    __slots__ = ("canon", "duplicate", "incarnation", "key", "slot", "table", "value")

    def __init__(  # noqa: PLR0917 -- all that it is
        self,
        table: "Table",
        slot: Slot,
        canon: Canon,
        key: "Keyable",
        value: Any,
        incarnation: int,
        duplicate: bool,  # noqa: FBT001 -- as above
    ) -> None:
        self.table = table
        self.slot = slot
        self.canon = canon
        #: as it was given; it keeps an enum's member alive, which the canonical one knows by its identity.
        self.key = key
        self.value = value
        #: which one holds it; 0: the slot does, over all of them.
        self.incarnation = incarnation
        self.duplicate = duplicate


#: Makes of an entry what users are shown.
Show = Callable[[Entry], Any]


class Table:
    """Hold entries. All plain functions; each change is one step, and told to the feeds in it."""

    def __init__(self, show: Show, added: Callable[[Any], object], removed: Callable[[Any], object]) -> None:
        self._by_key: dict[Canon, dict[Entry, None]] = {}
        self._size = 0
        self._feeds: dict[ChangeFeed[Any], None] = {}
        self._is_closed = False
        #: what is to be told of a set of changes, if all of it comes about; None outside of one.
        self._held: list[tuple[ChangeFeed[Any], Any]] | None = None
        self.show, self._added, self._removed = show, added, removed

    def __len__(self) -> int:
        """Count all entries."""
        return self._size

    def at(self, canon: Canon) -> Iterable[Entry]:
        """Return the entries at a key, live, in order."""
        return self._by_key.get(canon, ())

    def first(self, canon: Canon) -> Entry | None:
        """Return the first entry at a key."""
        return next(iter(self._by_key.get(canon, ())), None)

    def all(self) -> Iterable[Entry]:
        """Iterate over all entries, live."""
        for entries in self._by_key.values():
            yield from entries

    def firsts(self) -> Iterable[Entry]:
        """Iterate over the first entry of each key, live."""
        for entries in self._by_key.values():
            yield next(iter(entries))

    def of(self, slot: Slot) -> list[Entry]:
        """Return an owner's entries, in order."""
        entries = None if slot.more is None else slot.more.entries
        return [entry for entry in entries or () if entry.table is self]

    @trio.lowlevel.enable_ki_protection
    def put(self, slot: Slot, canon: Canon, key: "Keyable", value: Any, *, of_slot: bool, duplicate: bool) -> None:
        """Add an entry; who may is the caller's to check."""
        entry = Entry(self, slot, canon, key, value, 0 if of_slot else slot.incarnation, duplicate)
        more = slot.get_more()
        if more.entries is None:
            more.entries = {}
        more.entries[entry] = None
        self._by_key.setdefault(canon, {})[entry] = None
        self._size += 1
        self.tell(entry, self._added)

    @trio.lowlevel.enable_ki_protection
    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        slot = entry.slot
        at = self._by_key[entry.canon]
        del at[entry]
        if not at:
            del self._by_key[entry.canon]
        self._size -= 1
        more = slot.more
        assert more is not None
        assert more.entries is not None
        del more.entries[entry]
        if not more.entries:
            more.entries = None
        self.tell(entry, self._removed)

    def tell(self, entry: Entry, change: Callable[[Any], object]) -> None:
        """Tell the feeds of a change."""
        for feed in self._feeds:
            if feed.canon is None or feed.canon == entry.canon:
                told = change(self.show(entry))
                if self._held is None:
                    feed.notify(told)
                else:
                    self._held.append((feed, told))

    @contextmanager
    def whole(self) -> Generator[None]:
        """Make a set of changes in one step: the feeds are told of it at its end, or not at all, if an exception has it taken back before. Plain."""
        if self._held is not None:
            yield  # part of a larger one
            return
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
        for feed, told in held:
            feed.notify(told)

    # -- feeds

    @trio.lowlevel.enable_ki_protection
    def open_feed(self, canon: Canon | None, buffer: int) -> ChangeFeed[Any]:
        """Open a feed that begins with what there is now."""
        feed: ChangeFeed[Any] = ChangeFeed(canon, self._look, buffer)
        if self._is_closed:
            feed.end()
        else:
            self._feeds[feed] = None
        return feed

    def close_feed(self, feed: ChangeFeed[Any]) -> None:
        """Tell it nothing any more."""
        self._feeds.pop(feed, None)
        feed.end()

    def _look(self, canon: Canon | None) -> tuple[Any, ...]:
        return tuple([self.show(entry) for entry in (self.all() if canon is None else self.at(canon))])

    def close(self) -> None:
        """End all feeds, once what they hold has been read."""
        self._is_closed = True
        for feed in self._feeds:
            feed.end()
        self._feeds.clear()


@trio.lowlevel.enable_ki_protection
def drop_entries(slot: Slot, *, slot_ends: bool) -> None:
    """Take out what an incarnation holds, in its last step; if the slot ends for good, all that it has. Plain."""
    more = slot.more
    if more is None or more.entries is None:
        return
    for entry in list(more.entries):
        if slot_ends or entry.incarnation:
            entry.table.remove(entry)


def taken_at_run_time(entries: Iterable[Entry]) -> int:
    """Count what an incarnation has taken, and would lose with its end."""
    return sum(1 for entry in entries if entry.incarnation)
