"""Registrations: what the registry shows, and what its feeds tell."""

from typing import Any

import attrs

from ._changes import Listing
from ._entries import Entry
from ._keys import Keyable
from ._ref import ActorRef


@attrs.frozen
class Registration:
    """Show that an actor holds a key; a snapshot.

    Attributes:
        key: which one.
        ref: who.
        value: what it has given with it.
        duplicate: whether others may hold it, too.
        of_slot: whether it stands in the specification, and so stays over restarts.
    """

    key: Keyable
    ref: ActorRef[Any]
    value: Any
    duplicate: bool
    of_slot: bool


@attrs.frozen
class Registered:
    """Tell a feed that somebody has taken a key."""

    registration: Registration


@attrs.frozen
class Unregistered:
    """Tell a feed that somebody has given a key up, or has ended."""

    registration: Registration


@attrs.frozen
class ValueChanged:
    """Tell a feed that a key has another value."""

    registration: Registration


RegistryChange = Listing[Registration] | Registered | Unregistered | ValueChanged


def show(entry: Entry) -> Registration:
    """Return an entry as users see it. Plain; runs no user code."""
    return Registration(entry.key, entry.slot.own_ref(), entry.value, entry.duplicate, not entry.incarnation)
