"""Process groups: actors that are told things together, by a name that they share.

A place in a group belongs to the incarnation that has joined, and goes in its last step. Publishing goes through the door of each member's mailbox,
as `tell` does: what one refuses is said of that one, and hinders nobody.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import attrs
import trio

from ._changes import ChangeFeed, Listing
from ._checks import check_flag, check_sender
from ._entries import Entry, Table
from ._keys import Keyable, canon_of
from ._owners import actor_of, owner_of
from ._ref import ActorRef
from ._registry import check_buffer

if TYPE_CHECKING:
    from ._runtime import Runtime


@attrs.frozen
class Membership:
    """Show that an actor is in a group; a snapshot."""

    group: Keyable
    ref: ActorRef[Any]


@attrs.frozen
class Joined:
    """Tell a feed that somebody has joined a group."""

    membership: Membership


@attrs.frozen
class Left:
    """Tell a feed that somebody has left a group, or has ended."""

    membership: Membership


GroupChange = Listing[Membership] | Joined | Left


@attrs.frozen
class Publication:
    """Say what has become of a message that was published.

    Attributes:
        delivered: who has accepted it -> the mail's seq there. Accepted is not processed.
        refused: who has not -> why, as `tell` raises it; the members after it were told all the same.
    """

    delivered: Mapping[ActorRef[Any], int]
    refused: Mapping[ActorRef[Any], Exception]


def show(entry: Entry) -> Membership:
    """Return an entry as users see it. Plain; runs no user code."""
    return Membership(entry.key, entry.slot.own_ref())


class Groups:
    """Tell actors of a tree things together; got as `root.groups` and `ctx.groups`.

    A group is there as long as it has a member. Its name is a key as the registry's: a str, int, float, bool, bytes, None, a member of an enum, or a
    tuple of these; anything else raises TypeError (ValueError for a NaN, and for tuples more than 16 deep).
    """

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._table = Table(show, Joined, Left)

    @trio.lowlevel.enable_ki_protection
    def join(self, group: Keyable, ref: ActorRef[Any]) -> None:
        """Have an actor join a group, for as long as its present incarnation lasts; twice means that it has to leave twice. Plain function.

        Raises:
            ActorStopped, StartupFailed: it has ended. TypeError, ValueError: no name, or no ref of this tree. In every case nothing has been changed.
        """
        canon = canon_of(group, "group")
        slot = owner_of(ref, self._runtime)
        self._table.put(slot, canon, group, None, of_slot=False, duplicate=True)

    @trio.lowlevel.enable_ki_protection
    def leave(self, group: Keyable, ref: ActorRef[Any]) -> bool:
        """Have an actor leave a group, once; returns whether it was in it. Plain function."""
        canon = canon_of(group, "group")
        slot = actor_of(ref, self._runtime)
        entry = next((each for each in self._table.at(canon) if each.slot is slot), None)
        if entry is None:
            return False
        self._table.remove(entry)
        self._runtime.passivation.recheck(slot)
        return True

    def members(self, group: Keyable) -> list[ActorRef[Any]]:
        """Return who is in a group, in the order in which they joined, each as often as it has. Plain function."""
        return [entry.slot.own_ref() for entry in self._table.at(canon_of(group, "group"))]

    def which_groups(self) -> list[Keyable]:
        """Return the groups that have members. Plain function."""
        return [entry.key for entry in self._table.firsts()]

    @trio.lowlevel.enable_ki_protection
    def publish(
        self,
        group: Keyable,
        message: Any,
        *,
        sender: ActorRef[Any] | None = None,
        trigger_turn: bool = True,
        urgent: bool = False,
    ) -> Publication:
        """Tell all who are in a group now, each once, in the order in which they joined. Plain function that never waits.

        Args:
            group: which one; one without members is told nothing.
            message: all members have the same object.
            sender: as `ActorRef.tell`.
            trigger_turn: as `ActorRef.tell`.
            urgent: as `ActorRef.tell`.

        Returns:
            Who has accepted it, and who has refused it and why.

        Raises:
            TypeError: the sender is no ref, or an option that is set neither True nor False; nobody has been told anything.
        """
        if sender is not None:
            check_sender(sender)
        if not trigger_turn:
            check_flag("trigger_turn", trigger_turn)
        if urgent:
            check_flag("urgent", urgent)
        delivered: dict[ActorRef[Any], int] = {}
        refused: dict[ActorRef[Any], Exception] = {}
        # A copy, each once: a key function of a bounded mailbox is user code, and may join and leave.
        for ref in dict.fromkeys(self.members(group)):
            try:
                delivered[ref] = ref.tell(message, sender=sender, trigger_turn=trigger_turn, urgent=urgent)
            except Exception as error:  # noqa: BLE001 -- whatever a member's door says is its own matter, and said of it
                refused[ref] = error
        return Publication(delivered, refused)

    @asynccontextmanager
    async def subscribe(
        self, group: Keyable | EllipsisType = ..., *, buffer: int = 1_000
    ) -> AsyncGenerator[ChangeFeed[GroupChange]]:
        """Open a feed: a `Listing` of who is in it now, and then each change; it ends when the tree has ended.

        Args:
            group: which one's changes; by default those of all groups.
            buffer: how many changes may wait for a slow reader; past that they are dropped, and it reads a new `Listing`, with how many were.

        Checkpoint: never on the way in or out. Cancellation: leaves nothing behind.
        """
        feed = self._table.open_feed(None if group is ... else canon_of(group, "group"), check_buffer(buffer))
        try:
            yield feed
        finally:
            self._table.close_feed(feed)

    def close(self) -> None:
        """End the feeds: the tree has ended."""
        self._table.close()

    def __repr__(self) -> str:
        """Show how many places are taken."""
        return f"<Groups with {len(self._table)} places taken>"
