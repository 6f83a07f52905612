"""Python's collector of garbage: it has less to do while many runs follow one another, each of which leaves some."""

import gc
from typing import Final

from .._borrowed import Borrowed

#: How many objects more than before may be there until it looks at the youngest: those of a few runs.
SELDOM: Final = 5_000


def _seldom() -> None:
    youngest, *others = gc.get_threshold()
    if 0 < youngest < SELDOM:  # at 0 it does not work at all
        gc.set_threshold(SELDOM, *others)


def _again(before: tuple[int, int, int]) -> None:
    gc.set_threshold(*before)


collected_seldom: Final = Borrowed(gc.get_threshold, _seldom, _again)
