"""A disturbance before every step of a task."""

from collections.abc import Awaitable, Callable

import trio
import trio.testing

from greenroom import Supervisor


class BeforeStep(trio.abc.Instrument):
    """Do something right before the n-th step that any task takes; at once for 0."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.blow: Callable[[], object] | None = None
        self.has_fallen = False

    def arm(self, blow: Callable[[], object]) -> None:
        self.blow = blow
        if self.n == 0:
            self.fall()

    def disarm(self) -> None:
        self.blow = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.blow is not None:
            self.n -= 1
            if self.n == 0:
                self.fall()

    def fall(self) -> None:
        assert self.blow is not None
        self.has_fallen = True
        self.blow()


def at_every_step(once: Callable[[BeforeStep], Awaitable[object]]) -> int:
    """Run it with the blow at each step in turn; returns how often it fell."""
    n = 0
    while True:
        instrument = BeforeStep(n)
        trio.run(once, instrument, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[instrument])
        if not instrument.has_fallen:
            return n
        n += 1


def no_traces(root: Supervisor) -> None:
    """Nobody waits for anything: no parked task, no deadline, no edge of the deadlock check, no sender at a door."""
    assert len(root._slot.runtime.deadlines) == 0
    for ref in root.which_children():
        slot = ref._slot
        assert slot.box.waiting_senders == 0
        assert len(slot.box) == 0
        if slot.more is not None:
            assert slot.more.waiting_for is None
            assert slot.more.changes is None or slot.more.changes.statistics().tasks_waiting == 0


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()
