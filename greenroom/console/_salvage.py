"""What else is wrong with a file that does not fit the format: what fits is looked at as if it were all, so that one look mends all.

Only what is sure is told. A child without a readable factory says nothing about its arguments, and a child whose name is wrong may be the main one.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from ._plan import make_plan
from ._problem import InvalidInput, Malformed, Place, Problem, at
from ._reader import is_a, structure_tree

_OF_CHILD: Final = re.compile(r"children\[(\d+)\](.*)", re.DOTALL)


def problems_behind(error: Malformed, path: Path) -> list[Problem]:
    """Return what else can be told about a file, besides its problems with the format.

    Args:
        error: what was raised when it was read.
        path: its file; factories are looked for beside it.
    """
    try:
        data, kept = _without(error.data, error.places)
        return _found(data, kept, path, error) if kept else []
    except RecursionError:
        return []


def _found(data: dict[str, Any], kept: Sequence[int], path: Path, error: Malformed) -> list[Problem]:
    try:
        make_plan(structure_tree(data, error.source), path, None, None)
    except Malformed:
        return []
    except InvalidInput as found:
        return [told for each in found.problems for told in _sure(each, kept, error)]
    return []


def _without(data: Mapping[str, Any], places: Sequence[Place]) -> tuple[dict[str, Any], list[int]]:
    """Return the data without what is wrong, and which of the children are left; none, if nothing can be told."""
    rest = deepcopy(dict(data))
    children: Any = rest.get("children")
    if not is_a(children, list) or ("children",) in places:
        return rest, []
    unreadable = {place[1] for place in places if place[0] == "children" and (not place[2:] or place[2] == "factory")}
    for place in places:
        _remove(rest, place)
    rest.setdefault("name", "unnamed")
    kept = [number for number in range(len(children)) if number not in unreadable]
    for number in kept:
        children[number].setdefault("name", f"unnamed-{number}")
    rest["children"] = [children[number] for number in kept]
    return rest, kept


def _remove(data: Any, place: Place) -> None:
    """Take away what stands at a place; items of an array keep their numbers."""
    *before, last = place
    for key in before:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return
    if is_a(data, dict):
        data.pop(last, None)


def _sure(problem: Problem, kept: Sequence[int], error: Malformed) -> list[Problem]:
    """Return a problem under the path that it has in the whole file; nothing, if what is wrong with the format may be its cause."""
    places = error.places
    if problem.path == "main":
        return [] if any(map(_is_about_main, places)) else [problem]
    of_child = _OF_CHILD.fullmatch(problem.path)
    if of_child is None:
        return [] if any("parameters" in place for place in places) else [problem]
    number, rest = kept[int(of_child[1])], of_child[2]
    own = [place[2] for place in places if place[:2] == ("children", number)]
    if rest not in {".factory", ".name"} and ({"args", "kwargs"} & {*own} or any("parameters" in p for p in places)):
        return []
    return [Problem(at("children", number) + rest, problem.text)]


def _is_about_main(place: Place) -> bool:
    """Return whether what is wrong there leaves it open whether the main child is there, and may be the main one."""
    if place[0] == "children":
        return not place[2:] or place[2] in {"name", "restart", "factory"}
    return place[-1] in {"main", "restart", "defaults", "base"}
