"""Tasks: which there are in this run of Trio, and what they wait for."""

from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

import trio

from ..actors import ActorRef, Runtime, Slot

#: Under these names the runtime's objects and frames hold the slot that they are about.
SLOT_NAMES = ("_slot", "slot", "target", "owner", "_owner", "_top", "root")
OURS = "greenroom."
KIT = "greenroom.testing"


def below(nurseries: Iterable[trio.Nursery]) -> Iterator[trio.lowlevel.Task]:
    """Yield the tasks in some nurseries, and in their own nurseries, and so on."""
    open_ = list(nurseries)
    while open_:
        for task in open_.pop().child_tasks:
            yield task
            open_ += task.child_nurseries


def all_tasks() -> list[trio.lowlevel.Task]:
    """Return the tasks of this run, Trio's own included."""
    root = trio.lowlevel.current_root_task()
    return [] if root is None else list(below(root.child_nurseries))


def system_tasks() -> set[trio.lowlevel.Task]:
    """Return the tasks that stand apart from the main one; the last nursery of Trio's root task is the main task's."""
    root = trio.lowlevel.current_root_task()
    return set() if root is None else set(below(root.child_nurseries[:-1]))


def place_of(task: trio.lowlevel.Task) -> str:
    """Return where a task stands: the file and line of the innermost frame of the user's; else of ours; else of Trio's."""
    best, place = -1, "ended, or not begun"
    for frame, line in task.iter_await_frames():
        module = str(frame.f_globals.get("__name__", ""))
        rank = 0 if module.startswith("trio.") else 1 if module.startswith(OURS) else 2
        if rank >= best:
            best, place = rank, f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
    return place


def wait_of(task: trio.lowlevel.Task, runtime: Runtime) -> str | None:
    """Return what a task waits for in the runtime of a tree, as text: "ActorRef.ask of /test/a"; None if it does not."""
    for frame, _ in task.iter_await_frames():
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(OURS) and not module.startswith(KIT):
            for value in frame.f_locals.values():
                slot = _slot_behind(value)
                if slot is not None and slot.runtime is runtime:
                    return f"{_called(frame)} of {slot.path}"
    return None


def _called(frame: FrameType) -> str:
    """Return the name of a function as its caller knows it: a method's has the class of the object that it was called on."""
    owner, name = frame.f_locals.get("self"), frame.f_code.co_name
    if owner is None or (isinstance(owner, Slot) and not hasattr(ActorRef, name)):
        return frame.f_code.co_qualname
    return f"{type(owner).__name__}.{name}"


def _slot_behind(value: Any) -> Slot | None:
    if isinstance(value, Slot):
        return value
    # Only of our own objects: to look at a user's might run its code.
    if type(value).__module__.startswith(OURS):
        for name in SLOT_NAMES:
            slot = getattr(value, name, None)
            if isinstance(slot, Slot):
                return slot
    return None
