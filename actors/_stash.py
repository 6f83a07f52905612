"""The stash: mail that an actor has taken and cannot handle yet, kept until it can.

What is stashed is neither in a lane nor in hand: the actor has it. A stand-in stays in hand until the handler has returned, so that the handler still
sees what it works on, and nobody answers or gives again what is not there any more. A request that is stashed keeps its edge of the deadlock check:
its asker goes on waiting for this actor's turns.
"""

from typing import TYPE_CHECKING

import trio

from ..mailbox import Letter, MailKind
from ._errors import NotInTurn, StashFull
from ._request import Asked

if TYPE_CHECKING:
    from ._slot import Slot


class Stashed(Letter):
    """Stand in hand for a mail that was stashed; as it is void, it is nowhere given back."""

    __slots__ = ("kind", "trigger")

    urgent = False
    incarnation = 0
    key = None

    def __init__(self, letter: Letter) -> None:
        self.message = letter.message
        self.sender = letter.sender
        self.seq = letter.seq
        self.kind: MailKind = letter.kind
        self.trigger = letter.trigger
        self.void = True


@trio.lowlevel.enable_ki_protection
def stash(slot: "Slot") -> None:
    """Keep the mail in hand for later; nothing has been changed if it is refused. Plain."""
    if slot.blueprint.kind == "agent":
        raise TypeError(
            f"{slot.path}: ctx.stash() is for actors that take one message at a time; what a turn leaves undrained waits for the next one, "
            "and what it has drained and not committed goes back if it is interrupted or fails"
        )
    box, more = slot.box, slot.get_more()
    hand = box.own_hand()
    if hand is None or isinstance(hand, Stashed):
        what = "there is none" if hand is None else "it has been stashed already"
        raise NotInTurn(f"{slot.path}: ctx.stash() needs a message in hand, and {what}")
    if isinstance(hand, Asked) and hand.deferred:
        raise NotInTurn(
            f"{slot.path}: the request in hand was taken over with ctx.defer_reply(); answer it by its token"
        )
    kept = more.stash or []
    capacity = box.spec.capacity
    if capacity is not None and len(kept) >= capacity:
        raise StashFull(slot.path, hand.message if isinstance(hand, Letter) else hand, capacity)
    if not isinstance(hand, Letter):
        box.seal()  # its place says its seq, and it leaves that
        hand = box.hand
    more.stash = [*kept, hand]
    box.hand = Stashed(hand)


@trio.lowlevel.enable_ki_protection
def unstash_all(slot: "Slot") -> int:
    """Put all that is stashed back, before all mail that waits; returns how many that were. Plain."""
    count = put_stash_back(slot)
    if slot.idle and slot.box.has_triggers:
        slot.runtime.wake(slot)
    return count


def put_stash_back(slot: "Slot") -> int:
    """Do so without waking anybody: also for an incarnation that ends, whose mail the next one gets, or is returned. Plain."""
    more, box = slot.more, slot.box
    if more is None or not more.stash:
        return 0
    kept, more.stash = more.stash, None
    if box.fast:
        box.seal()
    mail: list[Letter] = []
    for letter in kept:
        if isinstance(letter, Asked):
            if letter.done:  # its asker left meanwhile
                box.bury(letter, "caller gone")
                continue
            letter.begun = False
        mail.append(letter)
    box.put_back(mail)
    return len(mail)
