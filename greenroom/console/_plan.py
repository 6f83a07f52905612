"""The plan: what a tree file, a profile and parameters come to; all that `open_supervisor` needs."""

import builtins
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs

from .. import ChildSpec, Intensity, InvalidSpec, Limits, MailboxSpec
from ..actors import MAY_REST
from ..actors._blueprint import read_blueprint
from ..supervisor._on_error import wrong_class
from ..supervisor._options import check_kind, check_rest
from ..supervisor._reading import policy_of_spec
from ._absent import ABSENT, Absent, first_given
from ._factories import check_arguments, find_factory
from ._imports import BadImport, find_object
from ._parameters import Values, check_declarations, fill, values_of
from ._problem import InvalidInput, Problem, at, unknown
from ._treefile import Child, Level, Options, TreeFile

#: What a declared child has if no level gives it.
DEFAULTS: Final = {
    "restart": "permanent",
    "shutdown": 5.0,
    "startup": "inline",
    "startup_timeout": 60.0,
    "redeliver": 0,
    "handler_timeout": None,
    "on_overdue": "warn",
    "rest_after": None,
}
BUILT_IN: Final = sorted(
    name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, Exception)
)
NO_ROWS: Final[Mapping[str, Any]] = MappingProxyType({})


@attrs.frozen
class Plan:
    """Hold what is going to run."""

    name: str
    main: str | None
    unread: Any
    approval: Any
    intensity: Intensity
    limits: Limits
    children: tuple[ChildSpec, ...]


def make_plan(
    tree: TreeFile,
    path: Path,
    profile: str | None,
    given: Mapping[str, str] | None,
    wrong_words: Iterable[Problem] = (),
) -> Plan:
    """Work out what runs.

    Args:
        tree: as read from `path`.
        path: its file; factories are looked for beside it.
        profile: the one to take, by name.
        given: parameters from the command line; None means that nothing is going to run, and needed ones may be missing.
        wrong_words: what is wrong with the command line for other reasons, to be told with all else.

    Raises:
        InvalidInput: with all that is wrong.
    """
    problems = list(check_declarations(tree))
    if not tree.children:
        problems.append(Problem("children", "there is none, so nothing would run"))
    others = list(wrong_words)
    level: Level | Absent = ABSENT
    if profile is not None:
        known = profiles_of(tree)
        level = known.get(profile, ABSENT)
        if isinstance(level, Absent):
            others.append(Problem("--profile", unknown("profile", profile, sorted(known))))
    values, wrong_values = values_of(tree, level, given, is_all=profile is None or not isinstance(level, Absent))
    others += wrong_values
    children: list[ChildSpec] = []
    for index, child in enumerate(tree.children):
        where = at("children", index)
        if any(other.name == child.name for other in tree.children[:index]):
            problems.append(Problem(f"{where}.name", f"{child.name!r} is the name of another child too"))
        options = resolve((child, tree.defaults, level, tree.base))
        spec, wrong = _spec(child, options, values, path.resolve().parent)
        problems += [Problem(f"{where}.{each.path}" if each.path else where, each.text) for each in wrong]
        if spec is not None:
            children.append(spec)
    problems += _check_main(tree, level)
    settings = _settings(tree, level)
    if problems or others:
        raise InvalidInput(str(path), problems, others)
    return Plan(tree.name, None if isinstance(tree.main, Absent) else tree.main, children=tuple(children), **settings)


def profiles_of(tree: TreeFile) -> dict[str, Level]:
    """Return the profiles by name."""
    return {} if isinstance(tree.profiles, Absent) else tree.profiles


def resolve(levels: tuple[Options | Absent, ...]) -> dict[str, Any]:
    """Return a child's options: of each, what the first level gives; of tables, key by key."""
    options = {
        key: first_given(*(getattr(level, key) for level in levels if not isinstance(level, Absent)), default=default)
        for key, default in DEFAULTS.items()
    }
    # As a whole, since the order of its rows counts.
    options["on_error"] = first_given(
        *(level.on_error for level in levels if not isinstance(level, Absent)), default=NO_ROWS
    )
    options["mailbox"] = MailboxSpec(**_table("mailbox", levels))
    labels: dict[str, Any] = {}
    for level in reversed(levels):
        if not isinstance(level, Absent) and not isinstance(level.labels, Absent):
            labels |= level.labels
    options["labels"] = labels
    return options


def _table(key: str, levels: tuple[Any, ...]) -> dict[str, Any]:
    """Return what the levels give of a table, key by key; what nobody gives is left out."""
    merged: dict[str, Any] = {}
    for level in reversed(levels):
        table = ABSENT if isinstance(level, Absent) else getattr(level, key)
        if not isinstance(table, Absent):
            merged |= {k: v for k, v in attrs.asdict(table).items() if not isinstance(v, Absent)}
    return merged


def _settings(tree: TreeFile, level: Level | Absent) -> dict[str, Any]:
    levels = (tree, level, tree.base)
    return {
        "unread": first_given(*(each.unread for each in levels if not isinstance(each, Absent)), default="log"),
        "approval": first_given(*(each.approval for each in levels if not isinstance(each, Absent)), default="ask"),
        "intensity": Intensity(**_table("intensity", levels)),
        "limits": Limits(**_table("limits", levels)),
    }


def _spec(
    child: Child, options: dict[str, Any], values: Values, folder: Path
) -> tuple[ChildSpec | None, list[Problem]]:
    """Return a child's specification, and what is wrong with it, by paths within the child."""
    problems: list[Problem] = []
    args = fill(() if isinstance(child.args, Absent) else child.args, values, "args", problems)
    kwargs = fill({} if isinstance(child.kwargs, Absent) else child.kwargs, values, "kwargs", problems)
    try:
        factory = find_factory(child.factory, folder)
    except BadImport as error:
        return None, [*problems, Problem("factory", str(error))]
    wrong = check_arguments(factory, tuple(args), kwargs)
    if wrong is not None:
        problems.append(Problem("", wrong))
    if problems:
        return None, problems
    rows, wrong_rows = read_rows(options.pop("on_error"), folder)
    if wrong_rows:
        return None, wrong_rows
    spec = ChildSpec(child.name, factory, args, kwargs=kwargs, on_error=rows or (), **options)
    try:
        policy_of_spec(spec)
        spec = _with_rest(spec, is_own=not isinstance(child.rest_after, Absent))
        check_kind(read_blueprint(spec.bound_factory()), policy_of_spec(spec))
    except InvalidSpec as error:
        problems.append(Problem("", str(error)))
    return spec, problems


def read_rows(table: Mapping[str, Any], folder: Path) -> tuple[list[tuple[Any, Any]], list[Problem]]:
    """Return the rows of an `on_error` table with their classes, and what is wrong with their names."""
    rows: list[tuple[Any, Any]] = []
    problems: list[Problem] = []
    for name, action in table.items():
        try:
            kind: Any = (
                find_object(name, folder, "beside the tree file") if ":" in name else getattr(builtins, name, None)
            )
            wrong = wrong_class(kind) if kind is not None else unknown("built-in exception class", name, BUILT_IN)
        except BadImport as error:
            kind, wrong = None, str(error)
        if wrong:
            problems.append(Problem(at("on_error", name), wrong))
        rows.append((kind, action))
    return rows, problems


def _with_rest(spec: ChildSpec, *, is_own: bool) -> ChildSpec:
    """Return the specification without a `rest_after` that another level gives: that is meant for the agents among the children."""
    blueprint = read_blueprint(spec.bound_factory())
    if not is_own and blueprint.kind not in MAY_REST:
        return attrs.evolve(spec, rest_after=None)
    check_rest(blueprint, spec.rest_after)
    return spec


def _check_main(tree: TreeFile, level: Level | Absent) -> list[Problem]:
    if isinstance(tree.main, Absent):
        return []
    child = next((child for child in tree.children if child.name == tree.main), None)
    if child is None:
        return [
            Problem("main", unknown("child", tree.main, list(dict.fromkeys(child.name for child in tree.children))))
        ]
    if resolve((child, tree.defaults, level, tree.base))["restart"] == "permanent":
        text = f'{tree.main!r} is permanent, so it is restarted whenever it ends; give it restart = "transient" or "temporary"'
        return [Problem("main", text)]
    return []
