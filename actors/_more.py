"""What few slots have: made at first use, so that most actors pay nothing for it."""

from collections.abc import Callable
from contextvars import Context as ContextVars
from typing import TYPE_CHECKING, Any

import trio

from ..mailbox import Letter
from ._reasons import ExitReason
from ._status import Status

if TYPE_CHECKING:
    from ._background import Background
    from ._deadlines import Deadline
    from ._entries import Entry
    from ._family import Family
    from ._gate import Gate
    from ._monitor import Monitor
    from ._poll import Poll
    from ._reports import ReportLog
    from ._request import Asked
    from ._slot import Slot
    from ._timer import Timer
    from ._turn import Turn
    from ._watchdog import Watchdog


class More:
    """Hold what few slots have."""

    __slots__ = (
        "awaited", "background", "changes", "closing", "context", "deferred", "entries", "family", "gate", "halted", "helpers", "in_vain",
        "keyed_timers", "last_exit", "last_turn", "log", "monitors", "observers", "poll", "readied", "redelivered", "reopened", "report_turn",
        "rests", "roused", "stash", "stop_timer", "timers", "turn", "turns", "vars", "wait_is_over", "waiting_for", "wakes_parent", "warnings",
        "watchdog", "watching",
    )  # fmt: skip

    def __init__(self) -> None:
        self.family: Family | None = None
        self.log: ReportLog | None = None
        self.gate: Gate | None = None
        #: name -> who was started last under it by an agent tool, so that its end can be told when it is forgotten.
        self.helpers: dict[str, Slot] | None = None
        self.turn: Turn[Any] | None = None
        #: the slot that this one's own turn task waits for: an edge of the deadlock check.
        self.waiting_for: Slot | None = None
        #: the requests that its turn waits for together, each an edge until it is answered.
        self.poll: Poll | None = None
        #: tells whether that wait is over though the task has not gone on; None for an ask, whose edge ends with its answer.
        self.wait_is_over: Callable[[], bool] | None = None
        #: requests taken whose reply was deferred, in order.
        self.deferred: dict[Asked, None] | None = None
        #: seq -> how often that mail was given again, for what waits.
        self.redelivered: dict[int, int] | None = None
        #: who wants a Down when this slot ends.
        self.monitors: dict[Monitor, None] | None = None
        #: monitors that this slot's incarnation has set up.
        self.watching: dict[Monitor, None] | None = None
        self.timers: dict[Timer, None] | None = None
        self.keyed_timers: dict[str | int, Timer] | None = None
        #: what it holds in the registry and in groups, in order; None if nothing.
        self.entries: dict[Entry, None] | None = None
        #: parks whoever waits for a change of this slot.
        self.changes: trio.lowlevel.ParkingLot | None = None
        self.observers: dict[Any, None] | None = None
        #: the context variables that its incarnation runs in, if they are not the tree's.
        self.context: ContextVars | None = None
        #: the scope around the step of the end that is being carried out.
        self.closing: trio.CancelScope | None = None
        self.stop_timer: Deadline | None = None
        #: its supervisor ends the incarnation for the next one to follow.
        self.halted = False
        #: somebody awaits `start(...)` of it: a failure is raised there, and nowhere reported.
        self.awaited = False
        #: the last incarnation that somebody could have awaited and that became ready.
        self.readied = 0
        #: the last incarnation that was awaited and ended without having become ready, whatever followed.
        self.in_vain = 0
        self.wakes_parent = False
        #: why the incarnation before this one ended.
        self.last_exit: ExitReason | None = None
        #: how an agent's last turn ended, as a status.
        self.last_turn: Status | None = None
        #: the context variables it was registered with, if they are not the tree's: each incarnation begins with a copy.
        self.vars: ContextVars | None = None
        #: optional services that failed, and the like: name -> text.
        self.warnings: dict[str, str] | None = None
        self.watchdog: Watchdog | None = None
        self.stash: list[Letter] | None = None
        #: the books of its background work, over all incarnations.
        self.background: Background | None = None
        #: how many turns there have been.
        self.turns = 0
        #: a report asked for a turn of this agent.
        self.report_turn = False
        #: how often somebody has started it again after it had been parked.
        self.reopened = 0
        #: how often it has been put to rest, and whether somebody wanted it ready while it was being put there.
        self.rests = 0
        self.roused = False
