"""Matching: whether a message is what a test expects."""

from typing import Any


def matches(what: Any, message: Any) -> bool:
    """Return whether a message is what is expected: an instance of a class (or that class itself), true for a function, or equal to a value."""
    if isinstance(what, type):
        return message is what or isinstance(message, what)
    if is_predicate(what):
        return bool(what(message))
    return bool(what == message)


def is_predicate(what: Any) -> bool:
    """Return whether what is expected is told by a function."""
    return callable(what) and not isinstance(what, type)


def describe(what: Any) -> str:
    """Return what is expected as text."""
    if isinstance(what, type):
        return f"a {what.__qualname__}"
    if is_predicate(what):
        return f"what {getattr(what, '__qualname__', repr(what))} accepts"
    return repr(what)
