"""Rows of an `on_error` table: exception classes by their names."""

import builtins
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..supervisor._on_error import wrong_class
from ._imports import BadImport, find_object
from ._problem import Problem, at, unknown

BUILT_IN: Final = sorted(
    name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, Exception)
)


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
