"""Text for a terminal: nothing that comes from outside may move its cursor or change its colours."""

import re
from typing import Final

# C0 but for tab and newline, DEL, C1, the marks that turn the direction of writing, those that end a line, and halves of a character.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Return a text without control characters; each leaves a mark."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def cut(text: str, length: int) -> str:
    """Return the first line of a text, of a length at most."""
    first = text.partition("\n")[0]
    return text if text == first and len(text) <= length else f"{first[: length - 1]}\N{HORIZONTAL ELLIPSIS}"
