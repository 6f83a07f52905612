"""Solos: actors with a task of their own, for what is bound to a task.

One task per incarnation; the same loop as the pool's workers, with a run queue of one. While it waits it holds no scope, so what `startup` opened
(a nursery, a client) nests outside of the scope of each activation, and `shutdown` may close it: it runs in no scope that was opened since. What a
message leaves open is inside of its activation's scope, and is closed with that.
"""

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio

from ._awake import AWAKE
from ._chosen import TriedQueue
from ._ending import conclude
from ._errors import OwnTaskNeeded
from ._faults import is_only
from ._held import close_nurseries, nurseries_of
from ._last_step import finalize
from ._orders import note_end
from ._passage import STOP
from ._reasons import Cancelled, Crashed
from ._runner import RUNNERS, check_thread
from ._slot import Slot
from ._steps import Steps
from ._texts import describe, without_frames

if TYPE_CHECKING:
    from ._runtime import Runtime


class OwnQueue:
    """Be the run queue of one slot; looks like a pool to whoever tells."""

    __slots__ = ("baton", "lot", "per_activation", "per_turn", "runq", "solo", "time_slice")

    def __init__(self, solo: "Solo", runtime: "Runtime") -> None:
        self.solo = solo
        self.runq: deque[Slot] = deque() if runtime.choices is None else TriedQueue(runtime.choices)
        self.per_activation = runtime.pool.per_activation
        self.per_turn = runtime.pool.per_turn
        self.time_slice = runtime.pool.time_slice
        #: never None while the solo is awake: nobody has to kick it then.
        self.baton: Any = solo
        #: parks a function actor that waits for mail.
        self.lot = trio.lowlevel.ParkingLot()

    def kick(self) -> None:
        """Wake the solo."""
        check_thread()
        self.baton = self.solo
        assert self.solo.task is not None
        trio.lowlevel.reschedule(self.solo.task, AWAKE)

    def enqueue(self, slot: Slot) -> None:
        """Put the slot on the queue."""
        self.runq.append(slot)
        if self.baton is None:
            self.kick()


class FunctionQueue(OwnQueue):
    """Be the run queue of a function actor: waking it means that whoever waits in `ctx.receive()` looks again."""

    __slots__ = ()

    def __init__(self, solo: "Solo", runtime: "Runtime") -> None:
        super().__init__(solo, runtime)
        self.baton = None

    def kick(self) -> None:
        """Wake who waits for mail."""
        check_thread()
        self.lot.unpark_all()


class Solo(Steps):
    """Be the task of one incarnation of one slot."""

    __slots__ = ("life", "nurseries")

    shared = False

    def __init__(self, runtime: "Runtime", slot: Slot) -> None:
        super().__init__()
        self.runtime = runtime
        self.home = self.clean = runtime.base
        self.slot = slot
        #: around the whole incarnation; its deadline is the startup's until the slot is ready.
        self.life = trio.CancelScope()
        #: those that its actor has open; live.
        self.nurseries: Sequence[trio.Nursery] = ()
        self.pool = FunctionQueue(self, runtime) if slot.blueprint.kind == "function" else OwnQueue(self, runtime)
        slot.pool = self.pool
        slot.idle = False

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Live one incarnation, from its startup to its last step."""
        slot = self.slot
        assert slot is not None
        self.task = task = trio.lowlevel.current_task()
        self.nurseries = nurseries_of(task)
        RUNNERS[task] = self
        try:
            with self.life:
                try:
                    await self._live(slot)
                finally:
                    left = await close_nurseries(self.nurseries) if self.nurseries else None
                if left is not None:
                    if isinstance(slot.reason, Cancelled):  # by the nursery in which that was raised
                        slot.reason = None
                    self.crashed(slot, left)
        except Exception as error:  # noqa: BLE001 -- what is left of a group after the scope took its Cancelled out
            note_end(slot, Crashed(without_frames(error), describe(error)))
        finally:
            del RUNNERS[task]
            if self.runtime.turns is not None:
                self.runtime.turns.release(slot)
            if not self._is_over():  # else whoever tears the tree down does it, children first
                finalize(slot)
            self.slot = None
            self.runtime.flush_log()

    async def _live(self, slot: Slot) -> None:
        try:
            await self._serve(slot)
        except Exception as error:  # noqa: BLE001 -- what is left of a group after the scope took its Cancelled out
            self.crashed(slot, error)
        except (
            BaseException
        ) as error:  # the same; the incarnation's scope ends with it, and needs no Cancelled to do so
            if self._is_over():
                raise
            owned = self.life.cancel_called and (slot.reason is not None or slot.order >= STOP)
            if not (owned and is_only(error, trio.Cancelled)):
                self.blame(slot, error)
        slot.runner = self
        self.slot = slot
        await conclude(slot)

    async def _serve(self, slot: Slot) -> None:  # noqa: C901 -- one loop, in which the order matters
        """Start, then work until there is a reason to end."""
        while True:
            if slot.attention:
                slot.runner = self
                self.slot = slot
                if not await self.prepare(slot):
                    return
                self._rest(slot)
                if slot.blueprint.kind == "function" and not self.pool.runq:
                    slot.idle = False
                    self.pool.runq.append(slot)
            if not self.pool.runq:
                if self.runtime.passivation.concerns(slot):
                    await self._park_agent(slot)
                else:
                    await self._park()
                continue
            error: BaseException | None = None
            kept = len(self.nurseries)
            try:
                with trio.CancelScope() as self.scope:
                    self.clear()
                    if self.runtime.feeds:
                        self.runtime.notify_feeds()
                    try:
                        await self.steps()
                    finally:
                        if len(self.nurseries) > kept:
                            await self._let_go_of_new(slot, kept)
            except BaseException as raised:  # noqa: BLE001 -- judged by after_scope, which raises what is not the slot's
                error = raised
            if self.slot is None:
                if error is not None:
                    raise error
            elif self.life.cancel_called and error is not None:
                raise error
            else:
                await self.after_scope(slot, error)

    async def _let_go_of_new(self, slot: Slot, kept: int) -> None:
        """Close what a message left open, as the scope by which it could be interrupted ends with it, and crash the actor for that."""
        needed = OwnTaskNeeded(
            f"{slot.path}: a nursery was left open by a message; what is to stay open is opened by `startup`, and closed by `shutdown`"
        )
        needed.__cause__ = await close_nurseries(self.nurseries, kept)
        self.crashed(slot, needed)

    def _rest(self, slot: Slot) -> None:
        """Let go of the slot until there is something to do for it."""
        slot.runner = None
        self.slot = None
        if slot.box.has_triggers or (slot.more is not None and slot.more.turn is not None):
            self.pool.runq.append(slot)
        else:
            slot.idle = True

    async def _park(self) -> None:
        """Wait, without any scope of its own, until there is something to do."""
        pool = self.pool
        pool.baton = None

        def abort(_raise_cancel: Any) -> trio.lowlevel.Abort:
            pool.baton = self
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def _park_agent(self, slot: Slot) -> None:
        """Wait likewise, and be put to rest for it when it is time."""
        passivation = self.runtime.passivation
        passivation.park(slot)
        try:
            if not self.pool.runq:
                await self._park()
        finally:
            passivation.unpark(slot)

    async def breathe(self) -> float:
        """Let Trio's other tasks run."""
        await trio.lowlevel.checkpoint()
        if self.runtime.feeds:
            self.runtime.notify_feeds()
        return perf_counter() + self.runtime.pool.time_slice

    @contextmanager
    def startup_limit(self, deadline: float) -> Generator[trio.CancelScope]:
        """Bound the startup by the scope of the whole incarnation, as what it opens stays open."""
        self.life.deadline = deadline
        try:
            yield self.life
        finally:
            self.life.deadline = inf

    def shutdown_limit(self, deadline: float) -> AbstractContextManager[trio.CancelScope] | None:
        """Bound the hook by the scope of the whole incarnation, if there may be something open that it could not close within another one."""
        made = None if self.slot is None else self.slot.blueprint.made
        may_hold = made is not None and made.own_task and not self.life.cancel_called
        return self._life_limit(deadline) if self.nurseries or may_hold else None

    @contextmanager
    def _life_limit(self, deadline: float) -> Generator[trio.CancelScope]:
        life, shields = self.life, self.runtime.shields
        life.deadline = deadline
        life.shield = not self.runtime.is_torn
        shields[life] = None
        try:
            yield life
        finally:
            del shields[life]
            life.shield = False
            life.deadline = inf

    def cancel_startup(self) -> None:
        """Cancel the startup in progress."""
        self.life.cancel()
