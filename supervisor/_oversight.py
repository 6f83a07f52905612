"""What a supervisor may do about the background work of those below it."""

from typing import Any

import trio

from ..actors import (
    ActorRef,
    BackgroundResult,
    BackgroundWork,
    CancelOutcome,
    Slot,
    cancel_background,
    list_background,
    slot_of,
    wait_background,
)


class Oversight:
    """Look at, wait for and cancel the background work of all actors below a supervisor: the part of `Supervisor` that is about it."""

    _slot: Slot

    def lookup(self, path: str) -> ActorRef[Any]:
        """Return the ref at a path."""
        raise NotImplementedError

    def background(self, path: str) -> list[BackgroundWork]:
        """List an actor's background work, as `ctx.background()` does. Plain function; changes nothing.

        Args:
            path: where the actor is, absolute or relative to this supervisor.

        Raises:
            ChildNotFound: nobody is there. Forbidden: it is not below this supervisor.
        """
        return list_background(self._slot, slot_of(self.lookup(path)))

    @trio.lowlevel.enable_ki_protection
    async def wait_background(self, path: str, id: int, *, timeout: float | None = None) -> BackgroundResult:  # noqa: A002 -- its name everywhere
        """Wait for a piece of an actor's background work, and take its result: nobody else gets it. Arguments as `ctx.wait_background`.

        Checkpoint: always. Cancellation: takes nothing.

        Raises:
            ChildNotFound: nobody is there. Forbidden: it is not below this supervisor. Others as `ctx.wait_background`.
        """
        return await wait_background(self._slot, slot_of(self.lookup(path)), id, timeout)

    @trio.lowlevel.enable_ki_protection
    def cancel_background(self, path: str, id: int) -> CancelOutcome:  # noqa: A002 -- its name everywhere
        """Cancel a piece of an actor's background work, as `ctx.cancel_background` does. Plain function.

        Raises:
            ChildNotFound: nobody is there.
        """
        return cancel_background(self._slot, slot_of(self.lookup(path)), id)
