"""Runners: the tasks that step actors. A worker of the pool and a solo differ in whom they serve, not in how."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

import trio

if TYPE_CHECKING:
    from ._slot import Slot


LEAVE: Final = 1
CANCELLED: Final = 2


class Runner:
    """Be a task that steps a slot."""

    __slots__ = ("held", "hit", "scope", "slot", "task")

    def __init__(self) -> None:
        #: the slot in hand.
        self.slot: Slot | None = None
        self.task: trio.lowlevel.Task | None = None
        #: around the current activation.
        self.scope: trio.CancelScope | None = None
        #: how the activation is to be left after the message in hand: not, LEAVE (see to the slot), CANCELLED (and to the scope).
        self.hit = 0
        #: the nurseries that its actors have left open: live, and always empty for a task that serves one actor alone.
        self.held: Sequence[trio.Nursery] = ()

    def clear(self) -> None:
        """Begin an activation that nothing has hit."""
        self.hit = 0

    def interrupt(self, slot: "Slot") -> bool:
        """Cancel what this runner does for the slot right now."""
        if self.slot is not slot or self.scope is None:
            return False
        self.hit = CANCELLED
        self.scope.cancel()
        return True

    def is_at(self, slot: "Slot", scope: trio.CancelScope | None) -> bool:
        """Return whether the turn that this scope is around goes on: in these hands, and the end of its actor has not begun."""
        return slot.runner is self and self.slot is slot and self.scope is scope and not slot.ending

    def cancel_startup(self) -> None:
        """Cancel the startup in progress."""
        raise NotImplementedError

    def shutdown_limit(self, deadline: float) -> AbstractContextManager[trio.CancelScope] | None:
        """Return what bounds a shutdown hook, until a time of Trio's clock; None: a scope of its own."""
        return None

    def stack(self) -> str:
        """Return where its task is, innermost last, as text."""
        return "    (has not begun)" if self.task is None else stack_of(self.task)


def stack_of(task: trio.lowlevel.Task) -> str:
    """Return where a task is, innermost last, as text."""
    lines = [
        f"    {frame.f_code.co_filename}:{lineno} in {frame.f_code.co_qualname}"
        for frame, lineno in task.iter_await_frames()
    ]
    return "\n".join(lines) or "    (is running this very step)"


#: task -> its runner, for "who is asking?".
RUNNERS: Final[dict[Any, Runner]] = {}


def check_thread() -> None:
    """Raise RuntimeError in a thread that runs no Trio: nobody can be woken from there."""
    if not trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "greenroom: this thread runs no Trio; call trio.from_thread.run_sync(ref.tell, message), "
            "with trio_token= in a thread that Trio did not start"
        )


def current_slot() -> "Slot | None":
    """Return the slot whose own turn (or startup, or shutdown hook) is running in the current task; None elsewhere."""
    try:
        runner = RUNNERS.get(trio.lowlevel.current_task())
    except RuntimeError:
        return None
    return None if runner is None else runner.slot


def current_path() -> str:
    """Return the path of the slot whose own turn is running; "outside" elsewhere."""
    slot = current_slot()
    return "outside" if slot is None else slot.path
