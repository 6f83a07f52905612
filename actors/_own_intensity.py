"""The intensity that a class of actors says of its own children: whether it is one."""

from inspect import isfunction
from typing import Any, ClassVar

from ..mailbox import shown
from ._actor import Actor


class OwnIntensity:
    """Know what an intensity is.

    Attributes:
        kind: its class; the layer above, whose it is, puts it here.
    """

    kind: ClassVar[type]


def wrong_intensity(made: type[Actor[Any]]) -> str:
    """Say what is wrong with the intensity that a class gives its actors; nothing, if it will do. What makes one for each actor is not asked."""
    given: object = made.intensity
    if given is None or isinstance(given, OwnIntensity.kind):
        return ""
    if hasattr(type(given), "__get__") and not isfunction(given):
        return ""
    return (
        f"{made.__qualname__}.intensity: {shown(given)} is no Intensity; give Intensity(max_restarts, within=seconds), "
        "or None for the default"
    )
