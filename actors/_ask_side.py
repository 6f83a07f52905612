"""The side of a ref that asks."""

from math import inf
from typing import TypeVar

import trio

from ._asking import accept, limit_ask, wait_for_answer
from ._checks import check_seconds
from ._refusals import raise_refusal
from ._request import Request, check_cycle, make_asked
from ._runner import RUNNERS
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
        if timeout is not None:
            check_seconds("ask: timeout", timeout)
        if not slot.is_open:
            raise_refusal(slot, "mail", request)
        task = trio.lowlevel.current_task()
        runner = RUNNERS.get(task)
        asker = None if runner is None else runner.slot
        lends = False
        if asker is not None:
            check_cycle(asker, slot, request)
            lends = asker.runtime.lends
        asked = make_asked(request, task, slot, asker)
        if self._pinned:
            asked.incarnation = self._pinned
        deadline = inf
        if asker is not None or timeout is not None:
            deadline = limit_ask(asked, timeout)
        if asker is not None:
            asker.get_more().waiting_for = slot
        if slot.fast and not lends:
            # As `wait_for_answer`, in this coroutine: each one more that waits has to be looked through by the garbage collector.
            try:
                accept(slot, asked)
                asked.parked = True
                await trio.lowlevel.wait_task_rescheduled(asked)
            except BaseException:
                if not asked.done:
                    asked.abandon()
                raise
        elif not lends:
            await wait_for_answer(asked, deadline)
        else:
            async with lending():
                await wait_for_answer(asked, deadline)
        if asked.error is not None:
            try:
                raise asked.error
            finally:
                asked.error = None  # no cycle of error, traceback and this frame
        return asked.value  # type: ignore[no-any-return]
