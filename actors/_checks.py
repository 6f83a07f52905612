"""Checks of what callers give, with the error that names the argument."""

from ..mailbox import is_seconds
from ._slot import Slot


def check_seconds(what: str, value: object) -> None:
    """Raise ValueError unless a value is a number of seconds from 0."""
    if not is_seconds(value):
        raise ValueError(f"{what} is {value!r}; give a finite number of seconds from 0")


def check_flag(what: str, value: object) -> None:
    """Raise TypeError unless a value is True or False."""
    if value.__class__ is not bool:
        raise TypeError(f"{what} is {value!r}; give True or False")


def check_sender(sender: object) -> None:
    """Raise TypeError unless a sender is a ref."""
    if not isinstance(sender, Slot.ref_class):
        raise TypeError(
            f"sender is {sender!r}, which is no ActorRef; leave it out, or tell with `ctx.tell`, which fills it in"
        )
