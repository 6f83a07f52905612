"""A disturbance before a step that tasks take."""

from collections.abc import Awaitable, Callable

import trio
import trio.lowlevel
import trio.testing


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


async def cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    scope.cancel()


class CancelAt(trio.abc.Instrument):
    """Cancel a scope right before the n-th step that any task takes."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.armed = False
        self.scope = trio.CancelScope()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.armed:
            self.n -= 1
            if self.n == 0:
                self.scope.cancel()
