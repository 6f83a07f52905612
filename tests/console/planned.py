"""Plans made of parts of tree files."""

from pathlib import Path
from typing import Any

import pytest

from greenroom import ChildSpec, SupervisorSpec
from greenroom.console._salvage import problems_behind
from greenroom.treefile._plan import Plan, make_plan
from greenroom.treefile._problem import InvalidInput, Malformed
from greenroom.treefile._reader import structure_tree

ACTOR: dict[str, Any] = {"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}


def actor(name: str = "a", **keys: Any) -> dict[str, Any]:
    return {**ACTOR, "name": name, **keys}


def plan(*children: dict[str, Any], profile: dict[str, Any] | None = None, **tree: Any) -> Plan:
    data = {"name": "x", "profiles": {"p": profile or {}}, **tree, "children": list(children)}
    return make_plan(structure_tree(data, "tree.toml"), Path("tree.toml"), "p", {})


def wrong(*children: dict[str, Any], **tree: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        plan(*children, **tree)
    return [str(problem) for problem in caught.value.problems]


def supervisor(made: Plan, index: int = 0) -> SupervisorSpec:
    spec = made.children[index]
    assert isinstance(spec, SupervisorSpec)
    return spec


def only_actor(spec: SupervisorSpec | Plan) -> ChildSpec:
    (child,) = spec.children
    assert isinstance(child, ChildSpec)
    return child


def told(*children: Any, **tree: Any) -> tuple[list[str], list[str]]:
    """Return what is wrong with the format, and what else is told."""
    with pytest.raises(Malformed) as caught:
        structure_tree({"name": "x", "children": list(children), **tree}, "tree.toml")
    behind = problems_behind(caught.value, Path("/nowhere/tree.toml"))
    return [str(each) for each in caught.value.problems], [str(each) for each in behind]
