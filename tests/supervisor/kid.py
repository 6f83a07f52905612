"""A child, as the rules tell of it."""

from collections.abc import Callable
from typing import Literal

import attrs

#: What a child's incarnation ends of.
Cause = Literal["crash", "finish", "startup", "ignore", "halt", "stop"]
GONE = "gone"


@attrs.define(eq=False)
class Kid:
    """Be a child as the rules tell of it."""

    name: str
    restart: str = "permanent"
    declared: bool = True
    inline: bool = True
    significant: bool = False
    #: seconds: of its startup, of its end.
    slow: float = 0.0
    lingers: float = 0.0
    #: initial, maximum, how long it must have been ready, and attempts at most.
    backoff: tuple[float, float, float, int | None] | None = None
    life: str = "queued"
    incarnation: int = 1
    cause: Cause | None = None
    admin: bool = False
    halted: bool = False
    #: somebody waits for it: a failure to start is his.
    awaited: bool = False
    mail: list[str] = attrs.field(factory=list[str])
    attempts: int = 0
    ready_at: float | None = None
    due: float | None = None
    #: counts whatever makes an event that was due void.
    epoch: int = 0
    on_start: Callable[[str], None] | None = None

    @property
    def is_down(self) -> bool:
        return self.life in ("restarting", "parked", GONE)
