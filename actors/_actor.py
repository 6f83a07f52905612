"""The plain actor: one message at a time, by a class that users derive from."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ._reasons import ExitReason
from ._service import Service

if TYPE_CHECKING:
    from ._context import Context
    from ._tool import Tool

M = TypeVar("M")


class Actor(Generic[M]):
    """Derive from it and define `receive`; everything else is optional.

    The instance is made anew for every incarnation, in the child's own time (never inside `start_soon`). What it keeps between messages
    is its private state. Plain actors share a few tasks; whoever holds something bound to a task over messages (an open nursery or cancel
    scope, a `trio.Lock`, a client that must be closed where it was opened) sets `own_task = True`, opens it in `startup` and closes it in `shutdown`.

    Attributes:
        own_task: give it a task of its own. Actors with services have one anyway.
        intensity: how many restarts of its children it bears, as `Intensity`; None means the default (3 in 5 s).
    """

    own_task: ClassVar[bool] = False
    intensity: Any = None
    #: False for supervisors: their startup is their children's, which count for themselves.
    counts_as_startup: ClassVar[bool] = True

    def services(self) -> Iterable[Service[Any]]:
        """Return the slow things that it needs before it is ready; called once per incarnation."""
        return ()

    def tools(self, ctx: "Context") -> Iterable["Tool"]:
        """Return what `ctx.dispatch` may call; asked at each dispatch that is not told otherwise, so that it may change."""
        return ()

    async def prewarm(self, ctx: "Context") -> None:
        """Do what may be done ahead; begun once the services are there, never waited for, ends with the incarnation.

        Checkpoint: as you write it. Cancellation: when the incarnation ends; a failure is a warning.
        """

    async def startup(self, ctx: "Context") -> None:
        """Get ready; after the services, before the first message. Raising is a failed startup, `Ignore` an end without failure.

        Checkpoint: as you write it. Cancellation: when the startup's time is over, or a stop comes first; `shutdown` runs all the same.
        """

    def receive(self, message: M, ctx: "Context") -> Any:
        """Handle one message; `async def` or `def`. What it returns answers an ask."""
        raise NotImplementedError(
            f"{type(self).__qualname__} got {message!r}, but defines no receive(self, message, ctx)"
        )

    async def shutdown(self, ctx: "Context", reason: ExitReason) -> None:
        """Clean up; runs if `startup` began, after its children have ended, before its services are closed.

        Checkpoint: as you write it. Cancellation: when the shutdown time is over; the end goes on.
        """
