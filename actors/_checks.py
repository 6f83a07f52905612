"""Checks of what callers give, with the error that names the argument."""

from ..mailbox import is_seconds


def check_seconds(what: str, value: object) -> None:
    """Raise ValueError unless a value is a number of seconds from 0."""
    if not is_seconds(value):
        raise ValueError(f"{what} is {value!r}; give a finite number of seconds from 0")
