"""What a mailbox says when it refuses."""

from typing import Any


class GreenroomError(Exception):
    """Base of every error that greenroom raises by itself; catch it to tell them from errors of user code."""


class InvalidSpec(GreenroomError, ValueError):
    """A specification, name, argument or limit is wrong; nothing has been changed. The text names the field and what it takes."""


class MailboxFull(GreenroomError):
    """A bounded mailbox has no room and its overflow policy gives the message back.

    Attributes:
        message: the refused message; it was not accepted and has no seq.
        path: whose mailbox it is.
        capacity: how many mails it holds at most.
    """

    def __init__(self, path: str, message: Any, capacity: int) -> None:
        super().__init__(path, message, capacity)
        self.path = path
        self.message = message
        self.capacity = capacity

    def __str__(self) -> str:
        """Say who refused what, and what to do."""
        return (
            f"{self.path}: the mailbox is full ({self.capacity} mails); "
            "wait with `await ref.send(message)`, tell later, or give the child a larger capacity or another overflow policy"
        )
