"""Lifecycle: where a slot is between registration and end.

    queued ──► initializing ──► ready ◄──► resting
      │             │  ▲          │
      │             ▼  │          ▼
      │           restarting ◄── (an end that leads to a restart)      parked ──► restarting
      ▼             ▼             ▼                                       ▲
    stopping / draining ──────────┴──► parked, stopped, failed ───────────┘

A slot whose own code ended (a crash, `ctx.stop`) stays where it is until its last step, which decides whether it is restarted; only
those whom others told to end are *draining* or *stopping*, because that never leads to a restart.
"""

from enum import Enum
from typing import Final


class Lifecycle(Enum):
    """Name a slot's state; the values are what snapshots and errors show."""

    QUEUED = "queued"
    INITIALIZING = "initializing"
    READY = "ready"
    RESTING = "resting"
    RESTARTING = "restarting"
    DRAINING = "draining"
    STOPPING = "stopping"
    PARKED = "parked"
    STOPPED = "stopped"
    FAILED = "failed"

    #: Members are singletons: hashing by identity saves a Python call in each table look-up.
    __hash__ = object.__hash__


_L = Lifecycle

#: state -> the states that may follow. Everything else is a bug of the runtime.
FOLLOWS: Final[dict[Lifecycle, frozenset[Lifecycle]]] = {
    _L.QUEUED: frozenset({_L.INITIALIZING, _L.STOPPING, _L.STOPPED, _L.PARKED}),
    _L.INITIALIZING: frozenset({_L.READY, _L.RESTARTING, _L.STOPPING, _L.PARKED, _L.STOPPED, _L.FAILED}),
    _L.READY: frozenset({_L.RESTING, _L.RESTARTING, _L.DRAINING, _L.STOPPING, _L.PARKED, _L.STOPPED}),
    _L.RESTING: frozenset({_L.INITIALIZING, _L.QUEUED, _L.STOPPING, _L.PARKED, _L.STOPPED}),
    _L.RESTARTING: frozenset({_L.QUEUED, _L.INITIALIZING, _L.STOPPING, _L.PARKED, _L.STOPPED, _L.FAILED}),
    _L.DRAINING: frozenset({_L.STOPPING, _L.PARKED, _L.STOPPED}),
    _L.STOPPING: frozenset({_L.PARKED, _L.STOPPED}),
    _L.PARKED: frozenset({_L.RESTARTING, _L.STOPPED}),
    _L.STOPPED: frozenset(),
    _L.FAILED: frozenset(),
}

#: Not running, and never will by itself.
ENDED: Final = frozenset({_L.PARKED, _L.STOPPED, _L.FAILED})
#: Registered and not ready yet in this incarnation.
STARTING: Final = frozenset({_L.QUEUED, _L.INITIALIZING})
#: States that nobody should stay in for long.
PASSING: Final = frozenset({_L.QUEUED, _L.INITIALIZING, _L.RESTARTING, _L.DRAINING, _L.STOPPING})


def check_step(before: Lifecycle, after: Lifecycle) -> None:
    """Raise RuntimeError unless the table has the step."""
    if after not in FOLLOWS[before]:
        raise RuntimeError(f"greenroom: a slot cannot go from {before.value} to {after.value}; please report this")
