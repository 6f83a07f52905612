"""How large a mailbox is, and what happens past that."""

from collections.abc import Callable
from typing import Any, Final, Literal, get_args

import attrs

from ._checks import is_count, shown
from ._errors import InvalidSpec

Overflow = Literal["wait", "reject", "drop_oldest", "drop_newest", "coalesce"]
Key = str | int | bytes | None

OVERFLOWS: tuple[str, ...] = get_args(Overflow)
#: What a mailbox without a capacity never comes to; "reject" is what nobody has asked for, too.
NEEDS_CAPACITY: Final = frozenset({"wait", "drop_oldest", "drop_newest"})


@attrs.frozen
class MailboxSpec:
    """Bound a mailbox and say what happens when it is full.

    Args:
        capacity: how many mails may wait, from 1; None (the default) means no bound. Reports, `Down`s and timers' ticks do not count.
        overflow: what a full mailbox does. "wait": `send` waits for room, `tell` raises `MailboxFull`. "reject": both raise. "drop_oldest": the
            oldest waiting mail becomes a dead letter. "drop_newest": the new one does. "coalesce": the new one takes the place of the
            waiting one with the same key, whether the mailbox is full or not; a full mailbox without such a mail rejects.
        coalesce_key: from a message to its key (str, int, bytes, or None for "never coalesced"); needed by "coalesce", and by no other.

    Raises:
        InvalidSpec: a capacity below 1, an unknown policy, a policy without what it needs: all of it in one text.
    """

    capacity: int | None = None
    overflow: Overflow = "reject"
    coalesce_key: Callable[[Any], Key] | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Check the fields, and against each other."""
        problems: list[str] = []
        if self.capacity is not None and not is_count(self.capacity):
            problems.append(f".capacity: {shown(self.capacity)} is not a whole number from 1; None means no bound")
        overflow: Any = self.overflow
        if not isinstance(overflow, str) or overflow not in OVERFLOWS:
            problems.append(f".overflow: {shown(overflow)} is not one of {', '.join(OVERFLOWS)}")
        elif (overflow == "coalesce") != (self.coalesce_key is not None):
            problems.append(': overflow="coalesce" and coalesce_key go together')
        elif self.capacity is None and overflow in NEEDS_CAPACITY:
            problems.append(f': overflow="{overflow}" needs a capacity; a mailbox without one is never full')
        coalesce_key: Any = self.coalesce_key
        if coalesce_key is not None and not callable(coalesce_key):
            problems.append(f".coalesce_key: {shown(coalesce_key)} is not callable")
        if problems:
            raise InvalidSpec("; ".join(f"MailboxSpec{problem}" for problem in problems))

    @property
    def is_plain(self) -> bool:
        """True if mail can be taken in without looking at the spec."""
        return self.capacity is None and self.overflow != "coalesce"

    def key_of(self, message: Any) -> Key:
        """Return the key under which a message is coalesced, None if it is not; asks user code.

        Raises:
            TypeError: the user's function gave something else than a key.
        """
        if self.coalesce_key is None:
            return None
        key = self.coalesce_key(message)
        if key is not None and type(key) not in (str, int, bytes):
            raise TypeError(f"coalesce_key returned {key!r} for {message!r}; give a str, an int, bytes, or None")
        return key


#: No bound: the one instance that mailboxes compare by identity.
PLAIN: Final = MailboxSpec()
