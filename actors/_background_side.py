"""The side of a context that has to do with background work."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVarTuple

import trio

from ._background import CancelOutcome, drain_completed, pending_count, run_in_background
from ._oversight import cancel_background, list_background, wait_background
from ._piece import BackgroundResult, BackgroundWork, Deliver
from ._reach import slot_of
from ._ref import ActorRef

if TYPE_CHECKING:
    from ._slot import Slot

Ts = TypeVarTuple("Ts")


class BackgroundSide:
    """Start background work of an actor, and see to what comes of it."""

    __slots__ = ()

    _slot: "Slot"

    def _live(self) -> "Slot":
        raise NotImplementedError

    @trio.lowlevel.enable_ki_protection
    def run_in_background(
        self,
        fn: Callable[[*Ts], Awaitable[object]],
        *args: *Ts,
        name: str | None = None,
        prompt: Any = None,
        deliver: Deliver = "drain",
    ) -> int:
        """Start work that reports back, and return its id. Plain function: nothing of the work has run.

        It runs in a task of its own, in a copy of the context variables; it is not a turn of mine, so what it asks of others, or of me, makes no
        deadlock that could be told. It ends before my `shutdown` hook, my children and my services do, whatever I end for: cancelled, if it has
        not ended by itself. Its result is a `BackgroundResult`, delivered once. What this incarnation has not taken of it is dropped with its end
        and counted as a dead letter ("old incarnation").

        Args:
            fn: an async function; keywords go in with functools.partial.
            args: given to it.
            name: shown with it; by default the function's.
            prompt: shown with it; what the work is about, in any form.
            deliver: "drain": the result is kept until `drain_completed` or `wait_background` takes it. "mail": it comes as mail of kind
                "background" and by no other way: to `receive`, to a turn, which it starts, or to `ctx.receive()`; in the normal lane, exempt from
                the capacity.

        Returns:
            Its id: from 1, and never given again, also not after a restart.

        Raises:
            TypeError, ValueError: a wrong argument, the function's too. ActorStopping: my end has begun. Nothing has been changed.
        """
        return run_in_background(self._live(), fn, args, name, prompt, deliver)

    def drain_completed(self) -> list[BackgroundResult]:
        """Take the results of what has ended since, in the order of completion; each is given once. Plain function."""
        return drain_completed(self._live())

    def background(self, *, of: ActorRef[Any] | None = None) -> list[BackgroundWork]:
        """List background work whose result has not been delivered: what runs, and what has ended, by id. Plain function; changes nothing.

        Args:
            of: whose; mine, or of an actor below me.

        Raises:
            Forbidden: that one is not below me.
        """
        me = self._live()
        return list_background(me, me if of is None else slot_of(of))

    def pending_count(self) -> int:
        """Count my background work that has not ended; what has, and waits to be taken, is not counted. Plain function."""
        return pending_count(self._live())

    @trio.lowlevel.enable_ki_protection
    async def wait_background(
        self,
        id: int,  # noqa: A002 -- its name everywhere
        *,
        timeout: float | None = None,
        of: ActorRef[Any] | None = None,
    ) -> BackgroundResult:
        """Wait for a piece of background work to end, and take its result: no drain and nobody else gets it. Of those who wait, the first does.

        Args:
            id: its number.
            timeout: seconds on Trio's clock, from 0; None means no limit. Past it the work goes on, and its result can still be taken.
            of: whose; mine, or of an actor below me.

        Checkpoint: always. Cancellation: takes nothing; the work goes on.

        Raises:
            BackgroundTimeout: it has not ended in time.
            BackgroundNotFound: there is none of that number; or its result was delivered already, comes as mail, or is of an old incarnation.
            Forbidden: that actor is not below me. Deadlock: the work waits for its own end.
        """
        me = self._live()
        return await wait_background(me, me if of is None else slot_of(of), id, timeout)

    @trio.lowlevel.enable_ki_protection
    def cancel_background(self, id: int, *, of: ActorRef[Any] | None = None) -> CancelOutcome:  # noqa: A002 -- its name everywhere
        """Tell a piece of background work to end: its code is cancelled. Plain function, idempotent; the result comes when it has ended.

        Args:
            id: its number.
            of: whose; mine, or of an actor below me.

        Returns:
            "signalled": it was running, and will be cancelled at its next checkpoint; begun or not. "already ended": it has ended, now or long
            ago. "not found": no work of that number was ever started. "forbidden": that actor is not below me, and nothing has been done.
        """
        me = self._live()
        return cancel_background(me, me if of is None else slot_of(of), id)
