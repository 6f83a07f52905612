"""Texts of an experiment, as pages and plots can hold them: nothing in them is markup, and nothing is unseen."""

import re
from html import escape
from typing import Final
from unicodedata import category

# What draws nothing, or changes what others do: a name may hold any.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Characters of a name beside a plot.
LABEL: Final = 32
#: Marks on one character; more would reach into other lines.
_MARKS: Final = 2
_CODE: Final = re.compile(r"`([^`]+)`")


def plain(text: str) -> str:
    """Return a text on one line, in which all that would not be seen is written as an escape."""
    shown: list[str] = []
    marks = 0
    for character in " ".join(text.split()):
        kind = category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        is_seen = kind not in _HIDDEN and marks <= _MARKS
        shown.append(character if is_seen else ascii(character)[1:-1])
    return "".join(shown)


def marked_up(text: str) -> str:
    """Return a text as HTML has it, in attributes, too."""
    return escape(plain(text), quote=True)


def prose(text: str) -> str:
    """Return a text as HTML has it in which what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", marked_up(text))


def label(text: str, most: int = LABEL) -> str:
    """Return a text short enough to stand beside a plot; its end is kept, which says more of a path than its begin."""
    text = plain(text)
    return text if len(text) <= most else f"…{text[1 - most :]}"
