"""The `on_error` table: what follows when an exception leaves `receive` or `turn`, by its class. Pure.

Classes are compared as `except` compares them: by what a class is derived from, whatever its metaclass says. So looking runs no user code.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from ._faults import members_of

ErrorAction = Literal["restart", "resume", "stop", "escalate"]
ERROR_ACTIONS: tuple[str, ...] = get_args(ErrorAction)
#: As a policy holds it: rows in order, the first that covers an exception counts.
ErrorTable = tuple[tuple[type[Exception], ErrorAction], ...]
#: As users give it.
OnError = Mapping[type[Exception], ErrorAction] | Sequence[tuple[type[Exception], ErrorAction]]


def find_action(table: ErrorTable, error: BaseException) -> ErrorAction | None:
    """Return what the first row says that covers an exception; None if no row does."""
    return next((action for kind, action in table if covers(kind, error)), None)


def covers(kind: type[BaseException], error: BaseException) -> bool:
    """Return whether a row of this class covers an exception: it is one, or it is a group and all its leaves are."""
    if is_derived(type(error), kind):
        return True
    members = members_of(error)
    return bool(members) and all(covers(kind, each) for each in members)


def is_derived(kind: type, base: type) -> bool:
    """Return whether a class is another one, or derived from it; runs no user code."""
    return any(each is base for each in kind.__mro__)
