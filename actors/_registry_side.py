"""The side of a context that has to do with the registry and with groups."""

from typing import TYPE_CHECKING, Any

import trio

from ._keys import Keyable
from ._ref import ActorRef

if TYPE_CHECKING:
    from ._groups import Groups, Publication
    from ._registry import Registry
    from ._slot import Slot


class RegistrySide:
    """Hold keys and places in groups, as one incarnation of an actor."""

    __slots__ = ()

    _slot: "Slot"

    def _live(self) -> "Slot":
        raise NotImplementedError

    @property
    def registry(self) -> "Registry":
        """The tree's registry: to find others by their keys, or start them."""
        return self._slot.runtime.registry

    @property
    def groups(self) -> "Groups":
        """The tree's groups."""
        return self._slot.runtime.groups

    @trio.lowlevel.enable_ki_protection
    def register(self, key: Keyable, value: Any = None, *, duplicate: bool = False) -> None:
        """Hold a key, for as long as this incarnation lasts. Plain function; as `Registry.register`.

        Raises:
            KeyInUse: somebody holds it. TypeError, ValueError: no key. ActorStopped: this incarnation has ended. Nothing has been changed.
        """
        slot = self._live()
        slot.runtime.registry.register(key, slot.own_ref(), value, duplicate=duplicate)

    @trio.lowlevel.enable_ki_protection
    def unregister(self, key: Keyable) -> int:
        """Give up a key that I took at run time; returns how many registrations of it there were. Plain function; as `Registry.unregister`."""
        slot = self._live()
        return slot.runtime.registry.unregister(key, slot.own_ref())

    @trio.lowlevel.enable_ki_protection
    def join(self, group: Keyable) -> None:
        """Join a group, for as long as this incarnation lasts; twice means that I have to leave twice. Plain function.

        Raises:
            TypeError, ValueError: no name of a group. ActorStopped: this incarnation has ended. Nothing has been changed.
        """
        slot = self._live()
        slot.runtime.groups.join(group, slot.own_ref())

    @trio.lowlevel.enable_ki_protection
    def leave(self, group: Keyable) -> bool:
        """Leave a group, once; returns whether I was in it. Plain function."""
        slot = self._live()
        return slot.runtime.groups.leave(group, slot.own_ref())

    def publish(
        self, group: Keyable, message: Any, *, trigger_turn: bool = True, urgent: bool = False
    ) -> "Publication":
        """Tell all who are in a group, with myself as the sender, and myself if I am in it. Plain function; as `Groups.publish`."""
        sender: ActorRef[Any] = self._slot.own_ref()
        return self._slot.runtime.groups.publish(
            group, message, sender=sender, trigger_turn=trigger_turn, urgent=urgent
        )
