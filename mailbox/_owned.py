"""A mailbox by itself, with an owner that it has been given."""

from ._door import Addressee
from ._mailbox import Mailbox
from ._spec import PLAIN, MailboxSpec


class OwnedMailbox(Mailbox):
    """Be a mailbox by itself; in the tree, where there are many, a slot is its own mailbox and needs no field to say so."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Addressee, spec: MailboxSpec = PLAIN, *, enveloped: bool = False) -> None:
        self._owner = owner
        self.set_up(spec, enveloped)

    @property
    def owner(self) -> Addressee:
        """Whose it is."""
        return self._owner
