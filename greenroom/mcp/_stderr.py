"""The tail of what a server wrote to its stderr: often the only thing that says why it failed."""

import codecs
import re
from collections import deque

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_LONGEST_LINE = 1_000


class StderrTail:
    """Keeps the last lines of a byte stream, within bounds, fit to be shown.

    Args:
        lines: how many lines are kept.
        characters: how many characters they may have together.
    """

    def __init__(self, *, lines: int = 20, characters: int = 4_000) -> None:
        self._lines: deque[str] = deque(maxlen=lines)
        self._characters = characters
        self._size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""

    def feed(self, chunk: bytes) -> list[str]:
        """Take what was written; give the lines that it completed."""
        *complete, self._partial = (self._partial + self._decoder.decode(chunk)).split("\n")
        while len(self._partial) > _LONGEST_LINE:
            # A stream without line ends (a progress bar, a dump) must not grow without bound.
            complete.append(self._partial[:_LONGEST_LINE])
            self._partial = self._partial[_LONGEST_LINE:]
        finished = [_printable(line) for line in complete]
        for line in finished:
            self._keep(line)
        return finished

    def last(self) -> tuple[str, ...]:
        """Give the lines kept, the oldest first, with one that has no end yet; a copy."""
        unfinished = _printable(self._partial)
        kept = (*self._lines, unfinished) if unfinished.strip() else tuple(self._lines)
        return kept[-(self._lines.maxlen or 1) :]

    def _keep(self, line: str) -> None:
        if not line.strip():
            return
        # Again, because a chunk may be one long line.
        kept = line[:_LONGEST_LINE]
        if len(self._lines) == self._lines.maxlen:
            self._size -= len(self._lines.popleft())
        self._lines.append(kept)
        self._size += len(kept)
        while self._size > self._characters and len(self._lines) > 1:
            self._size -= len(self._lines.popleft())


def _printable(line: str) -> str:
    """Drop what would move the reader's cursor or colour the terminal."""
    text = _ESCAPE.sub("", line.rstrip("\r").rpartition("\r")[2]).expandtabs(4)
    return "".join(character for character in text if character.isprintable()).rstrip()
