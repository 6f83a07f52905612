"""A piece of background work: what was started, how it stands, and how it ended."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs
import trio

from ._faults import is_only
from ._texts import describe, without_frames
from ._vanished import LEFT, Vanished, has_vanished

Deliver = Literal["drain", "mail"]
BackgroundKind = Literal["completed", "failed", "cancelled", "crashed", "vanished"]
BackgroundState = Literal["running", "cancelling", "completed", "failed", "cancelled", "crashed", "vanished"]


@attrs.frozen
class BackgroundResult:
    """Tell how a piece of background work ended; each has exactly one end.

    Attributes:
        id: its number within the actor, from 1.
        name: as it was given, or the function's.
        prompt: as it was given.
        kind: "completed": it returned. "failed": it raised an `Exception`, or a group of nothing else. "cancelled": it ended by the cancellation
            that `cancel_background` or its owner's end had asked for (what returns or raises all the same has completed, or failed). "crashed":
            it ended by something that is no `Exception` (a `BaseException` of its own; Ctrl-C and `SystemExit`, which end the tree besides), or
            by a cancellation that nobody had asked for, as when the nursery that it ran in fell. "vanished": what it waited for has gone without
            a word: a child process that a signal killed (a `subprocess.CalledProcessError` with a negative return code, as `trio.run_process`
            raises it), a thread that `run_abandonable` has left to itself, or what the work itself calls so by raising `Vanished`.
        payload: what it returned, or the exception; None if it was cancelled.
        cause: the exception as text; empty if there is none.
        duration: seconds on Trio's clock, from the call of `run_in_background` to its end.
    """

    id: int
    name: str
    prompt: Any
    kind: BackgroundKind
    payload: Any
    cause: str = attrs.field(eq=False)
    duration: float


@attrs.frozen
class BackgroundWork:
    """Show a piece of background work whose result has not been delivered, as it was when somebody looked.

    Attributes:
        id, name, prompt: as in its `BackgroundResult`.
        since: when it was started, on Trio's clock.
        state: "running", "cancelling" (it was told to end, and has not), or the kind of its result, which nobody has taken yet.
        deliver: "drain" or "mail".
    """

    id: int
    name: str
    prompt: Any
    since: float
    state: BackgroundState
    deliver: Deliver


class Waiter:
    """Be a task that waits for one piece of work."""

    __slots__ = ("result", "task")

    def __init__(self) -> None:
        self.task = trio.lowlevel.current_task()
        self.result: BackgroundResult | None = None


@attrs.define(eq=False)
class Piece:
    """Be one piece of work, from its start to its result's delivery."""

    id: int
    call: Callable[[], Awaitable[Any]]
    name: str
    prompt: Any
    deliver: Deliver
    since: float
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    task: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    result: BackgroundResult | None = attrs.field(default=None, init=False)
    #: who waits for it, in order: the first one gets the result.
    waiters: dict[Waiter, None] = attrs.field(factory=dict[Waiter, None], init=False)

    async def wait(self, waiter: Waiter) -> None:
        """Wait, as the last in the row. Checkpoint: always. Cancellation: leaves the row."""
        self.waiters[waiter] = None

        def abort(_raise_cancel: Any) -> trio.lowlevel.Abort:
            del self.waiters[waiter]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def settle(self, result: BackgroundResult) -> bool:
        """Take in how it has ended, and hand that to who has waited longest; False if nobody waits. All others find nothing."""
        self.result = result
        waiters, self.waiters = list(self.waiters), {}
        for waiter in waiters:
            trio.lowlevel.reschedule(waiter.task)
        if waiters:
            waiters[0].result = result
        return bool(waiters)

    def shown(self) -> BackgroundWork:
        """Return what others see of it."""
        state: BackgroundState = "cancelling" if self.scope.cancel_called else "running"
        if self.result is not None:
            state = self.result.kind
        return BackgroundWork(self.id, self.name, self.prompt, self.since, state, self.deliver)

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> BackgroundResult:
        """Do the work and return how it ended; it raises nothing. Cancelled before it began, nothing of its code runs."""
        task = self.task = trio.lowlevel.current_task()
        LEFT[task] = []
        value: Any = None
        error: BaseException | None = None
        is_done = False
        try:
            with self.scope:
                if not self.scope.cancel_called:
                    value = await _call(self.call)
                    is_done = True
        except BaseException as raised:  # noqa: BLE001 -- it is this work's end and no other's; the caller hands on what ends the program
            error = without_frames(raised)
        left = [thread for thread in LEFT.pop(task) if thread.is_left()]
        kind = judge(error, is_done=is_done, was_told=self.scope.cancel_called, is_left=bool(left))
        if kind == "vanished" and left:
            error = Vanished(f"the thread of {left[0].name} was left to itself, and may go on")
        elif kind == "cancelled":
            error = None
        cause = "" if error is None else describe(error)
        duration = trio.current_time() - self.since
        return BackgroundResult(
            self.id, self.name, self.prompt, kind, value if error is None else error, cause, duration
        )


@trio.lowlevel.disable_ki_protection
async def _call(call: Callable[[], Awaitable[Any]]) -> Any:
    """Run the user's code, where Ctrl-C may arrive."""
    made = call()
    if not hasattr(made, "__await__"):
        raise TypeError(f"run_in_background: the function returned {made!r}; give an async function")
    return await made


def judge(error: BaseException | None, *, is_done: bool, was_told: bool, is_left: bool) -> BackgroundKind:
    """Return the kind of an end.

    Args:
        error: what came out of the work's scope.
        is_done: it has returned.
        was_told: somebody has cancelled it.
        is_left: a thread of it goes on.
    """
    if is_done:
        return "completed"
    if error is None or (was_told and is_only(error, trio.Cancelled)):
        return "vanished" if is_left else "cancelled"
    if not isinstance(error, Exception):
        return "crashed"
    return "vanished" if has_vanished(error) else "failed"


def name_of(function: Callable[..., Any]) -> str:
    """Return what to call work that was given no name: its function's name."""
    core = getattr(function, "func", function)  # of a partial
    name: object = getattr(core, "__name__", None)
    return name if type(name) is str and name else type(core).__name__
