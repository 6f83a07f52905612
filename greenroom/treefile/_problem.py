"""Problems: what is wrong with an input, each with its place; told together, so that one look mends all."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import attrs

from .. import GreenroomError

#: The keys and numbers that lead to a place in a file.
Place = tuple[str | int, ...]


@attrs.frozen(order=True)
class Problem:
    """Say what is wrong at one place.

    Attributes:
        path: of the place in the file ("children[2].kwargs.repo"); "" is the file as a whole.
        text: what is wrong, and what to do.
    """

    path: str
    text: str

    def __str__(self) -> str:
        """Give both."""
        return f"{self.path}: {self.text}" if self.path else self.text


class InvalidInput(GreenroomError):
    """The user got something wrong; nothing has been started.

    Attributes:
        source: the file that it is about; "" is the command line.
        problems: all that is wrong there.
        others: what is wrong with the command line besides.
    """

    def __init__(self, source: str, problems: Iterable[Problem], others: Iterable[Problem] = ()) -> None:
        self.source, self.problems, self.others = source, tuple(problems), tuple(others)
        super().__init__(source, self.problems, self.others)

    def __str__(self) -> str:
        """List them, one a line."""
        there = (f"{self.source}: {problem}" if self.source else str(problem) for problem in self.problems)
        return "\n".join([*there, *map(str, self.others)])


class Malformed(InvalidInput):
    """A file does not fit the format; what there is of it may be looked at all the same.

    Attributes:
        data: what the file holds.
        places: of the problems, in the same order: the keys that lead there.
    """

    def __init__(self, source: str, data: Mapping[str, Any], wrong: Iterable[tuple[Place, str]]) -> None:
        found = tuple(wrong)
        super().__init__(source, (Problem(path_of(place), text) for place, text in found))
        self.data, self.places = data, tuple(place for place, _ in found)


class WrongWithin(Exception):
    """Say what is wrong within a value, to whoever knows where the value itself stands.

    Attributes:
        wrong: the place within it, and what is wrong there.
    """

    wrong: Sequence[tuple[Place, str]] = ()


def path_of(place: Place) -> str:
    """Return the path of a place as it is shown."""
    path = ""
    for key in place:
        path = at(path, key)
    return path


def at(path: str, key: str | int) -> str:
    """Return the path of what is one step further in; a key that is no bare key in TOML is quoted."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = key if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key) else repr(key)
    return f"{path}.{shown}" if path else shown


def unknown(what: str, given: str, known: Sequence[str]) -> str:
    """Say that there is no such thing, and which was perhaps meant."""
    close = get_close_matches(given, known, 1)
    if close:
        return f"there is no {what} {given!r}; did you mean {close[0]!r}?"
    return f"there is no {what} {given!r}; there is {', '.join(known) or 'none at all'}"
