"""Loading an experiment from TOML: the tree in the format of tree files, all else by the classes of the experiment."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from .. import Limits, SupervisorSpec
from ..treefile._absent import Absent
from ..treefile._plan import make_plan
from ..treefile._problem import InvalidInput, Place, Problem
from ..treefile._reader import make_converter, problems_in, read_toml, structure_tree
from ..treefile._treefile import Supervisor, kind_of_child
from ._errors import InvalidExperiment
from ._experiment import UNREAD, Experiment

#: Stands where an actor's factory stood: no module of the user's is imported.
SIMULATED: Final = "greenroom.lab._simulated:stand_in"
#: Of actors: what only what they are made of understands.
OF_THE_CODE: Final = frozenset({"args", "kwargs", "rest_after"})
_converter: Final = make_converter()
_converter.register_structure_hook(SupervisorSpec, lambda value, _: value)


def load(path: str | Path) -> Experiment:
    """Load an experiment from a TOML file.

    Its keys are the fields of `Experiment`; `tree` is a table in the format of a tree file, or the path of a tree file, relative to this one. An
    actor of it needs no factory.

    Raises:
        InvalidExperiment: the file cannot be read, is no TOML, or is no experiment; with all that is wrong, by its places.
    """
    path = Path(path)
    try:
        data = read_toml(path)
    except InvalidInput as error:
        raise InvalidExperiment(error.source, [((), problem.text) for problem in error.problems]) from None
    return _experiment_of(data, path)


def _experiment_of(data: dict[str, Any], path: Path) -> Experiment:
    wrong: list[tuple[Place, str]] = []
    tree, limits = UNREAD, None
    if "tree" not in data:
        wrong.append((("tree",), "is needed, and left out"))
    else:
        try:
            tree, limits = _tree(data["tree"], path)
        except InvalidInput as error:
            if error.source == str(path):
                wrong += [(("tree", *_place_of(problem.path)), problem.text) for problem in error.problems]
            else:
                wrong += [(("tree",), f"{error.source}: {problem}") for problem in error.problems]
    rest: dict[str, Any] = {**data, "tree": tree}
    if limits is not None:
        rest.setdefault("limits", limits)
    try:
        experiment = _converter.structure(rest, Experiment)
    except Exception as error:  # noqa: BLE001 -- cattrs collects into groups whatever its hooks raise
        wrong += problems_in(error, Experiment)
        raise InvalidExperiment(str(path), wrong) from None
    if wrong:
        raise InvalidExperiment(str(path), wrong)
    return experiment


_KEY: Final = re.compile(r"\[(\d+)\]|'((?:[^'\\]|\\.)*)'|([\w-]+)")


def _place_of(path: str) -> Place:
    """Return the keys that a path shows."""
    return tuple(int(found[1]) if found[1] else found[2] or found[3] for found in _KEY.finditer(path))


def _tree(given: Any, path: Path) -> tuple[SupervisorSpec, Limits | None]:
    source = path
    if isinstance(given, str):
        source = path.parent / given
        given = read_toml(source)
    if not isinstance(given, dict):
        raise InvalidInput(
            str(path), [Problem("", f"{given!r} is wrong here; give a table, or the path of a tree file")]
        )
    data = cast("dict[str, Any]", given)
    tree = structure_tree(_without_factories(data), str(source))
    plan = make_plan(tree, source, None, None)
    says_limits = not isinstance(tree.limits, Absent) or (not isinstance(tree.base, Absent) and bool(tree.base.limits))
    root = SupervisorSpec(
        plan.name,
        plan.children,
        strategy=plan.strategy,
        intensity=plan.intensity,
        auto_shutdown=plan.auto_shutdown,
        start_retry=plan.start_retry,
    )
    return root, plan.limits if says_limits else None


def _without_factories(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a tree, its actors made of what stands in for them."""
    found = {key: value for key, value in table.items() if key != "with_arguments"}
    children: Any = found.get("children")
    if type(children) is list:
        found["children"] = [_child(each) for each in cast("Iterable[Any]", children)]
    return found


def _child(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    child = cast("dict[str, Any]", table)
    if kind_of_child(child) is Supervisor:
        return _without_factories(child)
    return {**{key: value for key, value in child.items() if key not in OF_THE_CODE}, "factory": SIMULATED}
