"""Views: what a reader asks for, one line of JSON each."""

import json
from collections.abc import Callable
from typing import Any, Final, cast

import attrs

from ..mailbox import is_count
from ._frame import MOST_ROWS

#: Bytes of a request, at most.
MOST_REQUEST: Final = 8 * 1024
#: Characters of what is searched for, and of a path.
MOST_SEARCH: Final = 200
MOST_PATH: Final = 4_096


class BadView(Exception):
    """A request is no view; the text says why."""


@attrs.frozen(kw_only=True)
class View:
    """Say what is to be shown.

    Attributes:
        search: words that all have to be in the path or be the state; upper and lower case are the same. "": everybody.
        rows: how many at most, from 1 to MOST_ROWS, without those above them.
        select: the path of one whose stack is wanted in any case; "": nobody's.
    """

    search: str = ""
    rows: int = MOST_ROWS
    select: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What is searched for, each in lower case."""
        return tuple(self.search.lower().split())


#: key -> whether a value will do, and what would.
KEYS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "search": (
        lambda value: isinstance(value, str) and len(value) <= MOST_SEARCH,
        f"a string of at most {MOST_SEARCH} characters",
    ),
    "rows": (
        lambda value: is_count(value) and value <= MOST_ROWS,
        f"a whole number from 1 to {MOST_ROWS}",
    ),
    "select": (
        lambda value: isinstance(value, str) and len(value) <= MOST_PATH,
        f"a string of at most {MOST_PATH} characters",
    ),
}


def read_view(line: bytes) -> View:
    """Read a request.

    Raises:
        BadView: it is none.
    """
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError):  # ValueError: also of bytes that are no UTF-8
        raise BadView("a request is one line of JSON") from None
    if not isinstance(data, dict):
        raise BadView('a request is a JSON object, such as {"search": "", "rows": 100}')
    given = cast("dict[str, Any]", data)
    for key, value in given.items():
        if key not in KEYS:
            raise BadView(f"a request has no {key[:40]!r}; it has {', '.join(KEYS)}")
        fits, what = KEYS[key]
        if not fits(value):
            raise BadView(f"{key!r} is wrong; give {what}")
    return View(**given)
