"""The registry of a tree: names besides paths.

A key is held by one actor as its own, or by several, each with a value. What an incarnation has taken goes in its last step, the one in which its end
becomes visible, so a dead owner never blocks a registration. What stands in a specification belongs to the slot, and stays over restarts and rest,
and while it is parked, like its name.

Everything here but `lookup_or_start` is a plain function. Functions that users give are called on copies, and never in the middle of a change.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple, Unpack, overload

import trio

from ..mailbox import is_count, shown
from ._changes import ChangeFeed
from ._entries import Entry, Table
from ._keys import Canon, Keyable, RegistryKey, canon_of, check_duplicate
from ._owners import actor_of, is_ref, owner_of
from ._ref import ActorRef
from ._registration import Registered, Registration, RegistryChange, Unregistered, ValueChanged, show
from ._registry_errors import KeyInUse, NotRegistered
from ._single_flight import lookup_or_start
from ._slot import Slot
from ._start_options import StartOptions
from ._warnings import KEYS, lift_warning

if TYPE_CHECKING:
    from ._actor import Actor
    from ._context import Context
    from ._runtime import Runtime

M = TypeVar("M")
Ts = TypeVarTuple("Ts")


class HasRef(Protocol):
    """Be a supervisor, or a context: who has a ref, and can have children."""

    @property
    def ref(self) -> ActorRef[Any]:
        """Its ref."""
        ...


class Registry:
    """Find actors of a tree by keys; got as `root.registry` and `ctx.registry`.

    A key is a str, int, float, bool, bytes, None, a member of an enum, or a tuple of these; for anything else all methods raise TypeError (ValueError
    for a NaN, and for tuples more than 16 deep). Keys compare by type and value: 1, 1.0 and True are three.
    """

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self._table = Table(show, Registered, Unregistered)
        #: who was started by `lookup_or_start` and is not ready yet -> how many wait for it there.
        self._flights: dict[Slot, int] = {}

    # -- taking and giving up

    @trio.lowlevel.enable_ki_protection
    def register(self, key: Keyable, ref: ActorRef[Any], value: Any = None, *, duplicate: bool = False) -> None:
        """Have an actor hold a key, for as long as its present incarnation lasts. Plain function.

        Args:
            key: what it is to be found by.
            ref: who; `ctx.register(key, value)` is for oneself.
            value: shown with it.
            duplicate: False: nobody else may hold it. True: others may, if they say the same, and one and the same actor several times.

        Raises:
            KeyInUse: somebody holds it, be it the same actor. ActorStopped, StartupFailed: the actor has ended.
            TypeError, ValueError: no key, or no ref of this tree. In every case nothing has been changed.
        """
        canon = canon_of(key)
        check_duplicate(duplicate)
        slot = owner_of(ref, self._runtime)
        self._check_free(slot.path, canon, key, duplicate=duplicate)
        self._table.put(slot, canon, key, value, of_slot=False, duplicate=duplicate)

    @trio.lowlevel.enable_ki_protection
    def unregister(self, key: Keyable, ref: ActorRef[Any]) -> int:
        """Have an actor give up a key that it took at run time, with all that it holds by it; those of its specification stay. Plain function.

        Returns:
            How many registrations there were; 0 changes nothing.
        """
        return self._remove(self._held(key, ref))

    def unregister_match(self, key: Keyable, ref: ActorRef[Any], predicate: Callable[[Any], object]) -> int:
        """Have an actor give up those of its registrations of a key whose value fits. Plain function; else as `unregister`."""
        check_callable("unregister_match", predicate)
        return self._remove([entry for entry in self._held(key, ref) if predicate(entry.value)])

    def update_value(self, key: Keyable, ref: ActorRef[Any], function: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Give a key that an actor holds as its own another value, made from the one it has. Plain function.

        Returns:
            The new value and the old one.

        Raises:
            NotRegistered: it does not hold that key, or does not any more when the function has returned. ValueError: it holds it as one of several.
            RuntimeError: the function itself has changed the value. What it raises passes. In every case nothing has been changed here.
        """
        check_callable("update_value", function)
        canon = canon_of(key)
        slot = actor_of(ref, self._runtime)
        entry = self._table.first(canon)
        if entry is None or (entry.slot is not slot and not entry.duplicate):
            raise NotRegistered(slot.path, key)
        if entry.duplicate:
            raise ValueError(
                f"{slot.path}: the key {key!r} is one that several may hold; only one that is an actor's own is updated"
            )
        old = entry.value
        new = function(old)
        self._replace(entry, old, new)
        return new, old

    @trio.lowlevel.enable_ki_protection
    def _replace(self, entry: Entry, old: Any, new: Any) -> None:
        if self._table.first(entry.canon) is not entry:
            raise NotRegistered(entry.slot.path, entry.key)
        if entry.value is not old:
            raise RuntimeError(
                f"{entry.slot.path}: the value of {entry.key!r} was changed by the function that was to make the new one"
            )
        entry.value = new
        self._table.tell(entry, ValueChanged)

    def _held(self, key: Keyable, ref: ActorRef[Any]) -> list[Entry]:
        """Return what an actor has taken by a key at run time."""
        canon = canon_of(key)
        slot = actor_of(ref, self._runtime)
        return [entry for entry in self._table.at(canon) if entry.slot is slot and entry.incarnation]

    @trio.lowlevel.enable_ki_protection
    def _remove(self, entries: list[Entry]) -> int:
        present = [entry for entry in entries if entry in self._table.at(entry.canon)]
        for entry in present:
            self._table.remove(entry)
        if present:
            self._runtime.passivation.recheck(present[0].slot)
        return len(present)

    # -- finding

    def lookup(self, key: Keyable) -> list[Registration]:
        """Return who holds a key, in the order in which they took it. Plain function."""
        return [show(entry) for entry in self._table.at(canon_of(key))]

    def whereis(self, key: Keyable) -> ActorRef[Any] | None:
        """Return who holds a key as its own; None if nobody holds it. Plain function.

        Raises:
            ValueError: it is held as one that several may hold; `lookup` tells them.
        """
        entry = self._table.first(canon_of(key))
        if entry is None:
            return None
        if entry.duplicate:
            raise ValueError(f"the key {key!r} is one that several may hold; use lookup")
        return entry.slot.own_ref()

    def keys(self, ref: ActorRef[Any]) -> list[Keyable]:
        """Return the keys that an actor holds, in the order in which it took them, each as often as it holds it. Plain function."""
        return [entry.key for entry in self._table.of(actor_of(ref, self._runtime))]

    def values(self, key: Keyable, ref: ActorRef[Any]) -> list[Any]:
        """Return the values with which an actor holds a key: none, one, or of a key of several as many as it has given. Plain function."""
        canon = canon_of(key)
        slot = actor_of(ref, self._runtime)
        return [entry.value for entry in self._table.at(canon) if entry.slot is slot]

    def match(self, key: Keyable, predicate: Callable[[Any], object]) -> list[Registration]:
        """Return who holds a key with a value that fits. Plain function; the predicate is called on a snapshot, with each value."""
        check_callable("match", predicate)
        return [each for each in self.lookup(key) if predicate(each.value)]

    def select(self, predicate: Callable[[Registration], object]) -> list[Registration]:
        """Return all registrations that fit. Plain function; the predicate is called on a snapshot, with each registration."""
        check_callable("select", predicate)
        return [each for each in self._all() if predicate(each)]

    def count(self) -> int:
        """Count all registrations. Plain function."""
        return len(self._table)

    def count_match(self, key: Keyable, predicate: Callable[[Any], object]) -> int:
        """Count who holds a key with a value that fits; as `match`. Plain function."""
        return len(self.match(key, predicate))

    def count_select(self, predicate: Callable[[Registration], object]) -> int:
        """Count the registrations that fit; as `select`. Plain function."""
        return len(self.select(predicate))

    def dispatch(self, key: Keyable, function: Callable[[list[Registration]], object]) -> bool:
        """Call a function once with all who hold a key, if there is any; returns whether there is. Plain function; what it raises passes."""
        check_callable("dispatch", function)
        found = self.lookup(key)
        if found:
            function(found)
        return bool(found)

    def _all(self) -> list[Registration]:
        return [show(entry) for entry in list(self._table.all())]

    # -- starting

    @overload
    async def lookup_or_start(
        self,
        key: Keyable,
        factory: "Callable[[*Ts], Actor[M]]",
        *args: *Ts,
        parent: ActorRef[Any] | HasRef,
        value: Any = None,
        **options: Unpack[StartOptions],
    ) -> ActorRef[M]: ...
    @overload
    async def lookup_or_start(
        self,
        key: Keyable,
        factory: "Callable[[Context, *Ts], Awaitable[object]]",
        *args: *Ts,
        parent: ActorRef[Any] | HasRef,
        value: Any = None,
        **options: Unpack[StartOptions],
    ) -> ActorRef[Any]: ...
    @trio.lowlevel.enable_ki_protection  # type: ignore[misc]  # mypy does not see that it takes what both overloads take
    async def lookup_or_start(
        self, key: Keyable, factory: Any, *args: Any, parent: Any, value: Any = None, **options: Any
    ) -> ActorRef[Any]:
        """Return who holds a key as its own, ready; where nobody does, start somebody who does. However many ask at once, one is started.

        Who finds one that starts, whoever has started it, waits for it. All who wait have the same outcome: its ref, or the failure of its startup,
        which then is not reported to its parent, and leaves no child. Who comes after a failure starts anew. One that is stopping is waited for until
        it has ended. The key belongs to the slot, as those of a specification.

        Args:
            key: taken in the step in which the child is registered.
            factory: as `Supervisor.start_soon`; who finds somebody does not need it, nor args, options, or a first message.
            args: for the factory.
            parent: whose child it becomes: a supervisor, a context, or a ref.
            value: goes with the key.
            options: as `Supervisor.start_soon`.

        Checkpoint: always. Cancellation: the start goes on, for the others who wait; when nobody waits any more, its failure is judged and reported
        as that of any child.

        Raises:
            StartupFailed: its startup failed; the error is the `__cause__`. ActorStopped: it was stopped before it was ready.
            KeyInUse: several hold the key as duplicates, or who holds it is parked.
            Deadlock: an actor's own turn would wait for one that waits for it.
            InvalidSpec, NameInUse, LimitReached, ActorStopping, ActorStopped, ActorRestarting: as `Supervisor.start_soon`; nothing has been changed.
            TypeError, ValueError: no key, or no parent of this tree.
        """
        wanted = RegistryKey(key, value)
        owner = getattr(parent, "ref", parent)  # a ref has none
        if not is_ref(owner):
            raise TypeError(
                f"parent: {shown(parent)} is no ActorRef and has none; give a supervisor, a context, or a ref of this tree"
            )
        return await lookup_or_start(self, self._flights, wanted, owner, factory, args, options)

    # -- what the runtime does

    def holder(self, canon: Canon) -> Entry | None:
        """Return the first who holds a key; the runtime's own look-up."""
        return self._table.first(canon)

    def _check_free(self, path: str, canon: Canon, key: Keyable, *, duplicate: bool) -> None:
        entry = self._table.first(canon)
        if entry is not None and not (entry.duplicate and duplicate):
            raise KeyInUse(path, key, entry.slot.own_ref(), entry.slot.life.value, duplicate=entry.duplicate)

    def check_keys(self, path: str, keys: Iterable[RegistryKey]) -> None:
        """Raise KeyInUse unless all keys of a specification are free; nothing has been changed."""
        for key in keys:
            self._check_free(path, key.canon, key.key, duplicate=key.duplicate)

    def whole(self) -> AbstractContextManager[None]:
        """Register a whole set in one step: its feeds hear of it when all of it is there, and never if it is taken back. Plain."""
        return self._table.whole()

    @trio.lowlevel.enable_ki_protection
    def take_keys(self, slot: Slot) -> None:
        """Take the keys of a slot's specification, in the step that registers it; they have been checked. Plain."""
        for key in slot.policy.keys:
            self._table.put(slot, key.canon, key.key, key.value, of_slot=True, duplicate=key.duplicate)

    @trio.lowlevel.enable_ki_protection
    def renew_keys(self, slot: Slot) -> None:
        """Go by the keys of a slot's specification as it is now: what it holds of them stays, what it holds besides goes, and the rest is taken.

        One that another has taken meanwhile is left to it, and there is a warning until it has been taken at a later start. Plain.
        """
        wanted = {key.canon: key for key in slot.policy.keys}
        for entry in self._table.of(slot):
            if entry.incarnation:
                continue
            key = wanted.get(entry.canon)
            if key is not None and key.duplicate is entry.duplicate:
                del wanted[entry.canon]
            else:
                self._table.remove(entry)
        lift_warning(slot, KEYS)
        for key in wanted.values():
            holder = self._table.first(key.canon)
            if holder is None or (holder.duplicate and key.duplicate):
                self._table.put(slot, key.canon, key.key, key.value, of_slot=True, duplicate=key.duplicate)
            else:
                slot.warn(KEYS, f"a key of its specification is in use by {holder.slot.path}")

    def close(self) -> None:
        """End the feeds: the tree has ended."""
        self._table.close()

    # -- following

    @asynccontextmanager
    async def subscribe(
        self, key: Keyable | EllipsisType = ..., *, buffer: int = 1_000
    ) -> AsyncGenerator[ChangeFeed[RegistryChange]]:
        """Open a feed: a `Listing` of what there is now, and then each change; it ends when the tree has ended.

        Args:
            key: whose changes; by default those of all keys.
            buffer: how many changes may wait for a slow reader; past that they are dropped, and it reads a new `Listing`, with how many were.

        Checkpoint: never on the way in or out. Cancellation: leaves nothing behind.
        """
        feed = self._table.open_feed(None if key is ... else canon_of(key), check_buffer(buffer))
        try:
            yield feed
        finally:
            self._table.close_feed(feed)

    def __repr__(self) -> str:
        """Show how much is registered."""
        return f"<Registry of {len(self._table)} registrations>"


def check_callable(what: str, function: object) -> None:
    """Raise TypeError unless it can be called."""
    if not callable(function):
        raise TypeError(f"{what}: {function!r} is no function")


def check_buffer(buffer: int) -> int:
    """Return the size of a feed's buffer, or raise ValueError."""
    if not is_count(buffer):
        raise ValueError(f"subscribe: buffer is {buffer!r}; give a whole number from 1")
    return buffer
