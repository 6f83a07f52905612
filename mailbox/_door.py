"""The door of a mailbox: whose it is, and who waits to get something in."""

from typing import Any, Protocol

import trio

from ._dead_letters import DeadLetters
from ._mail import Letter


class Addressee(Protocol):
    """Own a mailbox: what dead letters need to know of it."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def uid(self) -> int:
        """Which one it is."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """Where its dead letters go."""
        ...


class WaitingSender:
    """Hold what a sender waits to hand in; `error` says why it never will be."""

    __slots__ = ("envelope", "error", "task")

    def __init__(self, envelope: Letter, task: "trio.lowlevel.Task") -> None:
        self.envelope = envelope
        self.task = task
        self.error: Exception | None = None


class ErrorFor(Protocol):
    """Make the error that gives a refused message back."""

    def __call__(self, message: Any, /) -> Exception:
        """Return it."""
        ...
