"""A passage: what a slot has on its way, from one state into another or to its end, and has been through. Most are settled, and share one object."""

from enum import IntEnum
from math import inf
from typing import Final


class Order(IntEnum):
    """What a slot has been told to do, in growing urgency; a later order never weakens an earlier one."""

    NONE = 0
    DRAIN = 1
    STOP = 2
    #: Of itself, or of its supervisor: what it has in hand is cut off. Those below it are stopped, and not killed.
    CUT_OFF = 3
    #: Others' kill, or its time is over: those below it are killed.
    END = 4


#: Bound here for the same reason as the lifecycle's states.
NO_ORDER: Final = Order.NONE
DRAIN: Final = Order.DRAIN
STOP: Final = Order.STOP
CUT_OFF: Final = Order.CUT_OFF
END: Final = Order.END


class Passage:
    """Hold what a slot has on its way.

    Attributes:
        order: what it has been told.
        by: which others asked for the end, if any did: it is not judged by the restart type then.
        stop_by: Trio's clock: by when an end that was asked for has to be over.
        ending: the end of this incarnation is being carried out.
        extra: by how much its generation differs from what its lifecycle says.
        since: Trio's clock: when it came into its present state, if that is a passing one; None if in that it was registered.
    """

    __slots__ = ("by", "ending", "extra", "order", "since", "stop_by")

    def __init__(self) -> None:
        self.extra = 0
        self.ending = False
        self.since: float | None = None
        self.call_off()

    def call_off(self) -> None:
        """Forget what it has been told, as another incarnation follows."""
        self.order = NO_ORDER
        self.by = ""
        self.stop_by = inf


#: Of all slots that are settled; never written to.
SETTLED: Final = Passage()
