"""Kinds: what the values of a tree file may be. One table of facts each, read by who checks a value and by who writes the schema."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from math import isfinite
from typing import Annotated, Any, Final, TypeAlias, cast

import attrs

from ..actors import Approval, ErrorAction, OverdueAction, RestartType
from ..actors._keys import canon_of
from ..mailbox import Overflow
from ..supervisor._backoff import LARGEST_FACTOR
from ..supervisor._childspec import StartupMode
from ..supervisor._strategy import AUTO_SHUTDOWNS, STRATEGIES, AutoShutdown, Strategy

#: TOML has no word for "nothing"; where a number bounds something, this is "no bound".
UNLIMITED: Final = "unlimited"
#: And where a table would turn something on, this leaves it off.
NONE: Final = "none"


@attrs.frozen(eq=False)
class Kind:
    """Know one kind of value.

    Attributes:
        says: what it is, as the object of "give …".
        schema: the same for a machine.
        accepts: whether a value from TOML is of it.
        reads: what the runtime wants in its place.
        words: where only certain words will do, these.
    """

    says: str
    schema: Mapping[str, Any]
    accepts: Callable[[Any], bool]
    reads: Callable[[Any], Any] = lambda value: value
    words: tuple[str, ...] = ()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _unless_unlimited(value: Any) -> Any:
    return None if value == UNLIMITED else value


def _or_unlimited(kind: Kind) -> Kind:
    return Kind(
        f'{kind.says}, or "{UNLIMITED}"',
        {"anyOf": [dict(kind.schema), {"const": UNLIMITED}]},
        lambda value: value == UNLIMITED or kind.accepts(value),
        _unless_unlimited,
        (UNLIMITED,),
    )


def _choice(*words: str) -> Kind:
    says = " or ".join((", ".join(f'"{word}"' for word in words[:-1]), f'"{words[-1]}"'))
    return Kind(says, {"enum": list(words)}, lambda value: isinstance(value, str) and value in words, words=words)


def _pattern(says: str, pattern: str) -> Kind:
    compiled = re.compile(pattern)
    return Kind(
        says,
        {"type": "string", "pattern": f"^(?:{pattern})$"},
        lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None,
    )


def is_plain(value: Any) -> bool:
    """Return whether a value is what TOML can say, all the way down."""
    match value:
        case list():
            return all(is_plain(item) for item in cast("Iterable[Any]", value))
        case dict():
            return all(map(is_plain, cast("dict[str, Any]", value).values()))
        case _:
            return isinstance(value, (str, int, float, bool, date, time))


def _as_key(value: Any) -> Any:
    """Return a key as the registry wants it: what has several parts is a tuple."""
    return tuple(map(_as_key, cast("Any", value))) if isinstance(value, list) else value


def _is_key(value: Any) -> bool:
    try:
        canon_of(_as_key(value))
    except (TypeError, ValueError):
        return False
    return True


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_scalar, cast("dict[str, Any]", value).values()))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


_positive: Final = Kind(
    "a number of seconds above 0",
    {"type": "number", "exclusiveMinimum": 0},
    lambda value: _is_number(value) and value > 0,
)
_from_zero: Final = Kind(
    "a number of seconds from 0", {"type": "number", "minimum": 0}, lambda value: _is_number(value) and value >= 0
)
_count: Final = Kind(
    "a whole number from 1", {"type": "integer", "minimum": 1}, lambda value: type(value) is int and value >= 1
)
_natural: Final = Kind(
    "a whole number from 0", {"type": "integer", "minimum": 0}, lambda value: type(value) is int and value >= 0
)


def _between(least: float, most: float) -> Kind:
    return Kind(
        f"a number from {least:g} to {most:g}",
        {"type": "number", "minimum": least, "maximum": most},
        lambda value: _is_number(value) and least <= value <= most,
    )


def _told(kind: Kind, why: str) -> Kind:
    return attrs.evolve(kind, says=f"{kind.says} ({why})")


_IMPORT_PATH: Final = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"

Name: TypeAlias = Annotated[str, _pattern("1 to 64 of the characters a-z, 0-9, _ and -", "[a-z0-9_-]{1,64}")]
ParameterName: TypeAlias = Annotated[str, _pattern("a letter a-z, then letters, digits and _", "[a-z][a-z0-9_]{0,63}")]
Text: TypeAlias = Annotated[str, Kind("a string", {"type": "string"}, lambda value: isinstance(value, str))]
ActorPath: TypeAlias = Annotated[
    str,
    _pattern(
        "1 to 64 of the characters a-z, 0-9, _ and -, or several such names with / between them",
        "[a-z0-9_-]{1,64}(/[a-z0-9_-]{1,64})*",
    ),
]
ImportPath: TypeAlias = Annotated[
    str,
    _pattern('an import path, "package.module:Name"', _IMPORT_PATH),
]
Seconds: TypeAlias = Annotated[float | None, _or_unlimited(_from_zero)]
PositiveSeconds: TypeAlias = Annotated[float | None, _or_unlimited(_positive)]
Window: TypeAlias = Annotated[float, _positive]
Delay: TypeAlias = Annotated[float, _from_zero]
Count: TypeAlias = Annotated[int | None, _or_unlimited(_count)]
Number: TypeAlias = Annotated[int, _count]
Natural: TypeAlias = Annotated[int, _natural]
Attempts: TypeAlias = Annotated[int | None, _or_unlimited(_natural)]
Factor: TypeAlias = Annotated[float, _between(1, LARGEST_FACTOR)]
Jitter: TypeAlias = Annotated[float, _between(0, 1)]
Flag: TypeAlias = Annotated[
    bool, Kind("true or false", {"type": "boolean"}, lambda value: type(value) is bool, words=("true", "false"))
]
StrategyWord: TypeAlias = Annotated[Strategy, _choice(*STRATEGIES)]
# One for several supervisors, or for one that has children in any case.
GroupStrategyWord: TypeAlias = Annotated[
    Strategy,
    _told(_choice(*(each for each in STRATEGIES if each != "dynamic")), "a dynamic supervisor declares no children"),
]
AutoShutdownWord: TypeAlias = Annotated[AutoShutdown, _choice(*AUTO_SHUTDOWNS)]
NoTable: TypeAlias = Annotated[
    None, Kind(f'"{NONE}"', {"const": NONE}, lambda value: value == NONE, lambda _: None, (NONE,))
]
Restart: TypeAlias = Annotated[RestartType, _choice("permanent", "transient", "temporary")]
OverdueWord: TypeAlias = Annotated[OverdueAction, _choice("warn", "cancel", "restart")]
ErrorWord: TypeAlias = Annotated[ErrorAction, _choice("restart", "resume", "stop", "escalate")]
ErrorName: TypeAlias = Annotated[
    str,
    _pattern(
        'the name of a built-in exception class, or an import path, "package.module:Name"',
        rf"[A-Za-z_]\w*|{_IMPORT_PATH}",
    ),
]
Startup: TypeAlias = Annotated[StartupMode, _choice("inline", "deferred")]
# "coalesce" needs a function, which a file cannot give.
OverflowWord: TypeAlias = Annotated[Overflow, _choice("wait", "reject", "drop_oldest", "drop_newest")]
Unread: TypeAlias = Annotated[str, _choice("log", "raise")]
ApprovalWord: TypeAlias = Annotated[Approval, _choice("ask", "auto", "deny")]
Labels: TypeAlias = Annotated[
    dict[str, Any],
    Kind(
        "a table of strings, numbers and booleans",
        {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        _is_labels,
    ),
]
KeyPart: TypeAlias = Annotated[
    Any,
    Kind(
        "a string, a number or a boolean, or an array of these, which is one key of several parts",
        {
            "type": ["string", "number", "boolean", "array"],
            "items": {"type": ["string", "number", "boolean", "array"]},
        },
        _is_key,
        _as_key,
    ),
]
Plain: TypeAlias = Annotated[Any, Kind("a value", {}, is_plain)]
Arguments: TypeAlias = Annotated[
    tuple[Any, ...],
    Kind("an array", {"type": "array"}, lambda value: isinstance(value, list) and is_plain(value), tuple),
]
Keywords: TypeAlias = Annotated[
    dict[str, Any],
    Kind("a table", {"type": "object"}, lambda value: isinstance(value, dict) and is_plain(value)),
]
Scalar: TypeAlias = Annotated[
    str | int | float | bool,
    Kind(
        "a string, a number or a boolean",
        {"type": ["string", "number", "boolean"]},
        lambda value: isinstance(value, (str, int, float, bool)),
    ),
]
