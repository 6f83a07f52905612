"""The plain screen: a run as lines. For pipes, files and logs; `_live.py` has the one for terminals."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO

from ._memory import Memory
from ._text import clean, cut

WIDTH: Final = 16  # characters for who speaks; longer ones push their text to the right
#: What a line may be about; where a word of it is worth reading, it stands before the text.
WORDS: Final = {"warning": "warning: ", "error": "error: ", "critical": "error: "}


class Screen:
    """Show a run as lines: the seconds since it began, who, and what. A context manager."""

    def __init__(self, stream: TextIO | None = None, *, shows_tree: bool = True) -> None:
        self._stream = stream or sys.stdout
        self._shows_tree = shows_tree
        self._began = time.monotonic()
        self._shown: dict[int, object] = {}
        self._prefix = ""
        #: what made writing impossible, once it has; the run has to be ended then, in order.
        self.lost: Exception | None = None
        #: called once when that happens.
        self.on_lost: Callable[[], object] | None = None

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

    def say(self, who: str, text: str, level: str = "info") -> None:
        """Write a line; more lines of a text stand below its first."""
        first, *rest = clean(text).rstrip("\n").split("\n")
        margin = f"{self.elapsed:7.2f}  {self._who(who):<{WIDTH}}  "
        lines = [f"{margin}{WORDS.get(level, '')}{first}", *(" " * len(margin) + line for line in rest)]
        self.print("\n".join(line.rstrip() for line in lines))

    def show(self, memory: Memory) -> None:
        """Show what has changed in the tree."""
        self._prefix = f"{memory.top.info.path}/"
        if not self._shows_tree:
            return
        now: dict[int, object] = {}
        ended: list[tuple[str, str]] = []
        for seen in memory.top.walk():
            info, state = seen.info, seen.state()
            # Turns come and go too fast for lines.
            word = "ready" if state == "running" else state
            # Why something failed is told at length by the log.
            detail = cut(seen.detail(), 60) if word != "ready" else ""
            now[info.uid] = (info.incarnation, word, info.stale, detail)
            if self._shown.get(info.uid) != now[info.uid]:
                again = f" (incarnation {info.incarnation})" if info.restarts else ""
                line = info.path, f"[{word}]{again} {detail}"
                if seen.reason is None:
                    self.say(*line, "state")
                else:
                    ended.append(line)
        # What is below an actor has ended before it, though both may be seen at once.
        for line in reversed(ended):
            self.say(*line, "state")
        self._shown = now

    def print(self, text: str) -> None:
        """Write a text as it is."""
        self.attempt(lambda: self._write(text))

    def attempt(self, write: Callable[[], object]) -> None:
        """Write, if that is possible; the first failure is noted, and after it there is silence."""
        if self.lost is not None:
            return
        try:
            write()
        except (OSError, ValueError) as error:  # ValueError: the stream has been closed
            self.lost = error
            if self.on_lost is not None:
                self.on_lost()

    def _who(self, path: str) -> str:
        """Return a path as it is shown: without the tree's own name."""
        return clean(path.removeprefix(self._prefix) or path)

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
