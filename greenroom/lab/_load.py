"""Loading an experiment from TOML: the tree in the format of tree files, all else by the classes of the experiment."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import attrs

from .. import Limits, SupervisorSpec
from ..console._absent import Absent
from ..console._plan import make_plan
from ..console._problem import InvalidInput, Malformed, Problem
from ..console._reader import make_converter, problems_in, read_toml, structure_tree
from ..console._treefile import kind_of_child
from ._errors import InvalidExperiment
from ._experiment import Experiment

#: Stands where an actor's factory stood: no module of the user's is imported.
SIMULATED: Final = "greenroom.lab._simulated:stand_in"
_STAND_IN: Final = SupervisorSpec("tree")
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
        return _experiment_of(data, path)
    except InvalidInput as error:
        raise InvalidExperiment(error.source, error.problems) from None


def _experiment_of(data: dict[str, Any], path: Path) -> Experiment:
    source = str(path)
    problems: list[Problem] = []
    tree, limits = _STAND_IN, None
    if "tree" in data:
        try:
            tree, limits = _tree(data["tree"], path)
        except InvalidInput as error:
            inside = error.source == source
            problems += [
                _placed(each) if inside else attrs.evolve(each, path=f"tree ({error.source})", text=str(each))
                for each in error.problems
            ]
    rest: dict[str, Any] = {**data, "tree": tree}
    if "tree" not in data:
        problems.append(Problem("tree", "is needed, and left out"))
    try:
        experiment = _structured(rest, source, limits)
    except (InvalidInput, InvalidExperiment) as error:
        problems += (
            error.problems if tree is not _STAND_IN else [e for e in error.problems if not e.path.startswith("tree")]
        )
        experiment = None
    if problems or experiment is None:
        raise InvalidExperiment(source, problems)
    return experiment


def _structured(rest: dict[str, Any], source: str, limits: Limits | None) -> Experiment:
    if limits is not None and "limits" not in rest:
        rest = {**rest, "limits": limits}
    try:
        return _converter.structure(rest, Experiment)
    except Exception as error:  # noqa: BLE001 -- cattrs collects into groups whatever its hooks raise
        raise Malformed(source, {}, problems_in(error, Experiment)) from None


def _placed(problem: Problem) -> Problem:
    """Put a problem of the tree in its place in the whole file."""
    return attrs.evolve(problem, path=f"tree.{problem.path}" if problem.path else "tree")


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
    if attrs.fields_dict(kind_of_child(child)).get("factory") is None:
        return _without_factories(child)
    return {**{key: value for key, value in child.items() if key not in ("args", "kwargs")}, "factory": SIMULATED}
