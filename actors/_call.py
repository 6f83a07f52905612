"""Calls: what an agent, or the model behind it, wants done, and what came of it."""

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

import attrs

from ._errors import CallRefused
from ._texts import describe

CallKind = Literal["completed", "errored", "refused", "denied", "interrupted", "running", "not begun"]


@attrs.frozen
class Call:
    """Ask for one use of a tool.

    Attributes:
        id: the caller's; its result has it, too.
        tool: the tool's name.
        arguments: by name, or as the JSON text that a model wrote; empty for none.
    """

    id: str | int
    tool: str
    arguments: Mapping[str, Any] | str = attrs.field(factory=dict[str, Any])


@attrs.frozen
class CallResult:
    """Tell what came of a call; each has exactly one.

    Attributes:
        id, tool: of the call.
        kind: completed; errored (an exception left the tool); refused (blocked, unknown or not to be understood; nothing was done); denied (nobody
            consented; nothing was done); interrupted (it had begun, and what it has done stays done); not begun (nothing was done). Until the
            dispatch has ended also running.
        value: what the tool returned, if it completed.
        error: what it raised, if it errored, or a `CallRefused`.
        cause: why it did not complete, as text for the caller, or the model behind it; "" if it did.
    """

    id: str | int
    tool: str
    kind: CallKind
    value: Any = None
    error: BaseException | None = None
    cause: str = attrs.field(default="", eq=False)


def read_arguments(given: object) -> dict[str, Any]:
    """Return a call's arguments by name: a copy, so that what is approved is what runs, whatever becomes of the original. Plain function.

    Raises:
        CallRefused: they are neither a mapping of names nor the JSON text of one, or are nested too deeply.
    """
    if isinstance(given, str):
        given = _parsed(given)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise CallRefused(f"the arguments are of type {type(given).__name__}; give an object of arguments by name")
    try:
        copy: dict[str, Any] = _copied(dict(cast("Any", given)))
    except RecursionError:
        raise CallRefused("the arguments are nested too deeply") from None
    except Exception as error:
        raise CallRefused(f"the arguments cannot be read: {describe(error)}") from error
    wrong: list[object] = [name for name in copy if type(name) is not str]
    if wrong:
        raise CallRefused(f"the arguments have a name of type {type(wrong[0]).__name__}; names are strings")
    return copy


def _parsed(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant) if text.strip() else {}
    except RecursionError:
        raise CallRefused("the arguments are nested too deeply") from None
    except ValueError as error:
        raise CallRefused(f"the arguments are no JSON: {error}") from None


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _copied(value: Any) -> Any:
    """Return plain data anew; what is not of it stays as it is."""
    if type(value) is dict:
        return {key: _copied(each) for key, each in cast("Any", value).items()}
    if type(value) is list:
        return [_copied(each) for each in cast("Any", value)]
    return value
