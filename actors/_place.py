"""A place: a slot that is its own ref, as all slots of a tree are.

Each actor has a slot and a ref, the ref is asked for as soon as the actor is started, and the collector of garbage goes through both of them again
and again: one object for the two is a fifteenth less to keep, and saves a twenty-fifth of an actor's whole life, from its start to its end.

What users are handed is typed as an `ActorRef`, and shows what that has. The rest is the runtime's own.
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..mailbox import NOTHING, NOTHING_RARE, PLAIN
from ._lifecycle import INITIALIZING
from ._passage import SETTLED
from ._ref import ActorRef
from ._slot import Slot

if TYPE_CHECKING:
    from ._blueprint import Blueprint
    from ._policy import Policy
    from ._runtime import Runtime


class Place(Slot, ActorRef[Any]):  # pyright: ignore[reportIncompatibleVariableOverride]  # what a ref looks up, a slot has
    """Be a slot and the ref by which others reach it."""

    __slots__ = ("__weakref__", "_slot")

    __init__ = object.__init__  # filled in by `make_slot`

    def __repr__(self) -> str:
        """Show itself as a ref."""
        return ActorRef.__repr__(self)  # pyright: ignore[reportUnknownMemberType]

    def __dir__(self) -> Iterable[str]:
        """List what a ref has."""
        return dir(ActorRef)


#: What errors of Python's own say that it is, `type(ref)`, and `help(ref)`.
Place.__name__ = Place.__qualname__ = ActorRef.__name__
Place.__module__, Place.__doc__ = ActorRef.__module__, ActorRef.__doc__


def make_slot(  # noqa: PLR0917 -- by position, as one is made for every actor
    runtime: "Runtime",
    parent: "Slot | None",
    key: str | int,
    uid: int,
    factory: Callable[..., Any] | None,
    args: tuple[Any, ...],
    blueprint: "Blueprint",
    policy: "Policy",
) -> "Place":
    """Return a new slot: registered, and nothing of it has run."""
    slot: Place = Place()
    slot.runtime = runtime
    slot.parent = parent
    slot.pool = runtime.pool
    slot.key = key
    slot.uid = uid
    slot.factory = factory
    slot.args = args
    slot.blueprint = blueprint
    slot.policy = policy
    slot.incarnation = 1
    slot.life = INITIALIZING
    if policy.mailbox is PLAIN and not blueprint.enveloped:  # as `set_up` of a plain one, without its call
        slot.rare = NOTHING_RARE
        slot.fast = True
        slot.only = NOTHING
        slot.queue = slot.hand = None
        slot.seq = 0
    else:
        slot.set_up(policy.mailbox, blueprint.enveloped)
    slot.idle = False
    slot.attention = True
    slot.runner = None
    slot.actor = None
    slot.ctx = None
    slot.passage = SETTLED
    slot.phase = 0
    slot.reason = None
    if perf_counter() > runtime.stamp_ends:
        runtime.renew_stamp()
    slot.born = runtime.stamp
    slot.more = None
    slot._slot = slot  # noqa: SLF001 -- its own
    return slot
