"""Dead letters: mail that was accepted and that nobody will handle.

Every accepted mail is handled or ends here, with the reason. The letters themselves are not kept: they are counted by reason, and
handed to whoever has subscribed.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Literal

import attrs
import trio

from ._checks import is_count

DeadReason = Literal[
    "stopped",  # its slot ended, or was parked, before the mail was handled
    "startup failed",  # the receiver never became ready
    "drop_oldest",  # pushed out of a full mailbox
    "drop_newest",  # arrived at a full mailbox
    "coalesced",  # a newer mail with the same key took its place
    "caller gone",  # an ask whose asker was cancelled or timed out before it began
    "old incarnation",  # a tick, Down or background result for an incarnation that has ended
    "cancelled",  # a tick or Down whose timer or monitor was cancelled after it was queued
    "late reply",  # an answer to an asker who has gone
]


@attrs.frozen
class DeadLetter:
    """Tell which mail will never be handled, and why.

    Attributes:
        message: as it was sent; for a late reply, the answer.
        path: to whom.
        uid: of the receiver.
        sender: the ref given by the sender, or None.
        seq: its number in the mailbox; 0 for a late reply.
        reason: why.
    """

    message: Any
    path: str
    uid: int
    sender: Any
    seq: int
    reason: DeadReason


#: What the runtime makes itself and may drop: their loss is no loss of a user's mail.
HOUSEKEEPING: frozenset[str] = frozenset({"old incarnation", "cancelled", "late reply", "caller gone"})


class DeadLetterFeed:
    """Iterate over dead letters as they come; `missed` counts those that found the buffer full."""

    def __init__(self, receive: "trio.MemoryReceiveChannel[DeadLetter]") -> None:
        self._receive = receive
        self.missed = 0

    def __aiter__(self) -> "DeadLetterFeed":
        """Return itself."""
        return self

    async def __anext__(self) -> DeadLetter:
        """Wait for the next letter.

        Checkpoint: always. Cancellation: loses nothing.
        """
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None


class DeadLetters:
    """Count what nobody will handle; a tree has one, as `root.dead_letters`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._feeds: dict[DeadLetterFeed, trio.MemorySendChannel[DeadLetter]] = {}
        self._closed = False

    @property
    def total(self) -> int:
        """How many there have been."""
        return self._counts.total()

    @property
    def counts(self) -> Mapping[str, int]:
        """A snapshot of the counts by reason."""
        return MappingProxyType(dict(self._counts))

    @property
    def lost_mail(self) -> int:
        """How many were users' mail, rather than ticks, downs, late replies or asks whose asker left."""
        return sum(n for reason, n in self._counts.items() if reason not in HOUSEKEEPING)

    @property
    def is_observed(self) -> bool:
        """True if somebody has subscribed."""
        return bool(self._feeds)

    def count(self, reason: DeadReason, n: int = 1) -> None:
        """Count letters that nobody watches one by one."""
        self._counts[reason] += n

    def add(self, letter: DeadLetter) -> None:
        """Count one letter and hand it to the subscribers. Never waits: a full feed counts it as missed."""
        self._counts[letter.reason] += 1
        for feed, send in self._feeds.items():
            try:
                send.send_nowait(letter)
            except trio.WouldBlock:
                feed.missed += 1

    @asynccontextmanager
    async def subscribe(self, buffer: int = 1_000) -> AsyncGenerator[DeadLetterFeed]:
        """Open a feed of the letters from now on; it ends when the tree has ended.

        Args:
            buffer: how many letters may wait for a slow reader; past that they are counted as `missed`.

        Checkpoint: never on the way in or out. Cancellation: leaves nothing behind.
        """
        if not is_count(buffer):
            raise ValueError(f"DeadLetters.subscribe: buffer is {buffer!r}; give a whole number from 1")
        send, receive = trio.open_memory_channel[DeadLetter](buffer)
        feed = DeadLetterFeed(receive)
        if self._closed:
            send.close()
        else:
            self._feeds[feed] = send
        try:
            yield feed
        finally:
            self._feeds.pop(feed, None)
            send.close()
            receive.close()

    def close(self) -> None:
        """End all feeds, once what they hold has been read."""
        self._closed = True
        for send in self._feeds.values():
            send.close()
        self._feeds.clear()

    def __repr__(self) -> str:
        """Show the counts."""
        return f"<DeadLetters total={self.total} {dict(self._counts)}>"
