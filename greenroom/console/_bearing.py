"""What bears on what: whether a problem with one key of a child or supervisor is one, whatever the right values of the keys that are wrong.

A table whose values contradict each other, the name of an exception class that there is not, and partitions of several children are wrong by
themselves, as long as no level of theirs has something wrong that might stand in their place. A misspelt key counts as the one that it was meant for.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import attrs

from ..treefile._problem import Place, Problem
from ..treefile._treefile import Child, Level, Options, Supervisor, TreeFile

#: Stands for all keys.
ANY: Final = "*"
_KNOWN: Final = sorted(
    {field.name for table in (Child, Supervisor, Options, Level, TreeFile) for field in attrs.fields(table)}
)
#: What is wrong with a table by itself, by the beginning of its text.
_OF_VALUES: Final = ("Backoff.", "Intensity.", "Limits", "MailboxSpec", "is needed, and no level gives it")
_OF_PARTITIONS: Final = "give exactly one "
#: On whether a table counts bear these besides itself, unless it stands on the nearest level.
_BESIDES: Final[Mapping[str, frozenset[str]]] = {
    "backoff": frozenset(("restart",)),
    "intensity": frozenset(("restart", "backoff")),
    "start_retry": frozenset(("strategy",)),
}


def stands_by_itself(problem: Problem, rest: str, child: Place, places: Sequence[Place], data: Any) -> bool | None:
    """Return whether a problem is sure; None if it is not one of those that are wrong by themselves.

    Args:
        problem: told of what is left, once all that is wrong with the format has been taken away.
        rest: its path within the child.
        child: the place of the child; empty for the tree.
        places: of what is wrong with the format.
        data: the whole file.
    """
    key = rest.partition(".")[0]
    if key == "partitions" and problem.text.startswith(_OF_PARTITIONS):
        bearing = {"partitions", "children", "strategy"}
    elif key == "on_error" and rest != key:
        bearing = {"on_error"}
        places = [place for place in places if "on_error" not in place[:-1]]  # its other rows leave this one what it is
    elif problem.text.startswith(_OF_VALUES):
        bearing = {key} if key in _own(data, child) else {key, *_BESIDES.get(key, ())}
    else:
        return None
    return not any(_bears(_key_of(place, child), bearing) for place in places)


def _own(data: Any, child: Place) -> Any:
    """Return the table of a child, or of the tree."""
    for key in child:
        data = data[key]
    return data


def _bears(key: str | None, bearing: set[str]) -> bool:
    if key is None:
        return False
    if key == ANY or key in bearing:
        return True
    if key in _KNOWN:
        return False
    meant = get_close_matches(key, _KNOWN, 1)
    return not meant or meant[0] in bearing


def _key_of(place: Place, child: Place) -> str | None:
    """Return the key of a child, on whatever level of its, that a place is in; None if it is in none."""
    for level in (child, (*child[:-2], "defaults") if child else ("base",), ("base",), ("profiles",)):
        if place[: len(level)] != level:
            continue
        inner = place[len(level) + (level == ("profiles",)) :]
        if not inner:
            return ANY
        if level or inner[0] not in {"base", "profiles", "children", "defaults"}:
            return str(inner[0]) if inner[0] != "children" or len(inner) == 1 else None
    return None
