"""What a mailbox has besides a lane of plain messages: most have nothing of it, and share one object that says so."""

from collections import deque
from typing import Final

from ._door import Door
from ._mail import Letter
from ._spec import PLAIN, MailboxSpec


class Rare:
    """Hold what few mailboxes have.

    Attributes:
        spec: its bounds.
        door: what it has for them; None if it has none.
        urgent: the lane of urgent mail, made at first need.
        triggers: how many of what waits ask for a turn; counted where not all do.
        voids: abandoned requests that still lie in a lane.
        is_open: mail is taken in.
    """

    __slots__ = ("door", "is_open", "spec", "triggers", "urgent", "voids")

    def __init__(self, spec: MailboxSpec, door: Door | None = None) -> None:
        self.spec = spec
        self.door = door
        self.urgent: deque[Letter] | None = None
        self.triggers = 0
        self.voids = 0
        self.is_open = True


#: Of all mailboxes that have nothing of it; never written to.
NOTHING_RARE: Final = Rare(PLAIN)
#: The same, of those that have been shut.
NOTHING_SHUT: Final = Rare(PLAIN)
NOTHING_SHUT.is_open = False
NOTHINGS: Final = (NOTHING_RARE, NOTHING_SHUT)
