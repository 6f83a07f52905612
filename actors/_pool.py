"""The pool: plain actors stepped from one run queue by a few tasks.

Why not a task per actor? A task costs two kilobytes, a turn through Trio's loop for each message batch, and a restart a new task. Here an
actor is data on a queue. One worker at a time holds the *baton* and drains the queue; when an actor suspends, the worker stays with it until
it is done, and the baton goes to another worker. So an actor that never waits costs no task switch, one that waits has a task to itself, and
cancelling that task's scope interrupts exactly that actor.

The baton is None (nobody drains), STARTING (somebody was woken to), or the worker that drains.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio
from trio.lowlevel import reschedule

from ._awake import AWAKE
from ._chosen import come_to_handler
from ._ending import end_incarnation
from ._held import nurseries_of
from ._parking import park
from ._runner import RUNNERS, check_thread
from ._steps import Steps
from ._watch import Watch

if TYPE_CHECKING:
    from ._deadlines import Deadline
    from ._runtime import Runtime
    from ._slot import Slot

STARTING: Final = "starting"
#: Parked workers past this number end when nobody has needed them for a while: a burst of suspended actors should not keep its tasks for ever, and
#: one burst after another should not make them anew each time.
MAX_PARKED: Final = 64
#: Seconds on Trio's clock: how often it is seen which of them were not needed meanwhile.
LOOK_EVERY: Final = 2.0
#: So many of them end at once, and seconds until the next ones do: nobody else should have to wait for that.
BITE: Final = 50
PAUSE: Final = 0.01


class RunQueue(Protocol):
    """Hold the slots that want to run. A `collections.deque` is one; an explorer's is another."""

    def append(self, slot: Any, /) -> None:
        """Add one at the end."""
        ...

    def appendleft(self, slot: Any, /) -> None:
        """Add one at the front."""
        ...

    def popleft(self) -> Any:
        """Take the next one."""
        ...

    def __len__(self) -> int:
        """Count them."""
        ...


class Pool:
    """Share a few tasks among all plain actors of a tree."""

    __slots__ = (
        "baton", "closing", "look", "parked", "per_activation", "per_turn", "runq", "runtime", "time_slice", "workers",
    )  # fmt: skip

    def __init__(
        self, runtime: "Runtime", runq: RunQueue, per_activation: int, per_turn: int, time_slice: float
    ) -> None:
        self.runtime = runtime
        self.runq = runq
        #: messages that an actor handles before others have their turn.
        self.per_activation = per_activation
        #: messages, and seconds of real time, before Trio's other tasks have theirs.
        self.per_turn = per_turn
        self.time_slice = time_slice
        self.baton: Worker | str | None = None
        #: the last one that was parked is the first to be woken, so those that nobody needs stand at the beginning.
        self.parked: dict[Worker, None] = {}
        self.workers: dict[Worker, None] = {}
        self.closing = False
        #: when the parked ones are looked at next, if there are too many.
        self.look: Deadline | None = None

    def enqueue(self, slot: "Slot") -> None:
        """Put a slot at the end of the run queue."""
        self.runq.append(slot)
        if self.baton is None:
            self.kick()

    def kick(self) -> None:
        """Have somebody drain the queue."""
        if self.parked:
            worker, _ = self.parked.popitem()
            assert worker.task is not None
            try:
                reschedule(worker.task, AWAKE)
            except RuntimeError:
                self.parked[worker] = None
                check_thread()
                raise
            self.baton = STARTING
        elif not self.closing:
            check_thread()
            nursery = self.runtime.nursery
            assert nursery is not None
            worker = Worker(self)
            self.workers[worker] = None
            self.runtime.base.copy().run(partial(nursery.start_soon, worker.run, name="greenroom worker"))
            self.baton = STARTING

    def look_in(self, seconds: float) -> None:
        """Look later whether there are parked workers that nobody needs."""
        self.look = self.runtime.deadlines.add_chore(self.runtime.now() + seconds, self._thin_out, "parked workers")

    @trio.lowlevel.enable_ki_protection
    def _thin_out(self) -> None:
        """End those that were not needed since the last look, a few at a time; then look again when others may be as old."""
        self.look = None
        many = len(self.parked) - MAX_PARKED
        if many <= 0 or self.closing:
            return
        stale = [worker for worker in islice(self.parked, min(many, BITE)) if not worker.is_fresh]
        for worker in stale:
            assert worker.task is not None
            del self.parked[worker]
            worker.is_dismissed = True
            reschedule(worker.task, AWAKE)
        if len(stale) == BITE:
            self.look_in(PAUSE)
        elif many > len(stale):
            for worker in self.parked:
                worker.is_fresh = False
            self.look_in(LOOK_EVERY)

    def close(self) -> None:
        """Let the parked workers end; for a tree in which nothing runs any more."""
        self.closing = True
        if self.look is not None:
            self.look.cancel()
        for worker in self.parked:
            assert worker.task is not None
            reschedule(worker.task, AWAKE)
        self.parked.clear()


class Worker(Steps):
    """Be one task of the pool."""

    __slots__ = ("is_dismissed", "is_fresh", "startup_scope")

    shared = True

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.runtime = pool.runtime
        self.clean = pool.runtime.base
        self.away = False
        self.startup_scope: trio.CancelScope | None = None
        #: parked since the last look.
        self.is_fresh = False
        #: to end, as nobody has needed it.
        self.is_dismissed = False

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Step actors until the pool has no use for this worker."""
        self.task = trio.lowlevel.current_task()
        self.home = self.task.context  # no context of its own: one object less for each actor that waits
        self.held = nurseries_of(self.task)
        RUNNERS[self.task] = self
        self.pool.baton = self
        try:
            await Watch(self, self._loop())
        finally:
            del RUNNERS[self.task]
            self.pool.workers.pop(self, None)
            if self.pool.baton is self:
                self.pool.baton = None
                if self.pool.runq:
                    self.pool.kick()

    async def _loop(self) -> None:
        while True:
            error: BaseException | None = None
            try:
                with trio.CancelScope() as self.scope:
                    self.clear()
                    try:
                        while not self.hit:
                            await self.steps()
                            if not self.hit and not await self._park():  # type: ignore[redundant-expr]  # it may be hit by now
                                return
                    finally:
                        if self.held and self.slot is not None:  # interrupted while it held them
                            await self.let_go(self.slot)
            except BaseException as raised:  # noqa: BLE001 -- judged below: only what belongs to the slot in hand is kept
                error = raised
            if self.slot is not None:
                await self.after_scope(self.slot, error)
            elif error is not None:
                raise error

    async def _park(self) -> bool:
        """Wait until there is something to do; False if this worker is to end."""
        pool = self.pool
        if pool.baton is self:
            pool.baton = None
        if pool.runq and pool.baton is None:
            pool.baton = self
            return True
        if pool.closing:
            return False
        if pool.look is None and len(pool.parked) >= MAX_PARKED:
            pool.look_in(LOOK_EVERY)
        task = self.task
        assert task is not None
        task.name = "greenroom idle worker"

        self.is_fresh = True
        pool.parked[self] = None
        await park(self._unpark)
        if pool.closing or self.is_dismissed:
            return False
        pool.baton = self
        return True

    @trio.lowlevel.enable_ki_protection
    def _unpark(self, _raise_cancel: Any) -> trio.lowlevel.Abort:
        self.pool.parked.pop(self, None)
        return trio.lowlevel.Abort.SUCCEEDED

    async def breathe(self) -> float:
        """Let Trio's other tasks run, keeping the baton; returns when the next slice ends."""
        pool = self.pool
        pool.baton = STARTING
        try:
            await trio.lowlevel.checkpoint()
        finally:
            pool.baton = self
        return perf_counter() + self.runtime.pool.time_slice

    async def attend(self, slot: "Slot") -> bool:
        """See to a start or an end; True if the slot is ready for mail."""
        was_started = slot.started
        ready = await self.prepare(slot)
        if self.held:
            await self.let_go(slot)
        if self.runtime.choices is not None and not was_started:
            come_to_handler(self.runtime.choices, slot)
        if ready and slot.reason is None:
            return True
        try:
            await end_incarnation(slot)
        except Exception:
            # User code is judged inside; what comes out is a bug of the runtime, and must not be taken for the slot's.
            self.slot = None
            raise
        return False

    @contextmanager
    def startup_limit(self, deadline: float) -> Generator[trio.CancelScope]:
        """Bound a startup by a scope of its own."""
        with trio.CancelScope(deadline=deadline) as self.startup_scope:
            yield self.startup_scope
        self.startup_scope = None

    def cancel_startup(self) -> None:
        """Cancel the startup in progress."""
        if self.startup_scope is not None:
            self.startup_scope.cancel()
