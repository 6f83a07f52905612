"""The side of a ref that asks."""

from typing import TypeVar

import trio

from ._asking import accept, make_ask, wait_for_answer
from ._parking import park
from ._request import Request
from ._turn_gate import lending
from ._view import ActorView

R = TypeVar("R")


class AskSide(ActorView):
    """Ask an actor."""

    __slots__ = ()

    #: the incarnation it is pinned to; 0 for a ref of the slot.
    _pinned = 0

    @trio.lowlevel.enable_ki_protection
    async def ask(self, request: Request[R], *, timeout: float | None = None) -> R:
        """Send a request and wait for its answer.

        Args:
            request: its class says what the answer is (`class Get(Request[int])`).
            timeout: seconds; None means none of its own. Within the handling of an ask with a deadline, that deadline bounds this one.

        Checkpoint: always. Cancellation: what has not begun is not executed and becomes a dead letter; a late answer is dropped.

        Raises:
            AskTimeout: no answer in time; what has not begun is not executed.
            ActorCrashed: the actor raised; its exception is the cause.
            StartupFailed: it never became ready.
            ActorStopping, ActorStopped: nobody will answer, or the actor ended first; at once, not by timeout.
            TurnInterrupted: the turn that was to answer was interrupted. NoReply: the reply was deferred, and dropped.
            Deadlock: it closes a cycle of actors that each wait in their own turn; at once, and nothing was sent.
            MailboxFull: there is no room, and the policy is to refuse.
        """
        slot = self._slot
        asked = make_ask(slot, request, timeout, self._pinned)
        if asked.asker is not None and asked.asker.runtime.lends:
            async with lending():
                await wait_for_answer(asked)
        elif not slot.fast:
            await wait_for_answer(asked)
        else:
            # The same in this coroutine, and with few variables: the garbage collector looks through whatever waits, and all that it refers to.
            try:
                accept(slot, asked)
                asked.parked = True
                await park(asked)
            except BaseException:
                if not asked.done:
                    asked.abandon()
                raise
        if asked.error is not None:
            try:
                raise asked.error
            finally:
                asked.error = None  # no cycle of error, traceback and this frame
        return asked.value  # type: ignore[no-any-return]
