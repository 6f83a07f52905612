"""Pictures: a run as SVG, time downwards, a lane for each task and each actor, and a row for each thing that happened."""

from collections.abc import Sequence
from typing import Final

from ._captions import beside, caption, described, is_arrow
from ._event import Event
from ._lanes import LEFT, LETTERS, MARGIN, lanes_of
from ._lettering import fitted, lettered, marked_up, width_of, wrapped
from ._picture_style import LEGEND, STYLE
from ._result import Result
from ._rows import Row, matters, rows_of
from ._telling import headline, reach_of, size_of

#: Pixels: of the letters of the title, of the least and most that is beside the lanes, and of the whole at least.
TITLE: Final = 16
BESIDE: Final = (160, 420)
LEAST: Final = 720
#: Characters of a text in a row, and lines of what went wrong.
TEXT: Final = 160
LINES: Final = 8
#: Pixels from the top of a row to the base of its letters, and how high rows are.
BASE: Final = 13
ROW: Final = 18
SMALL: Final = 6
ARROW: Final = 26
HEADS: Final = 26
#: Which choices of small rows have their numbers shown.
TENTH: Final = 10
#: Pixels of rows after which the names of the lanes are given again.
AGAIN: Final = 900


def draw(result: Result, again: str, found: str = "", least: str = "") -> str:
    """Return a run as SVG; what it is given is as for `told`."""
    return _Drawing(result, [*facts_of(result, found, least), lettered(f"to see it again: {again}", None)]).text()


def draw_alone(result: Result) -> str:
    """Return a run as SVG, for where all that is to be said of it is said beside."""
    return _Drawing(result, None).text()


def ending_of(result: Result, most: int) -> list[str]:
    """Return how it ended and what went wrong, as lines, so many at most; the first has the verdict."""
    lines = [line for line in headline(result).splitlines() if line and not line.isspace()]
    if len(lines) > most:
        lines[most - 1 :] = [f"… and {len(lines) - most + 1} more lines"]
    return [lettered(line) for line in lines]


def facts_of(result: Result, found: str, least: str) -> list[str]:
    """Return how it was found, how large it is, and whether Trio may go there, as lines."""
    return [lettered(fact.rstrip(":")) for fact in (found, size_of(result, least), *reach_of(result)) if fact]


class _Drawing:
    """Draw one run."""

    def __init__(self, result: Result, facts: Sequence[str] | None) -> None:
        self._result = result
        self._facts = facts
        self._rows = rows_of(result)
        self._lanes = lanes_of(self._rows)
        last = next(reversed(self._lanes.values()), None)
        #: the right end of the lanes, and of the picture.
        self._right = LEFT if last is None else last.x + last.width / 2
        least = max(self._right + 2 * MARGIN + BESIDE[0], LEAST)
        most = max(self._right + 2 * MARGIN + BESIDE[1], LEAST)
        self._width = min(max([least, *map(self._reach, self._rows)]), most)
        self._parts: list[str] = []
        self._bands: list[str] = []
        self._y = 0.0
        #: the number of a step -> the height of its mark; the name of a lane -> from where to where there is something of it.
        self._middles: dict[int, float] = {}
        self._spans: dict[str, tuple[float, float]] = {}

    def text(self) -> str:
        """Return it as SVG."""
        self._head()
        top = self._y
        body, self._parts = self._parts, []
        self._body()
        rows, self._parts = self._parts, []
        self._rails(top)
        height = self._y + MARGIN
        size = f'width="{self._width:.0f}" height="{height:.0f}" viewBox="0 0 {self._width:.0f} {height:.0f}"'
        title = marked_up(lettered(headline(self._result)))
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{self._width:.0f}" height="{height:.0f}"/>',
            *self._bands, *self._parts, *body, *rows, "</svg>\n",
        ])  # fmt: skip

    # -- the columns

    def _x(self, name: str) -> float:
        return self._lanes[name].x

    def _reach(self, row: Row) -> float:
        """Return how wide a picture is in which all fits that a row says."""
        event = row.event
        if event is None or row.is_small:
            return 0.0
        if event.kind in ("step", "time"):
            return self._right + MARGIN + width_of(beside(row), LETTERS) + MARGIN
        start = LEFT if is_arrow(event) or not event.who else self._x(event.who)
        return start + 11 + width_of(caption(event), LETTERS) + MARGIN

    # -- above the rows

    def _head(self) -> None:
        room = self._width - 2 * MARGIN
        self._y = MARGIN
        if self._facts is not None:
            self._title(self._facts, room)
        self._legend(room)
        self._names()

    def _title(self, facts: Sequence[str], room: float) -> None:
        """Say what went wrong, and how to see it again."""
        first, *others = ending_of(self._result, LINES)
        for line in wrapped(first, room, TITLE, 3):
            self._y += 21
            self._letters(MARGIN, self._y, line, f"title {self._result.verdict}", size=TITLE)
        self._y += 6
        for fact in (*others, *facts):
            for line in wrapped(fact, room, LETTERS, 3):
                self._y += 16
                self._letters(MARGIN, self._y, line, "fact")
        self._y += 10

    def _legend(self, room: float) -> None:
        """Say what the marks mean that are in the picture."""
        x = float(MARGIN)
        events = [row.event for row in self._rows if row.event is not None]
        for is_used, mark, text in LEGEND:
            if not any(map(is_used, events)):
                continue
            width = 34 + width_of(text, LETTERS) + 18
            if x + width > MARGIN + room and x > MARGIN:
                x, self._y = float(MARGIN), self._y + 20
            self._parts.append(f'<g transform="translate({_n(x)} {_n(self._y)})">{mark}</g>')
            self._letters(x + 34, self._y + BASE, text, "note")
            x += width
        if x > MARGIN:
            self._y += 24

    def _names(self) -> None:
        """Name the lanes."""
        self._parts.append(f'<g class="names" data-y="{_n(self._y)}">')
        for lane in self._lanes.values():
            kind = ("task", "task", "actor", "inner")[lane.order]
            box = f'x="{_n(lane.x - lane.width / 2 + 3)}" y="{_n(self._y + 3)}" width="{_n(lane.width - 6)}"'
            title = marked_up(lettered(lane.name))
            round_ = ' rx="9"' if kind == "actor" else ' rx="2"'
            self._parts.append(f'<g><title>{title}</title><rect class="{kind}" {box} height="20"{round_}/>')
            self._letters(lane.x, self._y + 17, lane.shown, "name", anchor="middle")
            self._parts.append("</g>")
        self._parts.append("</g>")
        self._y += HEADS

    # -- the rows

    def _body(self) -> None:
        named_at = self._y
        for number, row in enumerate(self._rows):
            if self._y - named_at > AGAIN:
                self._names()
                named_at = self._y
            event, height, kind = row.event, self._height(row), _band(row)
            title = "" if event is None else f"<title>{marked_up(described(event))}</title>"
            is_marked = event is not None and event.deviates
            self._parts.append(f'<g class="row {kind}{" mark" if is_marked else ""}" id="r{number}">{title}')
            box = f'x="0" y="{_n(self._y)}" width="{_n(self._width)}" height="{_n(height)}"'
            self._parts.append(f'<rect class="touch" {box}/>')
            if kind != "plain":
                self._bands.append(f'<rect class="band {kind}" {box}/>')
            if event is None:
                self._letters(
                    LEFT,
                    self._y + BASE + 4,
                    self._cut(row.text, LEFT),
                    "gap" if kind == "gone" else "circle",
                )
            else:
                self._number(number, event)
                self._draw(row, event, height)
            self._parts.append("</g>")
            self._y += height
        if not self._rows:
            self._letters(MARGIN, self._y + BASE, "nothing happened: no task took a step", "gap")
            self._y += ROW

    def _number(self, number: int, event: Event) -> None:
        """Give the number of a choice, if there is one and room for it."""
        if event.choice is None:
            return
        base = self._y + BASE
        if self._rows[number].is_small:
            if event.at % TENTH or any(not row.is_small for row in self._rows[number : number + 3]):
                return
            base = self._y + SMALL + 2
        mark = "> " if event.choice.index else ""
        kind = "number deviating" if event.deviates else "number"
        self._letters(LEFT - MARGIN, base, f"{mark}{event.at}", kind, anchor="end")

    def _height(self, row: Row) -> float:
        event = row.event
        if event is None:
            return ARROW
        if row.is_small:
            return SMALL
        return ARROW if is_arrow(event) else ROW

    def _draw(self, row: Row, event: Event, height: float) -> None:
        if event.who:
            first, _ = self._spans.get(event.who, (self._y, 0.0))
            self._spans[event.who] = first, self._y + height
        if event.kind == "step":
            self._step(row, event, height)
        elif event.kind == "time":
            line = f'x1="{_n(LEFT)}" x2="{_n(self._right)}" y1="{_n(self._y + 9)}" y2="{_n(self._y + 9)}"'
            self._parts.append(f'<line class="time" {line}/>')
        elif is_arrow(event):
            self._arrow(event)
        else:
            self._note(event)
        words = beside(row)
        kind = "place deviating" if event.deviates else "place"
        if words:
            self._letters(self._right + MARGIN, self._y + BASE, self._cut(words, self._right + MARGIN), kind)

    def _step(self, row: Row, event: Event, height: float) -> None:
        x, middle = self._x(event.who), self._y + height / 2
        self._middles[event.step] = middle
        if event.woken in self._lanes and event.since in self._middles:
            other = self._x(event.woken)
            start = f"{_n(other)} {_n(self._middles[event.since])}"
            aside = 9 if other > x else -9
            self._parts.insert(0, f'<path class="woken" d="M{start}L{_n(x + aside)} {_n(middle)}"/>')
        choice = event.choice
        if choice is not None and choice.index and choice.labels[0] in self._lanes:
            other = self._x(choice.labels[0])
            line = f'x1="{_n(other)}" x2="{_n(x)}" y1="{_n(middle)}" y2="{_n(middle)}"'
            self._parts.append(f'<line class="instead" {line}/>')
            self._parts.append(f'<rect class="ghost" {_box(other, self._y + 3, 14, height - 6)}/>')
        kind = "deviation" if event.deviates else "step"
        gap = 0.5 if row.is_small else 2
        self._parts.append(f'<rect class="{kind}" {_box(x, self._y + gap, 14, height - 2 * gap)}/>')

    def _arrow(self, event: Event) -> None:
        x, to, y = self._x(event.who), self._x(event.to), self._y + 19
        kind = "answer" if event.kind == "answer" else "back" if event.kind == "report" else event.kind.split()[-1]
        if event.kind == "wait":
            notes = self._result.notes
            circle = () if notes is None else notes.circle
            kind = "circle" if event.who in circle and event.to in circle else "wait"
        label = caption(event)
        if x == to:
            self._parts.append(f'<path class="line {kind}" d="M{_n(x)} {_n(y - 4)}h20v6h-14"/>')
            self._parts.append(f'<path class="tip {kind}" d="M{_n(x + 1)} {_n(y + 2)}l7 -4v8z"/>')
        else:
            way = 1 if to > x else -1
            self._parts.append(f'<path class="line {kind}" d="M{_n(x)} {_n(y)}H{_n(to - 8 * way)}"/>')
            self._parts.append(f'<path class="tip {kind}" d="M{_n(to)} {_n(y)}l{-9 * way} -4v8z"/>')
        self._parts.append(f'<circle class="dot {kind}" cx="{_n(x)}" cy="{_n(y)}" r="3"/>')
        room = self._width - MARGIN - LEFT
        label = fitted(label, room, LETTERS)
        width = width_of(label, LETTERS)
        start = min(max((x + to) / 2 - width / 2, LEFT), self._width - MARGIN - width)
        self._letters(start, self._y + BASE - 1, label, "label")

    def _note(self, event: Event) -> None:
        """Put a mark on a lane, and say beside it what it is."""
        y = self._y + ROW / 2
        text = caption(event)
        kind = event.kind.replace(" ", "-")
        x = self._x(event.who) if event.who else LEFT - 4
        if event.kind in ("crash", "raise"):
            self._parts.append(f'<path class="cross" d="M{_n(x - 5)} {_n(y - 5)}l10 10m0 -10l-10 10"/>')
        elif event.kind in ("choice", "injection"):
            kind = "deviation" if event.deviates else kind
            self._parts.append(f'<path class="{kind}" d="M{_n(x)} {_n(y - 6)}l6 6l-6 6l-6 -6z"/>')
        else:
            self._parts.append(f'<circle class="dot {kind}" cx="{_n(x)}" cy="{_n(y)}" r="4"/>')
        right, left = self._width - MARGIN - x - 11, x - 11 - LEFT
        width = width_of(text, LETTERS)
        if right >= width or right >= left:
            self._letters(x + 11, self._y + BASE, fitted(text, right, LETTERS), "label")
        else:
            self._letters(x - 11, self._y + BASE, fitted(text, left, LETTERS), "label", anchor="end")

    def _rails(self, top: float) -> None:
        """Draw the lanes themselves: all the way down, and stronger as long as there is something of them."""
        for lane in self._lanes.values():
            first, last = self._spans.get(lane.name, (top, top))
            for kind, begin, end in (("rail", top, self._y), ("alive", first, last)):
                ends = f'y1="{_n(begin)}" y2="{_n(end)}"'
                self._parts.append(f'<line class="{kind}" x1="{_n(lane.x)}" x2="{_n(lane.x)}" {ends}/>')

    # -- letters

    def _cut(self, text: str, x: float) -> str:
        return fitted(text[: TEXT + 1], self._width - MARGIN - x, LETTERS)

    def _letters(self, x: float, y: float, text: str, kind: str, *, size: int = LETTERS, anchor: str = "") -> None:
        where = f' text-anchor="{anchor}"' if anchor else ""
        self._parts.append(
            f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}" font-size="{size}"{where}>{marked_up(text)}</text>'
        )


def _band(row: Row) -> str:
    event = row.event
    if event is None:
        return "gone" if row.text.startswith("…") else "wait"
    if event.kind in ("raise", "crash"):
        return "error"
    return "deviates" if event.deviates else event.kind if matters(event) else "plain"


def _box(middle: float, top: float, width: float, height: float) -> str:
    return f'x="{_n(middle - width / 2)}" y="{_n(top)}" width="{_n(width)}" height="{_n(max(height, 1))}" rx="2"'


def _n(number: float) -> str:
    """Return a number as it is written, without digits that nobody sees."""
    return f"{number:.1f}".removesuffix(".0")
