"""The intensity that actors give their own children: whether it is one."""

from inspect import isfunction
from typing import TYPE_CHECKING, Any, ClassVar

from ..mailbox import shown
from ._actor import Actor
from ._errors import InvalidSpec
from ._texts import describe

if TYPE_CHECKING:
    from ._slot import Slot


class OwnIntensity:
    """Know what an intensity is.

    Attributes:
        kind: its class; the layer above, whose it is, puts it here.
    """

    kind: ClassVar[type]


def wrong_intensity(made: type[Actor[Any]]) -> str:
    """Say what is wrong with the intensity that a class gives its actors; nothing, if it will do. What makes one for each actor is not asked."""
    given: object = made.intensity
    if hasattr(type(given), "__get__") and not isfunction(given):
        return ""
    return _wrong(made, given)


def own_intensity(slot: "Slot") -> Any:
    """Return the intensity that an actor gives its own children, which may be one of its own; None if it gives none. Runs user code.

    Raises:
        InvalidSpec: it is none.
    """
    actor: Actor[Any] | None = slot.actor
    if actor is None:
        return None
    kind = type(actor)
    try:
        given: object = actor.intensity
    except Exception as error:
        raise InvalidSpec(f"{kind.__qualname__}.intensity: it can not be read: {describe(error)}") from error
    wrong = _wrong(kind, given)
    if wrong:
        raise InvalidSpec(wrong)
    return given


def _wrong(made: type[Any], given: object) -> str:
    if given is None or isinstance(given, OwnIntensity.kind):
        return ""
    return (
        f"{made.__qualname__}.intensity: {shown(given)} is no Intensity; give Intensity(max_restarts, within=seconds), "
        "or None for the default"
    )
