"""Reading an `on_error` table: rows as users give them, with all that is wrong with any of them at once."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, cast

import trio

from ..actors import ERROR_ACTIONS, ErrorTable, is_derived
from ..mailbox import shown

#: What is never an actor's to handle, and whose it is.
NOT_OURS: tuple[tuple[type[BaseException], str], ...] = (
    (trio.Cancelled, "a cancellation is its scope's"),
    (KeyboardInterrupt, "it ends the program"),
    (SystemExit, "it ends the program"),
    (GeneratorExit, "Python raises it to close a coroutine"),
)


def read_on_error(given: Any) -> tuple[ErrorTable, list[str]]:
    """Return the rows of a table, and what is wrong with it; None is an empty one."""
    if given is None:
        return (), []
    rows = _rows_of(given)
    if rows is None:
        return (), [
            f"on_error: {shown(given)} is neither a mapping of exception classes to {', '.join(ERROR_ACTIONS)} nor a list of such pairs"
        ]
    table: list[Any] = []
    problems: list[str] = []
    for index, row in enumerate(rows):
        where = f"on_error[{index}]"
        if not isinstance(row, (tuple, list)) or len(cast("Any", row)) != 2:  # noqa: PLR2004 -- a pair
            problems.append(f"{where}: {shown(cast('Any', row))} is no pair of an exception class and a word")
            continue
        kind, action = cast("Any", row)
        wrong = wrong_class(kind)
        if wrong:
            problems.append(f"{where}: {wrong}")
        else:
            earlier = next((each for each, _ in table if is_derived(kind, each)), None)
            if earlier is not None:
                problems.append(f"{where}: {_said_covered(kind, earlier)}")
        if not isinstance(action, str) or action not in ERROR_ACTIONS:
            problems.append(f"{where}: {wrong_word(action)}")
        if not wrong:
            table.append((kind, action))
    return tuple(table), problems


def _rows_of(given: Any) -> list[Any] | None:
    if isinstance(given, Mapping):
        return list(cast("Any", given).items())
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        return list(cast("Any", given))
    return None


def wrong_class(kind: Any) -> str:
    """Say what is wrong with a row's class; nothing if it will do."""
    if isinstance(kind, BaseException):
        return f"{shown(kind)} is an exception, not its class; give {type(kind).__qualname__}"
    if isinstance(kind, str):
        return f"{shown(kind)} is a name; give the class itself"
    if isinstance(kind, (tuple, list)):
        return f"{shown(cast('Any', kind))} are several; give each class a row of its own"
    if not isinstance(kind, type) or not is_derived(kind, BaseException):
        return f"{shown(kind)} is no exception class"
    if is_derived(kind, Exception):
        return ""
    whose = next((text for each, text in NOT_OURS if is_derived(kind, each)), "what is no Exception is never judged")
    return f"{kind.__qualname__} is not an actor's to handle: {whose}; give classes derived from Exception"


def wrong_word(action: Any) -> str:
    """Say what is wrong with a row's word."""
    close = get_close_matches(action, ERROR_ACTIONS, 1) if isinstance(action, str) else ()
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{shown(action)} is not one of {', '.join(ERROR_ACTIONS)}{hint}"


def _said_covered(kind: type, earlier: type) -> str:
    if kind is earlier:
        return f"{kind.__qualname__} has a row already"
    return f"{kind.__qualname__} is covered by the earlier row of {earlier.__qualname__}, so this one never counts; put it before"
