"""Factories by import path: found in a module beside the tree file, or in one that is installed."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, cast

from .. import InvalidSpec
from ..actors._blueprint import read_blueprint
from ._problem import unknown


class BadFactory(Exception):
    """An import path leads to no factory; the text says why."""


def look_beside(path: Path) -> None:
    """Let modules beside a tree file be imported; behind all others, so that none of them hides a module that something else needs."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)


def find_factory(import_path: str, folder: Path) -> Callable[..., Any]:
    """Return what an import path names.

    Args:
        import_path: "package.module:Name".
        folder: the tree file's.

    Raises:
        BadFactory: it names nothing, its module cannot be imported, or what it names is no factory.
    """
    module_name, _, names = import_path.partition(":")
    module = _import(module_name, folder)
    found: Any = module
    seen: list[str] = []
    for name in names.split("."):
        try:
            found = getattr(found, name)
        except Exception:  # noqa: BLE001 -- an attribute may be computed by anybody's code
            known = [each for each in dir(found) if not each.startswith("_")]
            hidden = _hidden(module, module_name, folder)
            where = ":".join((module_name, ".".join(seen))) if seen else module_name
            close = get_close_matches(name, known, 1)
            hint = hidden or (f"; did you mean {close[0]!r}?" if close else "")
            raise BadFactory(f"{where} has no {name!r}{hint}") from None
        seen.append(name)
    try:
        read_blueprint(found)
    except InvalidSpec as error:
        if "needs the keyword argument" not in str(error):  # the arguments are looked at with the arguments
            raise BadFactory(f"{import_path}: {error}") from None
    return cast("Callable[..., Any]", found)


def _import(name: str, folder: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and (name == missing or name.startswith(f"{missing}.")):
            beside = sorted(_modules_beside(folder))
            raise BadFactory(
                f"{unknown('module', name, beside)} (looked beside the tree file, and among what is installed)"
            ) from None
        raise BadFactory(f"importing {name} failed: {_told(error)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever somebody's module raises is its author's to mend, not a crash of ours
        raise BadFactory(f"importing {name} failed: {_told(error)}") from None


def _modules_beside(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == ".py" or (path / "__init__.py").is_file():
                yield path.stem


def _hidden(module: Any, name: str, folder: Path) -> str:
    """Say so if the module is not the one beside the tree file that bears its name."""
    top = name.partition(".")[0]
    beside = [path for path in (folder / f"{top}.py", folder / top / "__init__.py") if path.is_file()]
    origin = getattr(sys.modules.get(top), "__file__", None) or "built in"
    if not beside or any(Path(origin).resolve() == path.resolve() for path in beside):
        return ""
    return f"; {module.__name__} is {origin}, and {beside[0].name} beside the tree file is hidden by it: give that another name"


def _told(error: BaseException) -> str:
    """Say what was raised, and where in the user's code."""
    text = str(error).partition("\n")[0]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    place = (
        f" ({frames[-1].filename}, line {frames[-1].lineno})"
        if frames[1:] and not isinstance(error, SyntaxError)
        else ""
    )
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


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
