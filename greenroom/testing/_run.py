"""Running a test's async function without pytest."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import trio
from trio.testing import MockClock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run(function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
    """Run an async function with `trio.run` and a virtual clock that jumps on whenever all tasks wait: an hour passes at once.

    Time does not wait for what Trio does not see: a thread or another process that is awaited seems to take no time, and timeouts around it
    fire at once. Use `trio.run` for those.
    """
    return trio.run(function, *args, clock=MockClock(autojump_threshold=0))
