"""The picture of `greenroom top`: a frame and what the user has chosen, drawn for a terminal of some size. Decides nothing, and reads no clock."""

from collections.abc import Iterator
from typing import Final

import attrs
from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..inspector import Frame, Restarts, Row
from ._live import ASCII_MARKS, MARKS, STYLES
from ._text import clean, cut

#: What is said of a program that does not answer.
WHY_SILENT: Final = "it is busy, blocked or stopped"
#: A smaller terminal has no room for a picture.
LEAST_WIDTH: Final = 60
LEAST_HEIGHT: Final = 10
#: Characters of the columns between the actor and what is said of it.
STATE, RUN, MAIL, OLDEST, RESTARTS = 12, 5, 7, 8, 11
GAPS: Final = 5 * 2
#: Lines above the tree.
HEAD_LINES: Final = 3
#: Lines of those that have ended, and of a stack, at most: a stack has half of a higher terminal, and a few lines of any.
ENDED_LINES: Final = 3
STACK_LINES: Final = 12
LEAST_STACK: Final = 3
HELP: Final = "q quit · ↑ ↓ choose · enter where it is at · / search · esc all again"
ASCII_HELP: Final = "q quit | up, down choose | enter where it is at | / search | esc all again"


@attrs.define
class Chosen:
    """Hold what the user has chosen.

    Attributes:
        search: words that are searched for. is_typing: they are being typed.
        selected: the path of a row; "": none.
        shows_stack: where that one is at is shown.
        silent_for: seconds for which the program has not answered; None if it has.
    """

    search: str = ""
    is_typing: bool = False
    selected: str = ""
    shows_stack: bool = False
    silent_for: float | None = None


@attrs.frozen
class Line:
    """Be one line of the tree: a row, or, without one, a word about those that have none."""

    guide: str
    row: Row | None
    text: str = ""


def lines_of(frame: Frame, *, ascii_only: bool = False) -> list[Line]:
    """Return the lines of the tree, in order, with the branches that lead to them."""
    branch, last, pass_by = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    rows = {row.path: row for row in frame.rows}  # no path twice, whatever has been sent
    below: dict[str | None, list[Row]] = {}
    for path, row in rows.items():
        above = path.rpartition("/")[0]
        below.setdefault(above if path and above in rows else None, []).append(row)
    lines: list[Line] = []
    open_: list[tuple[str, str, Row | int]] = [("", "", row) for row in reversed(below.get(None, []))]
    while open_:
        guide, inner, what = open_.pop()
        if isinstance(what, int):
            lines.append(Line(guide, None, f"and {what:,} more"))
            continue
        lines.append(Line(guide, what))
        under: list[Row | int] = [*below.get(what.path, [])]
        if what.hidden > 0:
            under.append(what.hidden)
        for place, child in reversed(list(enumerate(under, 1))):
            is_last = place == len(under)
            open_.append((inner + (last if is_last else branch), inner + ("   " if is_last else pass_by), child))
    return lines


def one_line(text: str) -> str:
    """Return a text as it may stand in a line of a terminal."""
    return clean(text).replace("\n", " ").replace("\t", " ")


def seconds(value: float) -> str:
    """Return a length of time in a few characters."""
    for limit, divisor, unit in ((10, 1, "s"), (120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if value < limit:
            return f"{value / divisor:.{1 if limit == 10 else 0}f} {unit}"  # noqa: PLR2004 -- tenths, of few seconds
    return f"{value / 86_400:.0f} d"


def restarts(row: Row) -> str:
    """Return how many restarts count, of how many that are borne: those of all children, or else one's own."""
    counted = row.recent_below or row.recent
    if counted is None or (counted.count == 0 and row.recent_below is None):
        return ""
    return _restarts(counted)


def _restarts(counted: Restarts) -> str:
    most = "∞" if counted.most is None else str(counted.most)
    window = "" if counted.within is None else f" in {counted.within:g}s"
    return f"{counted.count}/{most}{window}"


def said_of(row: Row) -> str:
    """Return what is worth knowing of one besides its columns."""
    said: list[str] = []
    if row.stale:
        said.append("STALE")
    if row.in_state is not None:
        said.append(f"for {seconds(row.in_state)}")
    if row.in_hand is not None and row.in_hand >= 1 and (row.kind != "function" or row.queued):
        said.append(f"busy for {seconds(row.in_hand)}")
    if row.waiting_for:
        said.append(f"waits for {', '.join(row.waiting_for)}")
    if row.last_error:
        said.append(row.last_error)
    said += row.warnings
    return "; ".join(one_line(each) for each in said)


@attrs.frozen
class Picture:
    """Be the picture of a frame; rich asks it to draw itself. A picture for no terminal has all rows, and no keys."""

    frame: Frame
    chosen: Chosen
    is_live: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        width = options.max_width
        height = (options.height or console.size.height) if self.is_live else None
        if height is not None and (width < LEAST_WIDTH or height < LEAST_HEIGHT):
            text = f"the terminal is too small: {width} by {height}, and {LEAST_WIDTH} by {LEAST_HEIGHT} are needed"
            yield Text(text, "bold red", overflow="fold")
            return
        ascii_only = not options.encoding.startswith("utf")
        lines = list(self._lines(width, height, ascii_only=ascii_only))
        for line in lines:
            line.no_wrap, line.overflow = True, "crop"
            if line.cell_len > width or not self.is_live:
                line.rstrip()  # blanks that pad a column are nothing that is cut
            line.truncate(width, overflow="ellipsis")
            if ascii_only:
                line.plain = line.plain.translate(TO_ASCII)
            yield line

    def _lines(self, width: int, height: int | None, *, ascii_only: bool) -> Iterator[Text]:
        yield self._head()
        yield self._states()
        tail = [*self._ended(len(self.frame.ended))] if height is None else self._tail(width, height)
        rows = lines_of(self.frame, ascii_only=ascii_only)
        name_width = self._name_width(rows, width)
        yield self._columns(name_width)
        shown = rows
        if height is not None:
            room = max(1, height - HEAD_LINES - len(tail) - 1)
            shown = rows[self._first(rows, room) :][:room]
        for line in shown:
            yield self._row(line, name_width, ascii_only=ascii_only)
        if height is not None:
            for _ in range(height - HEAD_LINES - len(shown) - len(tail) - 1):
                yield Text()
        yield from tail
        if self.is_live:
            yield self._foot(ascii_only=ascii_only)

    def _head(self) -> Text:
        frame, silent = self.frame, self.chosen.silent_for
        text = Text.assemble((one_line(frame.program), "bold"), f"  process {frame.pid}  actors {frame.actors:,}")
        text.append(f"  mail {frame.queued:,}" if frame.queued else "")
        text.append(f"  stale {frame.stale:,}" if frame.stale else "", "bold red")
        if frame.matching != frame.actors:
            text.append(f"  match {frame.matching:,}", "cyan")
        if silent is not None:
            text.append(f"  no answer for {seconds(silent)}: {WHY_SILENT}", "bold red")
        return text

    def _states(self) -> Text:
        text = Text()
        for state, count in sorted(self.frame.states.items(), key=lambda item: (-item[1], item[0])):
            text.append(f"{count:,} {one_line(state)}  ", STYLES.get(state, ""))
        return text

    def _name_width(self, rows: list[Line], width: int) -> int:
        longest = max((len(line.guide) + 2 + len(line.row.name if line.row else line.text) for line in rows), default=5)
        rest = STATE + RUN + MAIL + OLDEST + RESTARTS + GAPS
        return min(max(longest, 8), max(12, width - rest - min(30, width // 4)))

    def _columns(self, name_width: int) -> Text:
        names = (f"{'actor':<{name_width}}", f"{'state':<{STATE}}", f"{'run':>{RUN}}", f"{'mail':>{MAIL}}")
        return Text("  ".join([*names, f"{'oldest':>{OLDEST}}", f"{'restarts':>{RESTARTS}}", ""]), "dim")

    def _row(self, line: Line, name_width: int, *, ascii_only: bool) -> Text:
        row = line.row
        if row is None:
            return Text(f"{line.guide}{line.text}", "dim")
        state = one_line(row.state)
        style = "bold red" if row.stale else STYLES.get(state, "")
        mark = (ASCII_MARKS if ascii_only else MARKS).get(state, "*" if ascii_only else "●")
        name = Text.assemble((line.guide, "dim"), (f"{mark} ", style), (one_line(row.name), "bold"))
        name.truncate(name_width, overflow="ellipsis", pad=True)
        counted = row.recent_below or row.recent
        at_limit = counted is not None and counted.most is not None and 0 < counted.most <= counted.count
        text = Text.assemble(
            name,
            "  ",
            (f"{cut(state, STATE):<{STATE}}  ", style),
            (f"{f'#{row.incarnation}' if row.incarnation > 1 else '':>{RUN}}  ", "magenta"),
            (f"{row.queued or '':>{MAIL}}  ", "bold yellow"),
            (f"{'' if row.oldest_mail is None else seconds(row.oldest_mail):>{OLDEST}}  ", "yellow"),
            (f"{restarts(row):>{RESTARTS}}  ", "bold red" if at_limit else "magenta"),
            (said_of(row), "bold red" if row.stale else "red" if row.last_error else "dim"),
        )
        if self.is_live and row.path == self.chosen.selected:
            text.stylize("reverse")
        return text

    def _first(self, rows: list[Line], room: int) -> int:
        """Return the first line that is shown: so that the one that is selected is among them."""
        place = next((n for n, line in enumerate(rows) if line.row and line.row.path == self.chosen.selected), 0)
        return max(0, min(place - room // 2, len(rows) - room))

    def _tail(self, width: int, height: int) -> list[Text]:
        """Return what stands below the tree, which keeps a line: where the chosen one is at comes before those that have ended."""
        room = height - HEAD_LINES - 2
        row = next((each for each in self.frame.rows if each.path == self.chosen.selected), None)
        pane = [] if row is None or not self.chosen.shows_stack else self._pane(row, width, room, height)
        return [*self._ended(min(ENDED_LINES, room - len(pane))), *pane]

    @staticmethod
    def _pane(row: Row, width: int, room: int, height: int) -> list[Text]:
        words = f"{one_line(row.path)}  {row.kind}, incarnation {row.incarnation}, {said_of(row)}".removesuffix(", ")
        head = [Text(part) for part in chop_cells(words, width)]
        if len(head) > (most := max(1, room - LEAST_STACK - 1)):
            head = [*head[: most - 1], Text(f"{head[most - 1].plain[:-1]}…")]
        head[0].stylize("bold", 0, len(one_line(row.path)))
        lines = [one_line(line) for line in (row.stack or "it is at nothing").split("\n")]
        most = min(max(STACK_LINES, height // 2), room - 1 - len(head))
        if len(lines) > most:
            lines = [lines[0], "    …", *lines[2 - most :]] if most > 2 else lines[-most:]  # noqa: PLR2004 -- the first, and a mark
        return [Text("─" * width, "dim"), *head, *map(Text, lines)]

    def _ended(self, most: int) -> Iterator[Text]:
        for each in self.frame.ended[-most:] if most else ():
            run = f" #{each.incarnation}" if each.incarnation > 1 else ""
            reason = one_line(each.reason)
            text = f"{seconds(max(0.0, each.ago))} ago ended {one_line(each.path)}{run}: {reason}"
            yield Text(text, "red" if each.failed else "dim")

    def _foot(self, *, ascii_only: bool) -> Text:
        if self.chosen.is_typing:
            return Text(f"search: {one_line(self.chosen.search)}_", "bold cyan")
        found = f"search: {one_line(self.chosen.search)}  " if self.chosen.search else ""
        return Text.assemble((found, "cyan"), (ASCII_HELP if ascii_only else HELP, "dim"))


#: For terminals that know no more than ASCII.
TO_ASCII: Final = str.maketrans({"∞": "-", "…": "~", "─": "-", "·": "|"})
