"""What may be given when a child is started besides its factory, as type checkers see it; `supervisor` checks the values."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypedDict

from ..mailbox import MailboxSpec
from ._keys import Keyable, RegistryKey
from ._on_error import OnError
from ._policy import OverdueAction, RestartType


class Nobody:
    """Of which there is no instance, and which no function returns.

    A child's first message is of type M, or `Callable[[M], Nobody]`, which is no more than M. But for the sake of that function mypy works out M from
    the factory before it looks at the message, and so takes a message of one kind for an actor of several.
    """


class RestartLimit(Protocol):
    """How many restarts are borne: an `Intensity`."""

    @property
    def max_restarts(self) -> int:
        """How many."""
        ...

    @property
    def within(self) -> float:
        """In how many seconds."""
        ...


class RestartDelays(Protocol):
    """How long attempts to restart wait: a `Backoff`."""

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds before an attempt, counted in a row from 1."""
        ...


class ChildOptions(TypedDict, total=False):
    """The keywords with which a child is started, but for its first message."""

    name: str | None
    restart: RestartType
    shutdown: float | None
    startup_timeout: float | None
    mailbox: MailboxSpec | None
    labels: Mapping[str, Any] | None
    redeliver: int
    on_error: OnError | None
    handler_timeout: float | None
    on_overdue: OverdueAction
    rest_after: float | None
    significant: bool
    backoff: RestartDelays | None
    intensity: RestartLimit | None
    keys: Sequence[Keyable | RegistryKey]


class StartOptions(ChildOptions, total=False):
    """The keywords of `ctx.start_soon` and `ctx.start`."""

    mail: Any
    wake_parent: bool
