"""Lanes: the columns of a picture, one for each task and each actor that has a part in it."""

from collections.abc import Sequence
from typing import Final

import attrs

from ._lettering import CELL, fitted, lettered, width_of
from ._rows import Row

#: Pixels: of letters, of the margin, of the column of numbers, and of a lane at least.
LETTERS: Final = 12
MARGIN: Final = 14
NUMBERS: Final = 64
LANE: Final = 104
#: Where lanes begin.
LEFT: Final = MARGIN + NUMBERS
#: Cells of the name of a lane.
NAME: Final = 26


@attrs.frozen
class Lane:
    """Hold the column of a task or an actor: its name, as it is shown and whole, its middle, how wide it is, and of what order."""

    name: str
    shown: str
    x: float
    width: float
    order: int


def lanes_of(rows: Sequence[Row]) -> dict[str, Lane]:
    """Place a lane for each that has a part in what is drawn: tasks by their numbers, actors as they came, and the runtime's own tasks."""
    names: dict[str, None] = {}
    users: set[str] = set()
    for row in rows:
        event = row.event
        if event is not None:
            others = [event.choice.labels[0]] if event.kind == "step" and event.deviates and event.choice else []
            names.update(dict.fromkeys(name for name in (event.who, event.to, *others) if name))
            if event.place.startswith("at ") or not event.place:
                users.add(event.who)

    def order(name: str) -> tuple[int, int]:
        number, _, called = name.partition(":")
        if not number.isdecimal():
            return (2 if name.startswith("/") else 1), 0
        return (3 if called.startswith("greenroom ") or name not in users else 0), int(number)

    lanes: dict[str, Lane] = {}
    x = float(LEFT)
    for name in sorted(names, key=order):
        shown = fitted(lettered(name), NAME * LETTERS * CELL, LETTERS, keep_end=name.startswith("/"))
        width = max(LANE, width_of(shown, LETTERS) + MARGIN)
        lanes[name] = Lane(name, shown, x + width / 2, width, order(name)[0])
        x += width
    return lanes
