"""Lettering: texts as a picture can hold them, and how much room they take at most."""

from html import escape
from typing import Final
from unicodedata import category, east_asian_width

from ._stepper import nameless

#: Of a monospaced font's size: how wide a character is at most, and how far a line reaches above and below its base.
CELL: Final = 0.62
ABOVE: Final = 0.82
BELOW: Final = 0.25

#: Of characters that draw nothing, or change what others do; a repr may hold any.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Marks on a character; more of them would reach into other lines.
MARKS: Final = 2
#: Single characters that are drawn as whole sentences are among these.
_LIGATURES: Final = ("\ufb50", "\ufdff")
#: Characters of a text: nobody reads more of one in a picture, and there may be millions.
MOST: Final = 2_000


def lettered(text: str, most: int | None = MOST) -> str:
    """Return a text on one line, with nothing in it that is not seen, leaves its line, or is another one in each process; so much of it at most."""
    shown: list[str] = []
    marks = 0
    if most is not None and len(text) > most:
        text = f"{text[:most]}…"
    for character in " ".join(nameless(text).split()):
        kind = category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        is_seen = kind not in _HIDDEN and marks <= MARKS and not _LIGATURES[0] <= character <= _LIGATURES[1]
        shown.append(character if is_seen else _escaped(ord(character)))
    return "".join(shown)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def cells(text: str) -> int:
    """Return how many cells of a monospaced font a text takes: one for each ASCII character, and two for any other that may be wide."""
    return sum(1 if each < "\u0250" or east_asian_width(each) in ("Na", "H") else 2 for each in text)


def width_of(text: str, size: float) -> float:
    """Return how wide a text is at most."""
    return cells(text) * CELL * size


def fitted(text: str, width: float, size: float, *, keep_end: bool = False) -> str:
    """Return a text, cut so that it is no wider; its end is kept if that says more than its begin."""
    room = int(width / (CELL * size))
    if cells(text) <= room:
        return text
    kept: list[str] = []
    room -= cells("…")
    for character in reversed(text) if keep_end else text:
        room -= cells(character)
        if room < 0:
            break
        kept.append(character)
    return "…" + "".join(reversed(kept)) if keep_end else "".join(kept) + "…"


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """Return a text as lines that are no wider, so many at most; the last is cut if that is not all."""
    lines: list[str] = []
    line = ""
    words = [word for word in text.split(" ") if word]
    for number, word in enumerate(words):
        longer = f"{line} {word}" if line else word
        if not line or width_of(longer, size) <= width:
            line = longer
            continue
        if len(lines) == most - 1:
            return [*lines, fitted(" ".join([line, *words[number:]]), width, size)]
        lines.append(fitted(line, width, size))
        line = word
    return [*lines, fitted(line, width, size)] if line else lines


def marked_up(text: str) -> str:
    """Return a text as XML and HTML have it, in attributes, too."""
    return escape(text, quote=True)
