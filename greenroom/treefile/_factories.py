"""Factories by import path: found in a module beside the tree file, or in one that is installed."""

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, cast

from .. import InvalidSpec
from ..actors._blueprint import read_blueprint
from ._imports import BadImport, find_object


def find_factory(import_path: str, folder: Path) -> Callable[..., Any]:
    """Return what an import path names.

    Args:
        import_path: "package.module:Name".
        folder: the tree file's.

    Raises:
        BadImport: it names nothing, its module cannot be imported, or what it names is no factory.
    """
    found = find_object(import_path, folder, "beside the tree file")
    try:
        read_blueprint(found)
    except InvalidSpec as error:
        if "needs the keyword argument" not in str(error):  # the arguments are looked at with the arguments
            raise BadImport(f"{import_path}: {error}") from None
    return cast("Callable[..., Any]", found)


def check_arguments(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the arguments, for this factory; None if they fit, or if it does not tell what it takes."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return None
    core: Any = factory
    while isinstance(core, partial):
        core = core.func
    is_function = inspect.iscoroutinefunction(core) or inspect.iscoroutinefunction(getattr(core, "__call__", None))  # noqa: B004 -- async callables
    try:
        signature.bind(*((None,) if is_function else ()), *args, **kwargs)
    except TypeError as error:
        known = [
            name
            for name, each in signature.parameters.items()
            if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        ]
        unknown_ones = [key for key in kwargs if key not in known]
        close = get_close_matches(unknown_ones[0], known, 1) if unknown_ones else ()
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{getattr(core, '__qualname__', core)}{signature}: {error}{hint}"
    return None
