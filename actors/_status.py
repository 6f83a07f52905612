"""Status: what others may know of an actor's work, beside its lifecycle."""

from typing import Any, Final

import attrs

from ._lifecycle import Lifecycle
from ._reasons import Shutdown


@attrs.frozen
class PendingInit:
    """Not ready yet: queued, initializing, or between two incarnations."""


@attrs.frozen
class Idle:
    """Ready, and nothing is being done."""


@attrs.frozen
class Running:
    """In a turn."""


@attrs.frozen
class Interrupted:
    """Ready; the last turn was interrupted."""


@attrs.frozen
class Completed:
    """Done, with a result: of an agent's last turn, or of the whole actor when it has ended."""

    result: Any = None


@attrs.frozen
class Errored:
    """Failed: an agent's last turn, or the whole actor when it has ended. `cause` is the error as text."""

    error: BaseException
    cause: str = attrs.field(default="", eq=False)


@attrs.frozen
class NotFound:
    """There is no such actor."""


#: One of each for all actors: a snapshot of a large tree has many, and they are all the same.
PENDING_INIT: Final = PendingInit()
IDLE: Final = Idle()
RUNNING: Final = Running()

Status = PendingInit | Idle | Running | Interrupted | Completed | Errored | Shutdown | NotFound

#: lifecycle -> the statuses that go with it. The documentation's table is made from this one, and a test walks it.
STATUSES: Final[dict[Lifecycle, tuple[type, ...]]] = {
    Lifecycle.QUEUED: (PendingInit,),
    Lifecycle.INITIALIZING: (PendingInit,),
    Lifecycle.READY: (Idle, Running, Interrupted, Completed, Errored),
    Lifecycle.RESTING: (Idle, Interrupted, Completed, Errored),
    Lifecycle.RESTARTING: (PendingInit,),
    Lifecycle.DRAINING: (Idle, Running, Interrupted, Completed, Errored),
    Lifecycle.STOPPING: (Idle, Running, Interrupted, Completed, Errored, PendingInit),
    Lifecycle.PARKED: (Completed, Errored, Shutdown),
    Lifecycle.STOPPED: (Completed, Errored, Shutdown),
    Lifecycle.FAILED: (Errored,),
}
