"""An archive behind MCP: reads, searches and counts the texts below a directory. It is slow to start, as archives are.

    python slow_server.py --root . --delay 2

Everything is read-only, and nothing outside the root is read. The texts are looked through while it starts (`--delay`
says how many seconds that takes at least), so what it tells is the state of that moment.
"""

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

TEXTS = {".md", ".rst", ".txt"}
# Bytes of a text, at most: what is longer is data.
LONGEST = 1_000_000
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")  # noqa: RUF001 - the apostrophe of printed text

READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Limit = Annotated[int, Field(ge=1, le=100, description="how many to give, at most")]


@dataclass
class Text:
    """A text of the archive."""

    path: str
    title: str
    lines: int
    words: int


@dataclass
class Passage:
    """A line of a text, with the place where it stands."""

    path: str
    line: int
    text: str


@dataclass
class WordCount:
    """How often a word is used."""

    word: str
    count: int


class Archive:
    """The texts below a directory, as they were when it was opened."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve(strict=True)
        self.pages = dict(sorted(self._read()))

    def _read(self) -> Iterator[tuple[str, list[str]]]:
        for folder, folders, names in os.walk(self.root):
            # Neither what is hidden nor what others wrote.
            folders[:] = [name for name in folders if not name.startswith((".", "_")) and name != "node_modules"]
            for name in names:
                path = Path(folder, name)
                if path.suffix in TEXTS and path.is_file() and not path.is_symlink() and path.stat().st_size <= LONGEST:
                    text = path.read_text(encoding="utf-8", errors="replace")
                    yield path.relative_to(self.root).as_posix(), text.splitlines()

    def page(self, path: str) -> list[str]:
        """Give the lines of a text; only what was found at the start can be asked for."""
        try:
            return self.pages[path]
        except KeyError:
            raise ToolError(f"the archive has no text {path!r}; list_texts names them all") from None

    def describe(self, path: str) -> Text:
        """Say what a text is."""
        lines = self.pages[path]
        title = next((line.strip("#= ") for line in lines if line.strip("#=- ")), path)
        return Text(path, title, len(lines), sum(len(WORD.findall(line)) for line in lines))


def build(archive: Archive) -> MCPServer:
    """Make the server of an archive."""
    server = MCPServer(
        "archive",
        version="1",
        instructions=f"An archive of {len(archive.pages)} texts. Start with list_texts, or search for what you want to know.",
    )

    @server.tool(annotations=READ_ONLY)
    def list_texts() -> list[Text]:
        """List all texts of the archive: path, title, lines and words."""
        return [archive.describe(path) for path in archive.pages]

    @server.tool(annotations=READ_ONLY)
    def search(words: str, limit: Limit = 10) -> list[Passage]:
        """Find the lines that have all of these words, in any order and case."""
        wanted = [word.casefold() for word in words.split()]
        if not wanted:
            raise ToolError("nothing to search for")
        found = (
            Passage(path, number, line.strip())
            for path, lines in archive.pages.items()
            for number, line in enumerate(lines, start=1)
            if all(word in line.casefold() for word in wanted)
        )
        return [passage for passage, _ in zip(found, range(limit), strict=False)]

    @server.tool(annotations=READ_ONLY)
    def count_words(path: str = "", limit: Limit = 10) -> list[WordCount]:
        """Count the words of five letters or more in one text, or in all of them; the most frequent first."""
        pages = [archive.page(path)] if path else archive.pages.values()
        words = (word.casefold() for lines in pages for line in lines for word in WORD.findall(line))
        counts = Counter(word for word in words if len(word) >= 5)  # noqa: PLR2004 - shorter ones say little
        # By the alphabet where the count is the same, so that the answer is too.
        return [WordCount(word, count) for word, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:limit]]

    @server.tool(annotations=READ_ONLY)
    def read(path: str, first: int = 1, limit: Limit = 40) -> str:
        """Read lines of a text, from line `first` on."""
        return "\n".join(archive.page(path)[max(first, 1) - 1 :][:limit])

    return server


def main() -> None:
    """Open the archive, slowly, and serve it until stdin ends."""
    parser = argparse.ArgumentParser(description="Serve the texts below a directory by MCP.")
    parser.add_argument("--root", type=Path, default=Path(), help="the directory (default: this one)")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that opening takes at least")
    options = parser.parse_args()
    opened = time.monotonic()
    try:
        archive = Archive(options.root)
    except OSError as error:
        sys.exit(f"archive: cannot open {options.root}: {error.strerror}")
    print(f"archive: {len(archive.pages)} texts found, opening the shelves", file=sys.stderr, flush=True)
    time.sleep(max(0.0, options.delay - (time.monotonic() - opened)))
    build(archive).run()


if __name__ == "__main__":
    main()
