"""Problems: what is wrong with an input, each with its place; told together, so that one look mends all."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import attrs

from .. import GreenroomError


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
        source: the file or option that it is about.
        problems: all of them.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        """List them, one a line."""
        return "\n".join(f"{self.source}: {problem}" if self.source else str(problem) for problem in self.problems)


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
