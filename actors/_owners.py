"""Owners: who may hold an entry now."""

from typing import TYPE_CHECKING, Any, TypeGuard

from ._errors import ActorStopped
from ._reach import pinned_to, slot_of
from ._ref import ActorRef
from ._refusals import raise_refusal
from ._slot import Slot

if TYPE_CHECKING:
    from ._runtime import Runtime


def is_ref(value: object) -> TypeGuard[ActorRef[Any]]:
    """Return whether something is a ref."""
    return isinstance(value, ActorRef)


def actor_of(ref: ActorRef[Any], runtime: "Runtime") -> Slot:
    """Return the slot of a ref of this tree, whatever has become of it. Raises TypeError or ValueError for what is none."""
    if not is_ref(ref):
        raise TypeError(f"{ref!r} is no ActorRef")
    slot = slot_of(ref)
    if slot.runtime is not runtime:
        raise ValueError(f"{slot.path} is of another tree, which has a registry of its own")
    return slot


def owner_of(ref: ActorRef[Any], runtime: "Runtime") -> Slot:
    """Return the slot of who may hold something from now on.

    Raises:
        ActorStopped, StartupFailed: it has ended, or the incarnation to which the ref is pinned has. TypeError, ValueError: no ref of this tree.
    """
    slot = actor_of(ref, runtime)
    if slot.has_ended:
        raise_refusal(slot, "mail", None)
    pinned = pinned_to(ref)
    if pinned not in (0, slot.incarnation):
        raise ActorStopped(slot.path, None, f"incarnation {pinned}, to which this ref is pinned, has ended")
    return slot
