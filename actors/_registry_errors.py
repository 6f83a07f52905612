"""What the registry says when something cannot be done."""

from typing import TYPE_CHECKING, Any

from ..mailbox import GreenroomError

if TYPE_CHECKING:
    from ._keys import Keyable


class KeyInUse(GreenroomError):
    """A key was refused because another holds it; nothing has been changed.

    Attributes:
        path: who asked for it.
        key: which one.
        holder: the ref that has it; of several, the first.
        status: the holder's lifecycle at that moment.
        duplicate: whether it is held as a key of several, and so refused as one of its own.
    """

    def __init__(self, path: str, key: "Keyable", holder: Any, status: str, *, duplicate: bool) -> None:
        super().__init__(path, key, holder, status, duplicate)
        self.path, self.key, self.holder, self.status, self.duplicate = path, key, holder, status, duplicate

    def __str__(self) -> str:
        """Say who holds it, and how."""
        how = "as one that several may have" if self.duplicate else "as its own"
        return (
            f"{self.path}: the key {self.key!r} is in use by {self.holder.path} (uid {self.holder.uid}, {self.status}), {how}; "
            "choose another key, or have it given up first"
        )


class NotRegistered(GreenroomError, LookupError):
    """An actor does not hold the key that was asked for; nothing has been changed.

    Attributes:
        path: who.
        key: which one.
    """

    def __init__(self, path: str, key: "Keyable") -> None:
        super().__init__(path, key)
        self.path, self.key = path, key

    def __str__(self) -> str:
        """Say who does not hold what."""
        return f"{self.path}: does not hold the key {self.key!r}; register it first"
