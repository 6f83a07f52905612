"""What else is wrong with a file that does not fit the format: what fits is looked at as if it were all, so that one look mends all.

Only what is sure is told. A child without a readable factory says nothing about its arguments, a child whose name is wrong may be the main one, and a
child whose restart type is wrong may well be significant.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from ..treefile._plan import make_plan
from ..treefile._problem import InvalidInput, Malformed, Place, Problem
from ..treefile._reader import is_a, structure_tree
from ..treefile._treefile import Supervisor, kind_of_child
from ._bearing import stands_by_itself

#: Keys of children, supervisors and tree that no combination of options is about.
_APART: Final = frozenset(
    ("name", "factory", "args", "kwargs", "labels", "mailbox", "redeliver", "on_error", "handler_timeout", "on_overdue",
     "shutdown", "startup", "startup_timeout", "keys",
     "parameters", "limits", "main", "unread", "approval")
)  # fmt: skip
_OF_CHILD: Final = re.compile(r"(children\[\d+\](?:\.children\[\d+\])*)(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"\[(\d+)\]")
#: In the place of a child that cannot be read; what is told of it is not told on.
_UNREADABLE: Final = "builtins:object"


def problems_behind(error: Malformed, path: Path) -> list[Problem]:
    """Return what else can be told about a file, besides its problems with the format.

    Args:
        error: what was raised when it was read.
        path: its file; factories are looked for beside it.
    """
    try:
        data, unreadable, is_any_left = _without(error.data, error.places)
        return _found(data, unreadable, path, error) if is_any_left else []
    except RecursionError:
        return []


def _found(data: dict[str, Any], unreadable: set[Place], path: Path, error: Malformed) -> list[Problem]:
    try:
        make_plan(structure_tree(data, error.source), path, None, None)
    except Malformed:
        return []
    except InvalidInput as found:
        return [each for each in found.problems if _is_sure(each, unreadable, error)]
    return []


def child_of(place: Place) -> Place:
    """Return the place of the innermost child that a place is in; empty, if it is in none."""
    end = 0
    while place[end : end + 1] == ("children",) and len(place) > end + 1:
        end += 2
    return place[:end]


def _without(data: Mapping[str, Any], places: Sequence[Place]) -> tuple[dict[str, Any], set[Place], bool]:
    """Return the data without what is wrong, which of the children cannot be read, and whether there are others."""
    rest = deepcopy(dict(data))
    unreadable = {child_of(place) for place in places if child_of(place) and _hides_all(place)}
    for place in places:
        _remove(rest, place)
    rest.setdefault("name", "unnamed")
    return rest, unreadable, ("children",) not in places and _mend(rest, (), unreadable)


def _hides_all(place: Place) -> bool:
    """Return whether what is wrong there leaves nothing of its child to be read: it is no table, or has no factory that could be read."""
    return place == child_of(place) or place[-1] == "factory"


def _mend(data: dict[str, Any], above: Place, unreadable: set[Place]) -> bool:
    """Give names to children without, and put something in the place of those that cannot be read. Returns whether any can."""
    children: Any = data.get("children")
    if not is_a(children, list):
        return bool(above)
    is_any_left = False
    for number, child in enumerate(children):
        place = (*above, "children", number)
        if place in unreadable:
            children[number] = {"name": f"unreadable-{number}", "factory": _UNREADABLE}
        else:
            child.setdefault("name", f"unnamed-{number}")
            is_any_left = _mend(child, place, unreadable) or is_any_left
    return is_any_left


def _remove(data: Any, place: Place) -> None:
    """Take away what stands at a place; items of an array keep their numbers, and what was a supervisor stays one."""
    *before, last = place
    for key in before:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return
    if is_a(data, dict):
        was = kind_of_child(data)
        data.pop(last, None)
        if before and child_of(place) == tuple(before) and was is Supervisor and kind_of_child(data) is not was:
            data["children"] = []


def _is_sure(problem: Problem, unreadable: set[Place], error: Malformed) -> bool:
    """Return whether a problem is one, whatever the right values are in the place of what is wrong with the format."""
    places = error.places
    if problem.path == "main":
        return not any(map(_is_about_main, places))
    of_child = _OF_CHILD.fullmatch(problem.path)
    rest = problem.path if of_child is None else of_child[2].removeprefix(".")
    child = () if of_child is None else _place_of(of_child[1])
    if child in unreadable:
        return False
    if rest in {"factory", "name"}:
        return True
    by_itself = stands_by_itself(problem, rest, child, places, error.data)
    if by_itself is not None:
        return by_itself
    if rest == "on_overdue":
        return not any("handler_timeout" in place or "on_overdue" in place for place in places)
    about_parameters = any("parameters" in place for place in places)
    if not rest or rest.startswith(("args", "kwargs")):
        own = {place[len(child)] for place in places if child_of(place) == child and len(place) > len(child)}
        return not (own & {"args", "kwargs"} or about_parameters)
    if "parameters" in problem.path:
        return not about_parameters
    return not any(_may_bear_on(place, child) for place in places)


def _place_of(path: str) -> Place:
    return tuple(part for number in _NUMBER.findall(path) for part in ("children", int(number)))


def _may_bear_on(place: Place, child: Place) -> bool:
    """Return whether what is wrong there may be what excludes, or is excluded by, what a child or its supervisor says."""
    if child_of(place) not in {child, child[:-2], ()}:
        return False
    own = place[len(child_of(place)) :]
    return not own or own[0] not in _APART


def _is_about_main(place: Place) -> bool:
    """Return whether what is wrong there leaves it open whether the main child is there, and may be the main one."""
    if child_of(place):
        return place == child_of(place) or place[-1] in {
            "name",
            "restart",
            "factory",
            "children",
            "partitions",
            "defaults",
        }
    return place[-1] in {"main", "restart", "defaults", "base"}
