"""Checking what makes a declared child: what is wrong with it, with its arguments, and with what is said of it and means nothing for its kind."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from ..actors import Blueprint, InvalidSpec, check_arguments
from ..mailbox import shown
from ._childspec import ChildSpec, is_list
from ._on_error import read_on_error
from ._options import kind_problems

Read = Callable[[Any], Blueprint]


def factory_problems(spec: ChildSpec, read: Read, *, checks_args: bool = True) -> list[str]:
    """Say all that is wrong with a factory and its arguments, and which options have no meaning for what it makes.

    Args:
        spec: of an actor.
        read: finds out about a factory.
        checks_args: False if the arguments that count are made by somebody else.
    """
    problems: list[str] = []
    if not is_list(spec.args):
        problems.append(f"args: {shown(spec.args)} is no list of arguments")
    kwargs: Any = spec.kwargs
    has_kwargs = isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in cast("Any", kwargs))
    if not has_kwargs:
        problems.append(f"kwargs: {shown(spec.kwargs)} is not a mapping of names to arguments")
    # The factory alone may tell what it makes, also where it does not take what is given to it.
    candidates: list[Any] = [spec.bound_factory()] if has_kwargs and callable(spec.factory) else []
    blueprint, error = _first_readable([*candidates, spec.factory], read)
    if error and (has_kwargs or not callable(spec.factory)):
        problems.append(error)
    if blueprint is None:
        return problems
    if blueprint.wrong:
        problems.append(blueprint.wrong)
    if checks_args and has_kwargs and not error and is_list(spec.args):
        try:
            check_arguments(blueprint, candidates[0], spec.args)
        except InvalidSpec as wrong:
            problems.append(str(wrong))
    return problems + kind_problems(blueprint, spec.rest_after, read_on_error(spec.on_error)[0], spec.on_overdue)


def _first_readable(candidates: list[Any], read: Read) -> tuple[Blueprint | None, str]:
    """Return what is known of the first factory that can be read, and what is wrong with the first of all."""
    first = ""
    for each in candidates:
        try:
            return read(each), first
        except InvalidSpec as error:
            first = first or str(error)
    return None, first
