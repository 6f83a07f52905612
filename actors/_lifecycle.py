"""Lifecycle: where a slot is between registration and end.

       ┌────────────┬──────────────────────┐
       ▼            ▼                      │
    queued ──► initializing ──► ready ──► resting
      │             │  ▲          │        │ (its shutdown hook crashed: as a crash of a ready one)
      │             ▼  │          ▼
      │           restarting ◄── (an end that leads to a restart)      parked ──► restarting
      ▼             ▼             ▼                                       ▲
    stopping / draining ──────────┴──► parked, stopped, failed ───────────┘

A slot whose own code ended (a crash, `ctx.stop`) stays where it is until its last step, which decides whether it is restarted; only
those whom others told to end are *draining* or *stopping*, because that never leads to a restart. *Resting* begins in the step in which an agent is
put to rest: first its incarnation ends, then it is there without one, until something wakes it.
"""

from enum import Enum
from typing import Final, NoReturn


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


# Bound here because looking a member up on its class costs a tenth of a microsecond, at every step of every actor.
QUEUED: Final = Lifecycle.QUEUED
INITIALIZING: Final = Lifecycle.INITIALIZING
READY: Final = Lifecycle.READY
RESTING: Final = Lifecycle.RESTING
RESTARTING: Final = Lifecycle.RESTARTING
DRAINING: Final = Lifecycle.DRAINING
STOPPING: Final = Lifecycle.STOPPING
PARKED: Final = Lifecycle.PARKED
STOPPED: Final = Lifecycle.STOPPED
FAILED: Final = Lifecycle.FAILED

#: States that nobody should stay in for long.
PASSING: Final = frozenset({QUEUED, INITIALIZING, RESTARTING, DRAINING, STOPPING})

_TABLE: Final[dict[Lifecycle, frozenset[Lifecycle]]] = {
    QUEUED: frozenset({INITIALIZING, RESTARTING, STOPPING, STOPPED, PARKED}),
    INITIALIZING: frozenset({READY, RESTARTING, STOPPING, PARKED, STOPPED, FAILED}),
    READY: frozenset({RESTING, RESTARTING, DRAINING, STOPPING, PARKED, STOPPED}),
    RESTING: frozenset({INITIALIZING, QUEUED, RESTARTING, STOPPING, PARKED, STOPPED}),
    RESTARTING: frozenset({QUEUED, INITIALIZING, STOPPING, PARKED, STOPPED, FAILED}),
    DRAINING: frozenset({STOPPING, PARKED, STOPPED}),
    STOPPING: frozenset({PARKED, STOPPED}),
    PARKED: frozenset({RESTARTING, STOPPED}),
    STOPPED: frozenset(),
    FAILED: frozenset(),
}
#: The generation that most slots have in a state; by how much one's own differs from it, its passage knows (`extra`).
CHANGES: Final = {
    QUEUED: 0,
    INITIALIZING: 0,
    READY: 1,
    RESTING: 2,
    RESTARTING: 2,
    DRAINING: 2,
    STOPPING: 2,
    PARKED: 2,
    STOPPED: 2,
    FAILED: 1,
}
#: state -> the states that may follow, and of each: whether it is a passing one, and what the step adds to `extra`, so that the generation grows by
#: one. Everything else is a bug of the runtime.
FOLLOWS: Final = {
    before: {after: (after in PASSING, CHANGES[before] + 1 - CHANGES[after]) for after in follows}
    for before, follows in _TABLE.items()
}

#: Not running, and never will by itself.
ENDED: Final = frozenset({PARKED, STOPPED, FAILED})
#: Registered and not ready yet in this incarnation.
STARTING: Final = frozenset({QUEUED, INITIALIZING})


def refuse_step(before: Lifecycle, after: Lifecycle) -> NoReturn:
    """Raise RuntimeError for a step that the table does not have."""
    raise RuntimeError(f"greenroom: a slot cannot go from {before.value} to {after.value}; please report this")
