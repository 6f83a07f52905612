"""How deep a tree file is nested: what is deeper than any tree needs is told by its place, before anything that goes through it by recursion."""

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from ._problem import Place

#: Levels of tables and arrays, at most, in each other.
DEEPEST: Final = 100
#: Keys that say where something too deep is; it may be too deep by thousands.
SHOWN: Final = 4

#: Strings and comments, in which brackets mean nothing; brackets; and the ends of lines.
_PARTS: Final = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3}
    | '{3} .*? '{3}
    | \" (?: \\. | [^\"\\\n] )* \"
    | ' [^'\n]* '
    | \# [^\n]*
    | [\[\]{}]
    | \n
    """,
    re.DOTALL | re.VERBOSE,
)


def places_too_deep(data: dict[str, Any]) -> list[Place]:
    """Return where data is nested too deep: the first keys that lead there, each once, in the order of the file. Plain function."""
    found: dict[Place, None] = {}
    level: list[tuple[Place, Any]] = [((), data)]
    for _ in range(DEEPEST):
        level = [
            (place if len(place) == SHOWN else (*place, key), value)
            for place, each in level
            for key, value in _items(each)
        ]
        if not level:
            break
    for place, value in level:
        if isinstance(value, dict | list):
            found[place] = None
    return list(found)


def line_too_deep(text: str) -> int:
    """Return the number of the line in which brackets are nested too deep; of the deepest, if none is. Plain function."""
    line, depth, deepest, at = 1, 0, 0, 1
    for part in _PARTS.findall(text):
        if part in ("[", "{"):
            depth += 1
            if depth > deepest:
                deepest, at = depth, line
            if depth > DEEPEST:
                break
        elif part in ("]", "}"):
            depth -= 1
        line += part.count("\n")
    return at


def _items(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).items())
    return list(enumerate(cast("Sequence[Any]", value))) if isinstance(value, list) else []
