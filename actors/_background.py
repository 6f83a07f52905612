"""Background work: what an actor starts and does not wait for, and how its results come back.

Each piece of work has exactly one end, and each result is delivered once: drained, waited for, or as mail; or it is buried with the incarnation that
wanted it. The books are kept here, by plain functions; the tasks are the keeper's. Pieces know nothing of each other: what one raises is its
result, and neither cancels another nor crashes the actor.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import trio

from ..mailbox import DeadLetter, Envelope
from ._errors import ActorStopping, BackgroundNotFound, BackgroundTimeout, Deadlock
from ._faults import ends_program
from ._keeper import Keeper
from ._piece import BackgroundResult, BackgroundWork, Deliver, Piece, Waiter, name_of
from ._runner import check_thread, stack_of

if TYPE_CHECKING:
    from ._slot import Slot

CancelOutcome = Literal["signalled", "already ended", "not found", "forbidden"]

#: Kinds of results that are logged if nobody was there to take them.
BAD: Final = frozenset({"failed", "crashed", "vanished"})


class Background:
    """Keep the books of one slot's background work, over its incarnations: ids are never given again."""

    __slots__ = ("_ended", "_first", "_keeper", "_last", "_running", "_slot")

    def __init__(self, slot: "Slot") -> None:
        self._slot = slot
        self._keeper = Keeper(slot.runtime, f"{slot.path} background")
        #: the last id that was given, and the first one that the current incarnation may give.
        self._last = 0
        self._first = 1
        #: in the order of their start.
        self._running: dict[int, Piece] = {}
        #: what has ended and was not delivered, in the order of completion.
        self._ended: dict[int, Piece] = {}

    @trio.lowlevel.enable_ki_protection
    def start(self, call: Callable[[], Awaitable[Any]], name: str, prompt: Any, deliver: Deliver) -> int:
        """Start a piece of work and return its id. Plain; its code runs in a copy of the caller's context variables."""
        self._last = work_id = self._last + 1
        piece = self._running[work_id] = Piece(work_id, call, name, prompt, deliver, self._slot.runtime.now())
        self._keeper.start_soon(partial(self._run, piece), f"{self._slot.path} background {work_id}: {name}")
        return work_id

    @trio.lowlevel.enable_ki_protection
    async def _run(self, piece: Piece) -> None:
        """Be the task of one piece of work; settling it is the last thing that it does."""
        runtime = self._slot.runtime
        result = await piece.run()
        self._settle(piece, result)
        if result.kind == "crashed":
            text = f"background work {piece.id} ({piece.name}) crashed: {result.cause}"
            runtime.log_later(logging.ERROR, text, self._slot, cause=result.cause)
            if ends_program(result.payload):
                runtime.die(result.payload)
        runtime.flush_log()

    @trio.lowlevel.enable_ki_protection
    def _settle(self, piece: Piece, result: BackgroundResult) -> None:
        """Take in how a piece of work has ended, and deliver it: to who has waited longest, to the next `drain`, or by mail."""
        del self._running[piece.id]
        slot = self._slot
        if piece.settle(result):
            slot.runtime.passivation.recheck(slot)
        elif piece.deliver == "drain" and piece.id >= self._first:
            self._ended[piece.id] = piece
        elif slot.ending or not slot.box.is_open or piece.id < self._first:
            self._bury(result)
        else:
            slot.runtime.post(slot, Envelope(result, kind="background", incarnation=slot.incarnation))
            slot.runtime.passivation.recheck(slot)

    def _bury(self, result: BackgroundResult) -> None:
        """Count a result that its incarnation has not taken."""
        slot = self._slot
        slot.dead_letters.add(DeadLetter(result, slot.path, slot.uid, None, 0, "old incarnation"))
        if result.kind in BAD:
            text = (
                f"background work {result.id} ({result.name}) {result.kind}, and nobody took the result: {result.cause}"
            )
            slot.runtime.log_later(logging.WARNING, text, slot, cause=result.cause)

    # -- looking

    def listed(self) -> list[BackgroundWork]:
        """Return what runs, and what has ended and was not delivered, by id. Plain; changes nothing."""
        return [piece.shown() for _, piece in sorted([*self._running.items(), *self._ended.items()])]

    @property
    def pending(self) -> int:
        """How many have not ended."""
        return len(self._running)

    @property
    def has_work(self) -> bool:
        """True while some has not ended, or a result of it was not delivered."""
        return bool(self._running or self._ended)

    @property
    def is_busy(self) -> bool:
        """True while a task of it has not ended."""
        return self._keeper.is_busy

    def stacks(self) -> str:
        """Return where the work is that has not ended, as text."""
        return "".join(
            f"\n  background work {piece.id} ({piece.name}), at\n{stack_of(piece.task)}"
            for piece in self._running.values()
            if piece.task is not None
        )

    # -- taking

    @trio.lowlevel.enable_ki_protection
    def drain(self) -> list[BackgroundResult]:
        """Take what has ended, in the order of completion. Plain."""
        taken = [piece.result for piece in self._ended.values() if piece.result is not None]
        self._ended.clear()
        self._slot.runtime.passivation.recheck(self._slot)
        return taken

    @trio.lowlevel.enable_ki_protection
    async def wait(self, work_id: int, timeout: float | None) -> BackgroundResult:
        """Wait for a piece of work to end, and take its result.

        The result is handed over in the step in which the work ends, so that nobody else can take it before this task goes on.
        Checkpoint: always. Cancellation: takes nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        ended = self._ended.pop(work_id, None)
        if ended is not None:
            self._slot.runtime.passivation.recheck(self._slot)
            await trio.lowlevel.cancel_shielded_checkpoint()
            assert ended.result is not None
            return ended.result
        piece = self._running.get(work_id)
        if piece is None or piece.deliver == "mail":
            raise self._not_found(work_id)
        waiter = Waiter()
        if piece.task is waiter.task:
            name = f"{self._slot.path} background work {work_id}"
            raise Deadlock((name, name), None, "a piece of work cannot wait for its own end")
        with trio.CancelScope(deadline=inf if timeout is None else trio.current_time() + timeout) as scope:
            await piece.wait(waiter)
        if scope.cancelled_caught:
            assert timeout is not None
            raise BackgroundTimeout(self._slot.path, work_id, timeout)
        if waiter.result is None:
            raise self._not_found(work_id)
        return waiter.result

    def _not_found(self, work_id: int) -> BackgroundNotFound:
        piece = self._running.get(work_id)
        if piece is not None:
            why = "its result comes as mail, and by no other way"
        elif not 1 <= work_id <= self._last:
            why = (
                f"there is none of that number; the last one was {self._last}" if self._last else "none was started yet"
            )
        elif work_id < self._first:
            why = "it was of an earlier incarnation, and ended with that"
        else:
            why = "its result has been delivered already"
        return BackgroundNotFound(self._slot.path, work_id, why)

    # -- ending

    @trio.lowlevel.enable_ki_protection
    def cancel(self, work_id: int) -> CancelOutcome:
        """Cancel a piece of work; it ends in its own time. Plain, idempotent."""
        piece = self._running.get(work_id)
        if piece is not None:
            piece.scope.cancel()
            return "signalled"
        return "already ended" if 1 <= work_id <= self._last else "not found"

    async def close(self) -> None:
        """Cancel all work, and return when its tasks have ended. Shielded by the caller."""
        for piece in self._running.values():
            piece.scope.cancel()
        await self._keeper.wait_ended()

    @trio.lowlevel.enable_ki_protection
    def forget(self) -> None:
        """Bury what an ended incarnation has not taken. Plain."""
        for piece in self._ended.values():
            if piece.result is not None:
                self._bury(piece.result)
        self._ended.clear()
        self._first = self._last + 1


def run_in_background(  # noqa: PLR0917 -- what `ctx.run_in_background` was given
    slot: "Slot", function: Callable[..., Any], args: tuple[Any, ...], name: str | None, prompt: Any, deliver: Deliver
) -> int:
    """Check what a piece of work is to be, and start it; nothing has been changed if it is refused."""
    if not callable(function):
        raise TypeError(
            f"run_in_background: {function!r} is not callable; give an async function, and its arguments after it"
        )
    if name is not None and (type(name) is not str or not name):
        raise TypeError(f"run_in_background: name is {name!r}; give a non-empty string")
    if deliver not in get_args(Deliver):
        raise ValueError(f"run_in_background: deliver is {deliver!r}; give 'drain' or 'mail'")
    _check_arguments(function, args)
    check_thread()
    if slot.ending:
        raise ActorStopping(slot.path, None, "its end has begun, and with it that of its background work")
    more = slot.get_more()
    if more.background is None:
        more.background = Background(slot)
    return more.background.start(partial(function, *args), name or name_of(function), prompt, deliver)


def _check_arguments(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # nobody knows what it takes
    try:
        signature.bind(*args)
    except TypeError as error:
        raise TypeError(
            f"run_in_background: {name_of(function)}{signature}: {error}; keyword arguments go in with functools.partial"
        ) from None


def drain_completed(slot: "Slot") -> list[BackgroundResult]:
    """Take the results of what has ended."""
    books = None if slot.more is None else slot.more.background
    return [] if books is None else books.drain()


def pending_count(slot: "Slot") -> int:
    """Count the work that has not ended."""
    books = None if slot.more is None else slot.more.background
    return 0 if books is None else books.pending
