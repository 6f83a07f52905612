"""What an agent tool can be asked for, and how that is read: a table of actions and their arguments, and errors that say what to write instead.

The arguments come from a model as a rule, which can mend a call if it is told precisely what was wrong with it; so all faults are told at once.
"""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import attrs

from ..mailbox import is_seconds
from ._errors import CallRefused
from ._texts import did_you_mean

ActionName = Literal["start", "status", "peek", "message", "wait", "cancel"]


@attrs.frozen
class Kind:
    """Be one kind of argument."""

    says: str
    schema: Mapping[str, Any]
    accepts: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in cast("Any", value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_text, cast("Any", value)))


TEXT: Final = Kind("a string that is not empty", {"type": "string", "minLength": 1}, _is_text)
TEXTS: Final = Kind(
    "a list of strings", {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}, _are_texts
)
OBJECT: Final = Kind("an object", {"type": "object"}, _is_object)
ANYTHING: Final = Kind("anything", {}, lambda _: True)
FLAG: Final = Kind("true or false", {"type": "boolean"}, lambda value: isinstance(value, bool))
MODE: Final = Kind(
    '"any" or "all"', {"enum": ["any", "all"]}, lambda value: _is_text(value) and value in ("any", "all")
)
SECONDS: Final = Kind("a number of seconds from 0", {"type": "number", "minimum": 0}, is_seconds)

#: action -> what it needs, and what it takes besides.
ACTIONS: Final[Mapping[ActionName, tuple[Mapping[str, Kind], Mapping[str, Kind]]]] = {
    "start": ({"factory": TEXT}, {"name": TEXT, "arguments": OBJECT, "message": ANYTHING}),
    "status": ({}, {"agent": TEXT}),
    "peek": ({"agent": TEXT}, {}),
    "message": ({"agent": TEXT, "message": ANYTHING}, {"trigger_turn": FLAG}),
    "wait": ({"agents": TEXTS}, {"mode": MODE, "timeout": SECONDS}),
    "cancel": ({"agent": TEXT}, {"turn_only": FLAG}),
}


def read_action(given: Mapping[str, Any]) -> tuple[ActionName, Mapping[str, Any]]:
    """Return the action that is asked for, and its arguments, checked. Plain function.

    Raises:
        CallRefused: there is no such action, or something is wrong with its arguments: all of that.
    """
    if "action" not in given:
        raise CallRefused(f"'action' is missing; give one of {', '.join(ACTIONS)}")
    word: object = given["action"]
    if not isinstance(word, str):
        raise CallRefused(f"'action' is {reprlib.repr(word)}; give one of {', '.join(ACTIONS)}")
    if word not in ACTIONS:
        raise CallRefused(f"no action {reprlib.repr(word)}; {did_you_mean(word, ACTIONS, others='there are')}")
    action: ActionName = cast("Any", word)
    needed, optional = ACTIONS[action]
    known = {**needed, **optional}
    problems = [f"{name!r} is missing; give {kind.says}" for name, kind in needed.items() if name not in given]
    for name, value in given.items():
        if name == "action":
            continue
        if name not in known:
            hint = did_you_mean(name, known, others="it takes", none="it takes none")
            problems.append(f"there is no argument {reprlib.repr(name)}; {hint}")
        elif not known[name].accepts(value):
            problems.append(f"{name!r} is {reprlib.repr(value)}; give {known[name].says}")
    if problems:
        raise CallRefused(f"{action}: {'; '.join(problems)}")
    return action, {name: value for name, value in given.items() if name != "action"}


def make_schema(factories: Mapping[str, object]) -> dict[str, Any]:
    """Return the JSON schema of an agent tool's arguments: what some action takes; which one takes what, the errors tell."""
    properties: dict[str, Any] = {"action": {"enum": list(ACTIONS)}}
    for needed, optional in ACTIONS.values():
        for name, kind in {**needed, **optional}.items():
            properties[name] = dict(kind.schema)
    properties["factory"] = {"enum": sorted(factories)}
    return {"type": "object", "properties": properties, "required": ["action"], "additionalProperties": False}
