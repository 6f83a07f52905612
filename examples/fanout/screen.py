"""What is shown of a run: lines for pipes and files; in a terminal a table that stays below them, always as it is now."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from greenroom import ActorInfo, Completed, Errored, Interrupted, Running

#: state of a reader -> its mark, its mark without Unicode, its style; in the order in which they are told.
STATES: Final = {
    "queued": ("·", ".", "dim"),
    "starting": ("◌", "o", "yellow"),
    "ready": ("○", "-", "green"),
    "working": ("◐", "*", "bold cyan"),
    "done": ("●", "#", "green"),
    "interrupted": ("◇", "!", "magenta"),
    "failed": ("✗", "x", "bold red"),
    "stopping": ("·", ".", "blue"),
}
FINISHED: Final = ("done", "interrupted", "failed")
#: Seconds between two lines about how far it is.
LINE_EVERY: Final = 0.5


def state_of(reader: ActorInfo) -> str:
    """Return in a word how a reader is."""
    match reader.lifecycle:
        case "queued":
            return "queued"
        case "initializing" | "restarting":
            return "starting"
        case "failed" | "stopped":
            return "failed"
        case "draining" | "stopping":
            return "stopping"
        case _:
            pass
    match reader.status:
        case Running():
            return "working"
        case Completed():
            return "done"
        case Interrupted():
            return "interrupted"
        case Errored():
            return "failed"
        case _:
            return "ready"


def readers_in(tree: ActorInfo) -> Iterator[ActorInfo]:
    """Iterate over the readers."""
    return (info for info in tree.walk() if "shelf" in info.labels)


class Screen:
    """Show a run as lines: the seconds since it began, who, and what. A context manager.

    Args:
        expected: how many readers there will be. Who was there and is gone has failed to start, and is forgotten by the tree.
    """

    def __init__(self, expected: int) -> None:
        self.expected = expected
        #: readers whose work has ended, one way or another.
        self.finished = 0
        #: what made writing impossible; `on_lost` is called once when that happens.
        self.lost: Exception | None = None
        self.on_lost: Callable[[], object] = lambda: None
        self._began = time.monotonic()
        self._said = -LINE_EVERY
        self._most = 0
        self._last = ""

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Show no more."""

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def show(self, tree: ActorInfo, *, is_last: bool = False) -> None:
        """Take in a state of the tree; what has changed is told now and then, and at the last."""
        counts = self.count(tree)
        counted = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        if counted != self._last and (is_last or self.elapsed - self._said >= LINE_EVERY):
            self._said, self._last = self.elapsed, counted
            self.say("readers", counted)

    def count(self, tree: ActorInfo) -> Counter[str]:
        """Count the readers by their states."""
        counts = Counter(state_of(reader) for reader in readers_in(tree))
        self._most = max(self._most, counts.total())
        counts["failed"] += self._most - counts.total()
        self.finished = sum(counts[state] for state in FINISHED)
        return counts

    def say(self, who: str, text: str) -> None:
        """Write a line about somebody; more lines of a text stand below its first."""
        margin = f"{self.elapsed:7.2f}  {who:<16}  "
        self.print(f"\n{' ' * len(margin)}".join((margin + plain(text)).splitlines()))

    def print(self, text: str) -> None:
        """Write a line. The first failure is noted, and after it there is silence."""
        self.attempt(lambda: print(text, flush=True))

    def attempt(self, write: Callable[[], object]) -> None:
        """Write, if that is possible."""
        if self.lost is not None:
            return
        try:
            write()
        except (OSError, ValueError) as error:  # ValueError: the stream has been closed
            self.lost = error
            self.on_lost()


class LiveScreen(Screen):
    """Show a run in a terminal: a mark for each reader, in the row of its shelf."""

    def __init__(self, expected: int, console: Console) -> None:
        super().__init__(expected)
        self._console = console
        self._ascii = not console.encoding.startswith("utf")
        self._tree: ActorInfo | None = None
        # Drawn by the task that has seen a change: no thread writes here.
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> Self:
        """Begin to show."""
        self.attempt(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave the last state on the screen, and the cursor below it."""
        self.attempt(self._live.stop)

    def show(self, tree: ActorInfo, *, is_last: bool = False) -> None:
        """Draw the table as it is now."""
        self.attempt(lambda: self._live.update(self._picture(tree), refresh=True))

    def print(self, text: str) -> None:
        """Write a line above the table."""
        self.attempt(lambda: self._console.print(Text(text)))

    def _picture(self, tree: ActorInfo) -> Group:
        counts = self.count(tree)
        readers: dict[str, list[ActorInfo]] = {}
        for reader in readers_in(tree):
            readers.setdefault(reader.labels["shelf"], []).append(reader)
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=12)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(ratio=1, overflow="fold")
        table.add_row("shelf", "server", "asks", f"its readers, after {self.elapsed:.1f} s", style="dim")
        for shelf in tree.children:
            if shelf.name in readers or shelf.name.startswith("shelf-"):
                again = f" #{shelf.incarnation}" if shelf.restarts else ""
                marks = Text.assemble(*(self._mark(state_of(reader)) for reader in readers.get(shelf.name, [])))
                table.add_row(shelf.name, f"{shelf.lifecycle}{again}", str(shelf.queued or ""), marks)
        legend = Text("  ").join(
            Text.assemble(self._mark(state), f" {counts[state]} {state}") for state in STATES if counts[state]
        )
        return Group(Text(), table, legend)

    def _mark(self, state: str) -> tuple[str, str]:
        mark, plain_mark, style = STATES[state]
        return plain_mark if self._ascii else mark, style


def make_screen(*, plain: bool, expected: int) -> Screen:
    """Return the screen that fits what stdout is."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return Screen(expected)
    return LiveScreen(expected, Console(highlight=False, emoji=False, markup=False))


def plain(text: str) -> str:
    """Return a text without what could steer a terminal."""
    return "".join(each if each == "\n" or each.isprintable() else " " for each in text)
