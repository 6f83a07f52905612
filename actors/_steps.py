"""Steps: the one loop that drains mailboxes, for workers of the pool and for solos alike.

A slot is taken from the run queue; what it has to see to besides mail comes first (a start, an end); then message after message, up to a budget.
Whatever an actor raises becomes a reason for its end and goes the same way as a stop. Order matters in the loop: a message is in hand from
before its handler begins until the activation is over, so that at every moment it is in exactly one place.
"""

from collections.abc import Generator
from contextvars import Context as ContextVars
from contextvars import copy_context
from time import perf_counter
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Final

import trio

from ..mailbox import NOTHING, Envelope
from ._bundled import BundledAsks
from ._context import Context
from ._ending import end_at_once
from ._errors import OwnTaskNeeded, StartupFailed
from ._faults import is_fatal, is_only
from ._held import close_nurseries
from ._last_step import finalize_at_once
from ._lifecycle import DRAINING, INITIALIZING
from ._orders import note_end
from ._passage import CUT_OFF, DRAIN, STOP
from ._raised import fail_message
from ._reasons import Cancelled, Crashed, Finished
from ._request import Asked
from ._runner import CANCELLED, Runner
from ._slot import Slot
from ._starting import begin, begin_at_once
from ._texts import describe, without_frames
from ._variables import differ
from ._watchdog import end_watch, watchdog_of
from ._working import fail_turn, finish_function, interrupt_turn, run_turn

if TYPE_CHECKING:
    from ._runtime import Runtime

#: Seconds: if what came between two looks at the clock took no longer, the next look is after twice as many messages, or starts; else after one.
QUICK: Final = 0.00005
#: Messages, or starts, between two looks.
MOST: Final = 8


@coroutine
def switch(context: ContextVars) -> Generator[Any, None, None]:
    """Go on in another context; only under a Watch."""
    yield context


class Steps(Runner):
    """Be the loop; the two kinds of runners differ in whom they serve."""

    __slots__ = ("away", "clean", "home", "pool", "runtime")

    #: it steps actors that others could step as well.
    shared: ClassVar[bool]
    pool: Any
    #: the context that this task steps actors in as long as none of them has changed a variable.
    home: ContextVars
    #: what it looked like then; nobody runs in this one, so nobody changes it.
    clean: ContextVars
    #: it is in the context of the actor in hand instead.
    away: bool
    runtime: "Runtime"

    async def steps(self) -> None:  # noqa: C901 -- the hot loop: each call saved here is a tenth of a message
        """Drain the run queue until it is empty, the baton is lost, or the activation was hit."""
        pool = self.pool
        runq = pool.runq
        per_activation, per_turn = pool.per_activation, pool.per_turn
        held, shared, clean = self.held, self.shared, self.clean if self.shared else None
        # Messages, or starts: between two looks at the clock; until the next look; that this turn has left after that one.
        step, ahead, left = 1, 1, per_turn - 1
        most = MOST if per_activation >= MOST else 1
        plain: Any = None  # the class of the last message that was not in a letter: most often the next one's, too
        now = perf_counter()
        until = now + pool.time_slice
        while runq:
            slot: Slot = runq.popleft()
            self.slot = slot
            slot.runner = self
            more = slot.more
            if more is not None and more.context is not None:
                self.away = True
                await switch(more.context)
            n, look, is_empty = 0, ahead, False
            message: Any
            handler: Any
            box: Any = slot
            live = True
            if slot.attention and shared and not begin_at_once(slot):
                live = await self.attend(slot)
            if live:
                timed = slot.policy.handler_timeout is not None
                try:
                    if not shared and slot.blueprint.kind != "actor":
                        await self.work(slot)
                    else:
                        handler = watchdog_of(slot) if timed else slot.actor
                        queue = box.queue
                        ctx = slot.ctx
                        if ctx is None and (box.only is not NOTHING or queue or not box.fast):  # the first mail
                            ctx = slot.ctx = Context()  # as `make_context`, without its call
                            ctx._slot = slot  # noqa: SLF001
                        while True:
                            if n == look:
                                if n == per_activation:
                                    break
                                before, now = now, perf_counter()
                                if now > until:
                                    break
                                step = 1 if now - before > QUICK else step * 2 if step < most else most
                                ahead = step if step < left else left if left > 0 else 1
                                if ahead > per_activation - n:  # noqa: PLR1730 -- without a call
                                    ahead = per_activation - n
                                left -= ahead
                                look += ahead
                            if box.fast:
                                if queue:
                                    message = queue.popleft()
                                elif box.only is not NOTHING:
                                    message = box.only
                                    box.only = NOTHING
                                elif box.queue:
                                    queue = box.queue
                                    continue
                                else:
                                    is_empty = True
                                    break
                            else:
                                message = box.take(slot.incarnation)
                                if message is None:
                                    break
                                queue = box.queue
                            box.hand = message
                            n += 1
                            kind = message.__class__
                            if kind is plain:
                                result = handler.receive(message, ctx)
                                if result.__class__ is CoroutineType:
                                    await result
                            elif kind is Asked:
                                if message.void:
                                    box.rare.voids -= 1
                                    continue
                                message.begun = True
                                result = handler.receive(message.message, ctx)
                                if result.__class__ is CoroutineType:
                                    result = await result
                                if box.hand is message and not message.deferred:
                                    message.answer(result)
                            elif kind is BundledAsks:
                                at = message.at
                                message.at = at + 1
                                message.place = at = message.places[at]
                                result = handler.receive(message.values[at], ctx)
                                if result.__class__ is CoroutineType:
                                    result = await result
                                if box.hand is message:
                                    message.answer(result)
                                elif box.hand.__class__ is Asked and not box.hand.deferred:  # made a letter
                                    box.hand.answer(result)
                            elif kind is Envelope:
                                if message.void or message.incarnation not in (0, slot.incarnation):
                                    box.bury(message, "cancelled" if message.void else "old incarnation")
                                    continue
                                result = handler.receive(message.message, ctx)
                                if result.__class__ is CoroutineType:
                                    await result
                            else:
                                plain = kind
                                result = handler.receive(message, ctx)
                                if result.__class__ is CoroutineType:
                                    await result
                            if self.hit:
                                break
                except Exception as error:  # noqa: BLE001 -- whatever user code raises is its own incarnation's affair, and nobody else's
                    fail_message(slot, error)
                else:
                    box.hand = None
                if timed:
                    end_watch(slot)
                if held:
                    await self.let_go(slot)
                if slot.attention and shared:
                    live = not (finalize_at_once(slot) or end_at_once(slot)) and await self.attend(slot)
                    is_empty = False  # that may have taken time
            # Out of its hands: from here to the end of the loop there is no checkpoint but the fairness one.
            slot.runner = None
            self.slot = None
            if shared:
                if self.away:
                    self.away = False
                    await switch(self.home)
                else:
                    try:
                        is_changed = self.home != clean
                    except Exception:  # noqa: BLE001 -- as `differ`, without its call
                        is_changed = True
                    if is_changed:
                        await self._leave_context(slot, keep=live)
            if live:
                if slot.attention or (not is_empty and box.has_triggers):
                    runq.append(slot)
                else:
                    slot.idle = True
                    if box.queue is not None:
                        box.give_back_lane()
            if self.hit:
                if live:
                    slot.touch()
                if self.hit == CANCELLED:
                    return
                self.hit = 0
            if pool.baton is not self or (not shared and slot.attention):
                return
            if not n:
                n = 1
            ahead = look - n
            if not ahead or left < 0:
                if now <= until:
                    before, now = now, perf_counter()
                    step = 1 if now - before > QUICK else step * 2 if step < most else most
                if left <= 0 or now > until:
                    if now > until or not live or slot.idle or len(runq) > 1:  # not known how long the next one's takes
                        step = 1
                    until = await self.breathe()
                    now = until - pool.time_slice
                    left = per_turn
                    if slot.attention and not shared:
                        return  # told to end meanwhile: whoever tells relies on its being looked at before the next message
                ahead = step if step < left else left  # noqa: FURB136 -- without a call
                left -= ahead

    async def prepare(self, slot: Slot) -> bool:
        """See to what comes before mail: a start, a drain; True if the slot is ready for mail, False if it is to end."""
        if slot.life is INITIALIZING and slot.reason is None and slot.passage.order < STOP:
            own = None if slot.more is None else slot.more.vars
            if self.shared and own is not None:
                context = slot.get_more().context = own.copy()
                self.away = True
                await switch(context)
            await begin(slot, self)  # type: ignore[arg-type]
        order = slot.passage.order
        if (
            order is DRAIN
            and slot.life is DRAINING
            and not slot.box.has_triggers
            and (slot.more is None or slot.more.turn is None)
            and slot.blueprint.kind != "function"
        ):
            order = slot.own_passage().order = STOP
        if slot.reason is not None or order >= STOP:
            return False
        slot.attention = order is DRAIN and slot.blueprint.kind != "function"
        return True

    async def attend(self, slot: Slot) -> bool:
        """See to a start or an end of a slot that shares this task; True if it is ready for mail."""
        raise NotImplementedError

    async def work(self, slot: Slot) -> None:
        """Do what is not message by message: an agent's turn, or a function from its beginning to its end."""
        if slot.blueprint.kind == "agent":
            await run_turn(slot)
        else:
            factory = slot.factory
            assert factory is not None
            result = await factory(slot.ctx, *slot.args)
            finish_function(slot, Finished(result))

    def crashed(self, slot: Slot, error: Exception) -> None:
        """Note that the slot's code raised; its end follows."""
        note_end(slot, Crashed(without_frames(error), describe(error)))

    def blame(self, slot: Slot, error: BaseException) -> None:
        """Find the reason of an end in what is no Exception: a cancellation that nobody owns, or Ctrl-C, which ends the tree."""
        if is_only(error, trio.Cancelled):
            note_end(slot, Cancelled())
            return
        cause = describe(error)
        if slot.starting:
            note_end(slot, StartupFailed(slot.path, error, cause))
        else:
            note_end(slot, Crashed(error, cause))
        if is_fatal(error):
            self.runtime.die(error)

    async def after_scope(self, slot: Slot, error: BaseException | None) -> None:
        """See to the slot in hand after its scope was left early: interrupted, told to end, or by a foreign cancellation."""
        turn = None if slot.more is None else slot.more.turn
        if error is not None:
            if isinstance(error, Exception):
                if turn is not None:
                    fail_turn(slot, turn, error)  # a group: what was raised while the turn was cancelled
                else:
                    fail_message(slot, error)
            elif self._is_over():
                raise error
            else:
                self.blame(slot, error)
        elif slot.reason is None and slot.order < CUT_OFF:
            interrupt_turn(slot)
        end_watch(slot)
        slot.runner = None
        self.slot = None
        if self.shared:
            if self.away:
                self.away = False
                await switch(self.home)
            elif differ(self.home, self.clean):
                await self._leave_context(slot, keep=True)
        if slot.attention or slot.box.has_triggers:
            self.pool.runq.append(slot)
        else:
            slot.idle = True

    def _is_over(self) -> bool:
        nursery = self.runtime.nursery
        return nursery is None or nursery.cancel_scope.cancel_called

    async def let_go(self, slot: Slot) -> None:
        """Close what an actor left open in a task that it shares with others, and crash it for that."""
        self.crashed(slot, await self.close_held(slot))

    async def close_held(self, slot: Slot) -> OwnTaskNeeded:
        """Close what was left open in a shared task; returns what to say of it."""
        needed = OwnTaskNeeded(
            f"{slot.path}: a nursery was left open; give {type(slot.actor).__qualname__} own_task = True, open it in startup, "
            "and close it in shutdown; or make a service of it"
        )
        needed.__cause__ = await close_nurseries(self.held)
        return needed

    async def _leave_context(self, slot: Slot, *, keep: bool) -> None:
        """Leave the changed context to the slot that changed it, unless its incarnation has ended, and go on in a clean one."""
        if keep:
            slot.get_more().context = copy_context()
        self.home = self.clean.copy()
        await switch(self.home)

    async def breathe(self) -> float:
        """Let Trio's other tasks run."""
        raise NotImplementedError
