"""Import paths: what "package.module:Name" names, found in a module of a folder, or in one that is installed."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ._problem import unknown


class BadImport(Exception):
    """An import path leads to nothing that would do; the text says why."""


def look_in(folder: Path) -> None:
    """Let modules of a folder be imported; behind all others, so that none of them hides a module that something else needs."""
    text = str(folder.resolve())
    if text not in sys.path:
        sys.path.append(text)


def find_object(import_path: str, folder: Path, where: str) -> Any:
    """Return what an import path names.

    Args:
        import_path: "package.module:Name".
        folder: where else to look.
        where: that folder in words ("beside the tree file").

    Raises:
        BadImport: it names nothing, or its module cannot be imported.
    """
    module_name, _, names = import_path.partition(":")
    module = _import(module_name, folder, where)
    found: Any = module
    seen: list[str] = []
    for name in names.split("."):
        try:
            found = getattr(found, name)
        except Exception:  # noqa: BLE001 -- an attribute may be computed by anybody's code
            known = [each for each in dir(found) if not each.startswith("_")]
            hidden = _hidden(module, module_name, folder, where)
            place = ":".join((module_name, ".".join(seen))) if seen else module_name
            close = get_close_matches(name, known, 1)
            hint = hidden or (f"; did you mean {close[0]!r}?" if close else "")
            raise BadImport(f"{place} has no {name!r}{hint}") from None
        seen.append(name)
    return found


def _import(name: str, folder: Path, where: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and (name == missing or name.startswith(f"{missing}.")):
            beside = sorted(_modules_beside(folder))
            raise BadImport(
                f"{unknown('module', name, beside)} (looked {where}, and among what is installed)"
            ) from None
        raise BadImport(f"importing {name} failed: {_told(error)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever somebody's module raises is its author's to mend, not a crash of ours
        raise BadImport(f"importing {name} failed: {_told(error)}") from None


def _modules_beside(folder: Path) -> Iterator[str]:
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == ".py" or (path / "__init__.py").is_file():
                yield path.stem


def _hidden(module: Any, name: str, folder: Path, where: str) -> str:
    """Say so if the module is not the one in the folder that bears its name."""
    top = name.partition(".")[0]
    beside = [path for path in (folder / f"{top}.py", folder / top / "__init__.py") if path.is_file()]
    origin = getattr(sys.modules.get(top), "__file__", None) or "built in"
    if not beside or any(Path(origin).resolve() == path.resolve() for path in beside):
        return ""
    return f"; {module.__name__} is {origin}, and {beside[0].name} {where} is hidden by it: give that another name"


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
