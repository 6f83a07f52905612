"""Bounds: what the guard holds each workload to, as `guard.toml` has it."""

import tomllib
from pathlib import Path
from typing import Any, Final, cast

import attrs

from ._workload import WORKLOADS

BOUNDS: Final = Path(__file__).with_name("guard.toml")


class WrongBounds(Exception):
    """The file of bounds says something that cannot be; the text has all of it."""


@attrs.frozen
class Bound:
    """Hold the least ratio of one workload.

    Attributes:
        workload: its name.
        size: how much of it one round does: messages, asks or actors.
        rounds: how many rounds; the median counts.
        usual: the ratio as it was when the bound was chosen.
        least: the ratio below which the guard fails.
        reason: why the margin between the two is what it is.
    """

    workload: str
    size: int
    rounds: int
    usual: float
    least: float
    reason: str


def read_bounds(path: Path = BOUNDS) -> list[Bound]:
    """Return the bounds, in the order of the file.

    Raises:
        WrongBounds: a table or a value that cannot be; all of them at once.
        OSError: the file cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongBounds(f"{path.name}: {error}") from None
    problems = [f"[{name}] {problem}" for name, table in tables.items() for problem in _problems(name, table)]
    if not tables:
        problems = ["there is no workload in it"]
    if problems:
        raise WrongBounds(f"{path.name}: {'; '.join(problems)}")
    return [Bound(workload=name, **table) for name, table in tables.items()]


def _problems(name: str, table: Any) -> list[str]:
    known = [workload.name for workload in WORKLOADS if workload.goal.of == "ratio"]
    if name not in known:
        return [f"is no workload with a ratio; there are {', '.join(known)}"]
    if not isinstance(table, dict):
        return ["is no table"]
    given = cast("dict[str, Any]", table)
    wanted = {"size", "rounds", "usual", "least", "reason"}
    problems = [f"{key}: is missing" for key in sorted(wanted - given.keys())]
    problems += [f"{key}: there is no such key" for key in sorted(given.keys() - wanted)]
    values = {key: given[key] for key in sorted(wanted & given.keys())}
    for key, value in values.items():
        if key == "reason":
            if not isinstance(value, str) or not value.strip():
                problems.append(f"reason: {value!r} is no text")
        elif key in {"size", "rounds"}:
            if type(value) is not int or value < 1:
                problems.append(f"{key}: {value!r} is not a whole number from 1")
        elif type(value) not in {int, float} or not 0 < value < 1e9:  # noqa: PLR2004 -- also keeps out inf and nan
            problems.append(f"{key}: {value!r} is not a number above 0")
    if not problems and values["least"] >= values["usual"]:
        problems.append(f"least: {values['least']!r} leaves no margin below usual = {values['usual']!r}")
    return problems
