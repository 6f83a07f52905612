"""What a start at run time is given, besides its place in the tree: read, with all that is wrong with it at once."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..actors import Blueprint, InvalidSpec, Runtime, Slot, check_arguments
from ._on_error import read_on_error
from ._options import check_name, compile_policy, kind_problems, unknown_options
from ._policy import ChildPolicy
from ._reading import significant_problems
from ._team import team_of


def read_start(parent: Slot, factory: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> ChildPolicy:
    """Return the policy of a start's options.

    Raises:
        InvalidSpec: all that is wrong with options, factory and arguments, a line each.
    """
    problems = unknown_options(options)
    policy: ChildPolicy | None = None
    try:
        policy = compile_policy(options)
    except InvalidSpec as error:
        problems.append(str(error))
    if options.get("name") is not None:
        _note(partial(check_name, options["name"]), problems)
    if options.get("significant") is True:
        problems += _significant_problems(parent)
    wrong, blueprint = _factory_problems(parent.runtime, factory, args)
    problems += wrong
    if blueprint is not None:
        table = read_on_error(options.get("on_error"))[0] if policy is None else policy.on_error
        problems += kind_problems(blueprint, options.get("rest_after"), table, options.get("on_overdue"))
    if policy is None or problems:
        raise InvalidSpec("\n".join(problems))
    return policy


def check_factory(runtime: Runtime, factory: Any, args: tuple[Any, ...]) -> None:
    """Raise InvalidSpec if a factory, or what it is given, is wrong: all of it, a line each."""
    problems, _ = _factory_problems(runtime, factory, args)
    if problems:
        raise InvalidSpec("\n".join(problems))


def _factory_problems(runtime: Runtime, factory: Any, args: tuple[Any, ...]) -> tuple[list[str], Blueprint | None]:
    """Say what is wrong with a factory and its arguments; with what is known of it."""
    try:
        blueprint = runtime.blueprint(factory)
    except InvalidSpec as error:
        return [str(error)], None
    problems = [blueprint.wrong] if blueprint.wrong else []
    _note(partial(check_arguments, blueprint, factory, args), problems)
    return problems, blueprint


def _significant_problems(parent: Slot) -> list[str]:
    team = team_of(parent)
    if team is None or not team.is_supervisors:
        return [f"significant: {parent.path} is no supervisor, and no end of a child ends it; leave it out"]
    return significant_problems(team.plan)


def _note(check: Callable[[], object], problems: list[str]) -> None:
    try:
        check()
    except InvalidSpec as error:
        problems.append(str(error))
