"""Admission: who may do what, when. The table of section 3 of the semantics, as data that the code runs and a test walks.

A row is a lifecycle (ready is split by whether a turn is active); a column is what somebody wants. The public methods of a ref are each a
column here, or a named exception to the table.
"""

from typing import Final, Literal

from ._errors import (
    ActorRestarting,
    ActorStopped,
    ActorStopping,
    NoActiveTurn,
    NotIdle,
    Refused,
    StartupInProgress,
    TurnInProgress,
)
from ._lifecycle import (
    DRAINING,
    FAILED,
    INITIALIZING,
    PARKED,
    QUEUED,
    READY,
    RESTARTING,
    RESTING,
    STOPPED,
    STOPPING,
    Lifecycle,
)

Column = Literal["mail", "turn", "steer", "interrupt", "stop", "drain", "rest", "look"]
#: "q" queued in order, "run" starts a turn now if idle, else queued, "-" nothing happens, "yes" carried out, "later" carried out once
#: ready, "cancel" cancels the startup or the restart; an error class: refused with it; "failed": refused with the startup's failure.
Answer = Literal["q", "run", "-", "yes", "later", "cancel", "failed"] | type[Refused]

IN_TURN: Final = "ready, in a turn"

_starting: Final[dict[Column, Answer]] = {
    "mail": "q",
    "turn": StartupInProgress,
    "steer": NoActiveTurn,
    "interrupt": "-",
    "stop": "cancel",
    "drain": "later",
    "rest": NotIdle,
    "look": "yes",
}
_ending: Final[dict[Column, Answer]] = {
    "mail": ActorStopping,
    "turn": ActorStopping,
    "steer": ActorStopping,
    "interrupt": "yes",
    "stop": "yes",
    "drain": "yes",
    "rest": NotIdle,
    "look": "yes",
}
_ended: Final[dict[Column, Answer]] = {
    "mail": ActorStopped,
    "turn": ActorStopped,
    "steer": ActorStopped,
    "interrupt": "-",
    "stop": "-",
    "drain": "-",
    "rest": NotIdle,
    "look": "yes",
}

Row = Lifecycle | Literal["ready, in a turn"]

ADMISSION: Final[dict[Row, dict[Column, Answer]]] = {
    QUEUED: _starting,
    INITIALIZING: _starting,
    READY: {
        "mail": "run",
        "turn": "run",
        "steer": NoActiveTurn,
        "interrupt": "-",
        "stop": "yes",
        "drain": "yes",
        "rest": "yes",
        "look": "yes",
    },
    IN_TURN: {
        "mail": "q",
        "turn": TurnInProgress,
        "steer": "q",
        "interrupt": "yes",
        "stop": "yes",
        "drain": "yes",
        "rest": NotIdle,
        "look": "yes",
    },
    RESTING: {
        "mail": "q",
        "turn": StartupInProgress,
        "steer": NoActiveTurn,
        "interrupt": "-",
        "stop": "yes",
        "drain": "later",
        "rest": NotIdle,
        "look": "yes",
    },
    RESTARTING: {
        "mail": "q",
        "turn": ActorRestarting,
        "steer": ActorRestarting,
        "interrupt": "-",
        "stop": "cancel",
        "drain": "later",
        "rest": NotIdle,
        "look": "yes",
    },
    DRAINING: _ending,
    STOPPING: _ending,
    FAILED: {
        "mail": "failed",
        "turn": "failed",
        "steer": "failed",
        "interrupt": "-",
        "stop": "-",
        "drain": "-",
        "rest": NotIdle,
        "look": "yes",
    },
    STOPPED: _ended,
    PARKED: _ended,
}
