"""Mail: a message as a mailbox accepted it.

Two shapes of one thing. What waits in a mailbox is a bare message as long as nothing but its place has to be known of it
(that is what makes `tell` cheap), else an `Envelope`. What users see is `Mail`, made when somebody looks.
"""

from typing import Any, Generic, Literal, TypeVar

import attrs

M = TypeVar("M", covariant=True)

MailKind = Literal["message", "request", "steer", "turn", "tick", "down", "report", "background"]


@attrs.frozen
class Mail(Generic[M]):
    """Show a message as it was accepted.

    Attributes:
        message: what the sender gave.
        sender: the ref that the sender filled in, or None.
        seq: its number in this mailbox, from 1, growing by one with each accepted mail.
        trigger_turn: whether it asks for a turn, or only waits to be seen by the next one.
        kind: "message" (tell), "request" (ask), "steer", "turn" (a direct turn's input), "tick" (a timer's), "down" (a monitor's),
            "report", or "background" (a `BackgroundResult`).
    """

    message: M
    sender: Any = None
    seq: int = 0
    trigger_turn: bool = True
    kind: MailKind = "message"


class Letter:
    """Be what waits in a lane with more than its message known; `Envelope` is the usual one, a request is another."""

    __slots__ = ("message", "sender", "seq", "void")

    message: Any
    sender: Any
    seq: int
    void: bool
    trigger: bool
    kind: MailKind
    urgent: bool
    incarnation: int
    key: Any

    def as_mail(self) -> Mail[Any]:
        """Return what users see of it."""
        return Mail(self.message, self.sender, self.seq, self.trigger, self.kind)

    def buried(self, reason: str) -> None:
        """Be told that it became a dead letter: whoever waits for it has to know. Plain; runs no user code."""

    def let_in(self) -> None:
        """Be told that it got in, after it had waited for room without a task of its own. Plain; runs no user code."""

    def refused(self, error: Exception) -> None:
        """Be told that it never will get in, after it had waited for room without a task of its own. Plain; runs no user code."""

    def __repr__(self) -> str:
        """Show kind, seq and message."""
        return f"<{type(self).__name__} {self.kind} seq={self.seq} {self.message!r}>"


class Envelope(Letter):
    """Hold a waiting message together with what has to be known of it.

    `incarnation` is the receiver's, for mail that is meant for that incarnation only (ticks, downs); 0 means any.
    `void` marks one that is counted and dropped when it is taken (its monitor or timer was cancelled after it was queued).
    """

    __slots__ = ("incarnation", "key", "kind", "source", "trigger", "urgent")

    def __init__(
        self,
        message: Any,
        sender: Any = None,
        *,
        trigger: bool = True,
        kind: MailKind = "message",
        urgent: bool = False,
        incarnation: int = 0,
        key: Any = None,
        source: Any = None,
    ) -> None:
        self.message = message
        self.sender = sender
        self.seq = 0
        self.trigger = trigger
        self.kind: MailKind = kind
        self.urgent = urgent
        self.incarnation = incarnation
        self.key = key
        self.source = source
        self.void = False
