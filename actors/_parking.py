"""Parking: a task waits until it is rescheduled, as in `trio.lowlevel.wait_task_rescheduled`, with fewer objects.

Why? The garbage collector looks through whatever waits. Of the eleven objects by which a task of its own waits for an answer, four were of Trio's
function: its coroutine, the generator in that, what that had handed to Trio's loop, and the dict of it. Now one is of ours. When ten thousand wait at
once, that decides whether all there is has to be looked through meanwhile, which took a quarter of the time.

What Trio's loop is handed has no public name, so its class is taken from where it comes: Trio's function is stepped once, outside of any run. It is
used only if what it makes is equal to what that function has handed over, and if that function then gives back what it is woken with, and no more.
With a Trio that does anything else, its own function is what parks.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Final

import trio
from outcome import Outcome, Value

Abort = Callable[[Any], trio.lowlevel.Abort]
#: Takes what Trio calls if the wait is cancelled.
Park = Callable[[Abort], Awaitable[Any]]


def choose_park(wait: Callable[[Abort], Coroutine[Any, Any, Any]]) -> Park:
    """Return what does the same as Trio's function in one frame; that function itself if what it does is not known."""
    kind = _kind_of_trap(wait)
    if kind is None:
        return wait

    @coroutine
    def _park(abort: Abort) -> Generator[Any, Outcome[Any], Any]:
        return (yield kind(abort)).unwrap()

    return _park


def _kind_of_trap(wait: Callable[[Abort], Coroutine[Any, Any, Any]]) -> Any:
    """Return the class of what a function hands to Trio's loop, if that is all that it does; else None."""
    waiting = wait(_stay)
    woken = object()
    kind: Any = object
    is_same = False
    try:
        trap: Any = waiting.send(None)
        kind = trap.__class__
        is_same = kind(_stay) == trap
        waiting.send(Value(woken))
    except StopIteration as end:
        return kind if is_same and end.value is woken else None
    except Exception:  # noqa: BLE001 -- whatever it is, it is not known here
        return None
    finally:
        waiting.close()
    return None


def _stay(_raise_cancel: Any) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


park: Final[Park] = choose_park(trio.lowlevel.wait_task_rescheduled)
