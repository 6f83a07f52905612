"""The live screen: in a terminal, the tree stays at the bottom, always as it is now, and the lines run above it."""

from types import TracebackType
from typing import Final, Self, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ._memory import Memory, Seen
from ._screen import WIDTH, WORDS, Screen
from ._text import clean

STYLES: Final = {
    "queued": "yellow",
    "initializing": "yellow",
    "ready": "green",
    "running": "bold cyan",
    "resting": "dim green",
    "restarting": "magenta",
    "draining": "blue",
    "stopping": "blue",
    "failed": "bold red",
    "killed": "yellow",
    "parked": "dim",
    "ended": "dim",
}
LEVELS: Final = {"debug": "dim", "warning": "yellow", "error": "bold red", "critical": "bold red"}
MARKS: Final = {
    "failed": "✗",
    "killed": "✗",
    "ended": "·",
    "parked": "·",
    "queued": "○",
    "initializing": "◌",
    "restarting": "◌",
    "resting": "◦",
}
ASCII_MARKS: Final = {
    "failed": "x",
    "killed": "x",
    "ended": ".",
    "parked": ".",
    "queued": "-",
    "initializing": "-",
    "restarting": "-",
    "resting": "~",
}
#: Characters of the longest state, so that the columns stand still.
STATE_WIDTH: Final = max(map(len, STYLES))
#: Seconds between two pictures, at least: eyes see no more, and terminals are slow.
BREATH: Final = 0.05
#: Lines of the terminal that are left to what runs above the tree, at least.
ABOVE: Final = 6


class LiveScreen(Screen):
    """Show a run in a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, emoji=False, markup=False)
        super().__init__(cast("TextIO", self._console.file))
        self._memory: Memory | None = None
        self._drawn = -BREATH
        self._ascii = not self._console.encoding.startswith("utf")
        # Drawn when something has changed, by the task that saw it: no thread writes here.
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=True, redirect_stderr=True)

    def __enter__(self) -> Self:
        """Begin to show."""
        self.attempt(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave the last state on the screen, and the cursor below it."""
        if self._memory is not None:
            self._draw(self._memory)
        self.attempt(self._live.stop)

    def say(self, who: str, text: str, level: str = "info") -> None:
        """Write a line above the tree."""
        line = Table.grid(padding=(0, 2))
        line.add_column(justify="right", width=7, style="dim")
        line.add_column(min_width=WIDTH, style="bold", no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(
            f"{self.elapsed:.2f}",
            Text(self._who(who)),
            Text(WORDS.get(level, "") + clean(text).rstrip("\n"), LEVELS.get(level, "")),
        )
        self.attempt(lambda: self._console.print(line))

    def show(self, memory: Memory) -> None:
        """Draw the tree as it is now."""
        self._memory = memory
        self._prefix = f"{memory.top.info.path}/"
        # What is passed over is drawn with the next look, which comes soon, or with the last.
        if self.elapsed - self._drawn >= BREATH:
            self._draw(memory)

    def _draw(self, memory: Memory) -> None:
        self.attempt(lambda: self._live.update(self._tree(memory), refresh=True))
        self._drawn = self.elapsed

    def _write(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _tree(self, memory: Memory) -> Group:
        room = max(self._console.size.height - ABOVE, 4)
        rows = list(memory.top.walk_lines(ascii_only=self._ascii))
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=STATE_WIDTH)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, justify="right")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_row("actor", "state", "run", "mail", f"after {self.elapsed:.1f} s", style="dim")
        for guide, seen in rows[:room]:
            self._add(table, guide, seen, memory.now)
        if len(rows) > room:
            table.add_row(f"and {len(rows) - room} more", style="dim")
        return Group(Text(), table)

    def _add(self, table: Table, guide: str, seen: Seen, now: float) -> None:
        info, state = seen.info, seen.state()
        style = "bold red" if info.stale else STYLES.get(state, "")
        mark = (ASCII_MARKS if self._ascii else MARKS).get(state, "*" if self._ascii else "●")
        ended = seen.reason is not None
        table.add_row(
            Text.assemble((guide, "dim"), (f"{mark} ", style), (info.name, "dim" if state == "ended" else "bold")),
            Text(state, style),
            Text("" if info.incarnation < 2 else f"#{info.incarnation}", "magenta"),  # noqa: PLR2004 -- the first needs no word
            Text("" if ended or not info.queued else str(info.queued), "bold yellow"),
            Text(clean(seen.detail(now)).replace("\n", " "), style if state == "failed" or info.stale else "dim"),
        )
