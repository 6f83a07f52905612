"""The plan: what a tree file, a profile and parameters come to; all that `open_supervisor` needs."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from .. import Backoff, ChildSpec, Intensity, Limits, SupervisorSpec
from ..supervisor._strategy import AutoShutdown, Strategy
from ._absent import ABSENT, Absent
from ._levels import flags_of, levels_of_child, restart_of, settings_of
from ._parameters import check_declarations, values_of
from ._problem import InvalidInput, Problem, unknown
from ._specs import Reading
from ._treefile import Child, Level, Supervisor, TreeFile, children_of


@attrs.frozen
class Plan:
    """Hold what is going to run.

    Attributes:
        main: the path of the main child below the root.
        others: as `open_supervisor` takes them.
    """

    name: str
    main: str | None
    strategy: Strategy
    intensity: Intensity
    auto_shutdown: AutoShutdown
    start_retry: Backoff | None
    unread: Any
    approval: Any
    limits: Limits
    children: tuple[ChildSpec | SupervisorSpec, ...]


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
    reading = Reading(level, tree.base, values, path.resolve().parent, problems)
    flags = flags_of((tree, level, tree.base), problems)
    children = tuple(reading.children(tree, flags))
    reading.check(children, flags)
    problems += _check_main(tree, level)
    settings = settings_of((tree, level, tree.base), problems)
    if problems or others:
        raise InvalidInput(str(path), problems, others)
    main = None if isinstance(tree.main, Absent) else tree.main
    return Plan(tree.name, main, children=children, **flags, **settings)


def profiles_of(tree: TreeFile) -> dict[str, Level]:
    """Return the profiles by name."""
    return {} if isinstance(tree.profiles, Absent) else tree.profiles


Placed = tuple[str, Child | Supervisor, TreeFile | Supervisor]


def all_children(above: TreeFile | Supervisor, prefix: str = "") -> Iterator[Placed]:
    """Iterate over all that stands below, parents first: its path in the tree, the child, and what it stands in.

    Copies are there by their own paths.
    """
    copies = above.partitions if isinstance(above, Supervisor) else ABSENT
    for child in children_of(above):
        names = [child.name] if isinstance(copies, Absent) else [f"{child.name}-{index}" for index in range(copies)]
        for name in names:
            yield f"{prefix}{name}", child, above
            if isinstance(child, Supervisor):
                yield from all_children(child, f"{prefix}{name}/")


def _check_main(tree: TreeFile, level: Level | Absent) -> list[Problem]:
    if isinstance(tree.main, Absent):
        return []
    known = {path: (child, above) for path, child, above in reversed(list(all_children(tree)))}
    if tree.main not in known:
        return [Problem("main", unknown("child", tree.main, list(reversed(known))))]
    child, above = known[tree.main]
    if restart_of(levels_of_child(child, above, level, tree.base)) == "permanent":
        text = f'{tree.main!r} is permanent, so it is restarted whenever it ends; give it restart = "transient" or "temporary"'
        return [Problem("main", text)]
    return []
