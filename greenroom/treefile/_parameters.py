"""Parameters of a tree: read from the command line, put into arguments."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from ._absent import ABSENT, Absent, first_given
from ._problem import Problem, at, unknown
from ._treefile import Level, Parameter, TreeFile

#: Options of `greenroom run` itself, which no parameter can be called by.
TAKEN: Final = ("help", "inspect", "log_level", "output", "profile", "version", "view")

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

Values = Mapping[str, Any]


def option(name: str) -> str:
    """Return how a parameter is given on the command line."""
    return "--" + name.replace("_", "-")


def split_words(words: Sequence[str], known: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    """Take `--name value` and `--name=value` apart.

    Args:
        words: what the command line has besides its own options.
        known: the names of the tree's parameters.
        problems: gets what is wrong.
    """
    given: dict[str, str] = {}
    rest = list(words)
    options = {option(name): name for name in known}
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--":
            problems.append(Problem("", f"{word!r} is one argument too many; a parameter is given as --name value"))
            continue
        head, is_joined, value = word.partition("=")
        if not is_joined:
            if not rest or rest[0].startswith("--"):
                problems.append(Problem(head, "needs a value (one that begins with -- is given as --name=value)"))
                continue
            value = rest.pop(0)
        name = options.get("--" + head[2:].replace("_", "-"))
        if name is None:
            problems.append(
                Problem(
                    "",
                    unknown("option", head, sorted(options))
                    if options
                    else f"there is no option {head!r}, and the tree has no parameters",
                )
            )
        elif name in given:
            problems.append(Problem(head, "is given twice"))
        else:
            given[name] = value
    return given


def values_of(
    tree: TreeFile, level: Level | Absent, given: Mapping[str, str] | None, *, is_all: bool = True
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the parameters' values, and what is wrong with them.

    Args:
        tree: declares them.
        level: the profile, or ABSENT.
        given: on the command line; None means that nothing is going to run, and values that are needed may be missing.
        is_all: False means that more might be given by a profile that nobody knows; a value may then be missing too.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, parameter in declared(tree).items():
        text: Any = ABSENT
        if given is not None and name in given:
            try:
                text = convert(given[name], parameter)
            except ValueError as error:
                problems.append(Problem(option(name), str(error)))
        value = first_given(text, _value(level, name), _value(tree.base, name), parameter.default, default=None)
        if value is None and given is not None and is_all:
            about = "" if isinstance(parameter.help, Absent) else f" ({parameter.help})"
            problems.append(Problem(option(name), f"is needed by this tree{about}"))
        values[name] = "" if value is None else value
    return values, problems


def declared(tree: TreeFile) -> dict[str, Parameter]:
    """Return the parameters by name."""
    return {} if isinstance(tree.parameters, Absent) else tree.parameters


def _value(level: Level | Absent, name: str) -> Any:
    values = ABSENT if isinstance(level, Absent) else level.parameters
    return ABSENT if isinstance(values, Absent) else values.get(name, ABSENT)


def convert(text: str, parameter: Parameter) -> str | float | bool:
    """Read a value as the type of the parameter's default. Raises ValueError with what to give."""
    default = parameter.default
    if isinstance(default, bool):
        words = {"true": True, "false": False}
        if text not in words:
            raise ValueError(f"{text!r} is wrong here; give true or false")
        return words[text]
    for kind, says in ((int, "a whole number"), (float, "a number")):
        if isinstance(default, kind):
            try:
                return kind(text)
            except ValueError:
                raise ValueError(f"{text!r} is wrong here; give {says}") from None
    return text


def check_declarations(tree: TreeFile) -> Iterator[Problem]:
    """Find what is wrong with the declarations, and with the values that levels give."""
    known = declared(tree)
    for name in known:
        if name in TAKEN:
            yield Problem(f"parameters.{name}", f"{option(name)} is an option of `greenroom run`; choose another name")
    levels = [("base", tree.base)]
    if not isinstance(tree.profiles, Absent):
        levels += [(at("profiles", name), level) for name, level in tree.profiles.items()]
    for where, level in levels:
        if isinstance(level, Absent) or isinstance(level.parameters, Absent):
            continue
        for name, value in level.parameters.items():
            place = f"{where}.parameters.{name}"
            if name not in known:
                yield Problem(place, unknown("parameter", name, sorted(known)))
            elif not _same_type(value, known[name].default):
                yield Problem(place, f"is {_kind(value)}, but the default is {_kind(known[name].default)}")


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case _:
            return "a string"


def _same_type(value: Any, default: Any) -> bool:
    if isinstance(default, Absent):
        return isinstance(value, str)
    return type(value) is type(default) or (type(value) is int and type(default) is float)


def fill(value: Any, values: Values, path: str, problems: list[Problem]) -> Any:
    """Put parameters into an argument: "{name}" in any string of it; "{{" and "}}" are braces.

    A string that is nothing but one "{name}" becomes the value itself, a number as a number. Nothing else of the format language is known here:
    no attributes, no conversions; so a tree file reads what was declared, and nothing besides.
    """
    if isinstance(value, str):
        return _fill_text(value, values, path, problems)
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        return [fill(item, values, at(path, index), problems) for index, item in enumerate(items)]
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return {key: fill(item, values, at(path, key), problems) for key, item in table.items()}
    return value


def _fill_text(text: str, values: Values, path: str, problems: list[Problem]) -> Any:
    whole = _PIECE.fullmatch(text)
    if whole is not None and whole[1] in values:
        return values[whole[1]]

    def piece(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        name = found[1]
        if name is None or name not in values:
            what = "a brace that stands alone" if name is None else unknown("parameter", name, sorted(values))
            problems.append(Problem(path, f"{what} (a brace as such is written twice)"))
            return ""
        value = values[name]
        return str(value).lower() if isinstance(value, bool) else str(value)

    return _PIECE.sub(piece, text)
