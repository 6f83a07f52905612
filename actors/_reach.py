"""From refs to slots: the one door, and what passes through it."""

from typing import Any

from ._monitor import Monitor
from ._ref import ActorRef
from ._slot import Slot


def slot_of(ref: ActorRef[Any]) -> Slot:
    """Return the slot behind a ref."""
    return ref._slot  # noqa: SLF001 -- the one door from refs to slots


def pinned_to(ref: ActorRef[Any]) -> int:
    """Return the incarnation a ref is pinned to, 0 if it is not."""
    return ref._pinned  # noqa: SLF001 -- see slot_of


def monitor_slot(watcher: Slot, ref: ActorRef[Any]) -> Monitor:
    """Watch over a ref on behalf of an actor; one that has ended is answered at once."""
    watched = ref._slot  # noqa: SLF001 -- see slot_of
    monitor = Monitor(watcher, ref, watched, pinned_to(ref))
    if ref._is_over():  # noqa: SLF001 -- see slot_of
        monitor.fire(watched.reason if watched.has_ended else None)
        return monitor
    for slot, field in ((watched, "monitors"), (watcher, "watching")):
        more = slot.get_more()
        if getattr(more, field) is None:
            setattr(more, field, {})
        getattr(more, field)[monitor] = None
    return monitor
