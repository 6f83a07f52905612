"""Single flight: however many want somebody by a key at once, one is started, and all have what comes of it.

The start belongs to nobody who waits. The child is registered, with its key, in the step in which the first caller finds that nobody has it, so the
second finds it like anybody else, and both wait for the same: that it is ready, or has ended. A caller that is cancelled only leaves. What the
callers share is no object beside the tree that could disagree with it, but the slot.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from ._keys import RegistryKey
from ._lifecycle import DRAINING, PARKED, READY, RESTING, STOPPING
from ._owners import owner_of
from ._ref import ActorRef
from ._refusals import raise_failure
from ._registry_errors import KeyInUse
from ._slot import Slot
from ._waits import check_own_end, wait_for_end, waiting_for

if TYPE_CHECKING:
    from ._registry import Registry


async def lookup_or_start(  # noqa: PLR0917 -- what `Registry.lookup_or_start` was given
    registry: "Registry",
    flights: dict[Slot, int],
    key: RegistryKey,
    parent: ActorRef[Any],
    factory: Any,
    args: tuple[Any, ...],
    options: Mapping[str, Any],
) -> ActorRef[Any]:
    """Return the ref of who holds a key, ready; see `Registry.lookup_or_start`. Checkpoint: always."""
    owner = owner_of(parent, registry._runtime)  # noqa: SLF001 -- one idea in two files
    await trio.lowlevel.checkpoint_if_cancelled()
    while True:
        entry = registry.holder(key.canon)
        if entry is None:
            slot = _start(flights, key, owner, factory, args, options)
            break
        slot = entry.slot
        if entry.duplicate or slot.life is PARKED:
            raise KeyInUse(owner.path, key.key, slot.own_ref(), slot.life.value, duplicate=entry.duplicate)
        if slot.life not in (DRAINING, STOPPING):
            break
        check_own_end(slot)
        await wait_for_end(slot, partial(_has_left, slot))
    if _is_due(slot):
        await _wait(flights, slot)
    else:
        await trio.lowlevel.cancel_shielded_checkpoint()
    return slot.own_ref()


def _has_left(slot: Slot) -> bool:
    """Return whether the end of one that was told to end is over: it has ended, or has been started again since."""
    return slot.life not in (DRAINING, STOPPING)


def _is_due(slot: Slot) -> bool:
    """Return whether it has never been ready yet, and still may be, or has not ended yet for that."""
    return slot.get_more().readied == 0 and not slot.has_ended and slot.life not in (READY, RESTING)


@trio.lowlevel.enable_ki_protection
def _start(  # noqa: PLR0917 -- as above
    flights: dict[Slot, int],
    key: RegistryKey,
    parent: Slot,
    factory: Any,
    args: tuple[Any, ...],
    options: Mapping[str, Any],
) -> Slot:
    """Register the child, with the key, and set it going. Plain: nobody comes in between."""
    given: Any = options.get("keys", [])
    keys: Any = [*given, key] if type(given) is list else given  # what is no list is told of by who reads the options
    slot = parent.runtime.children.start_soon(parent, factory, args, {**options, "keys": keys})
    flights[slot] = 0
    return slot


async def _wait(flights: dict[Slot, int], slot: Slot) -> None:
    """Wait until it is ready. Raises why it will not be."""
    _come(flights, slot)
    try:
        async with waiting_for(slot, lambda: not _is_due(slot)):
            await trio.lowlevel.checkpoint()
            while _is_due(slot):
                await slot.changed()
    finally:
        _leave(flights, slot)
    if slot.has_ended and slot.get_more().readied == 0:
        raise_failure(slot)


@trio.lowlevel.enable_ki_protection
def _come(flights: dict[Slot, int], slot: Slot) -> None:
    """Be one more who waits: as long as there is one, a failure is theirs, and nobody else's."""
    if slot in flights:
        flights[slot] += 1
        slot.get_more().awaited = _is_due(slot)


@trio.lowlevel.enable_ki_protection
def _leave(flights: dict[Slot, int], slot: Slot) -> None:
    """Be one less. With the last one the flight is over, and what comes of a child that still starts is its parent's matter, as of any child."""
    if slot in flights:
        flights[slot] -= 1
        if not flights[slot]:
            del flights[slot]
            if slot.incarnation == 1:  # a later one is somebody else's to wait for
                slot.get_more().awaited = False
