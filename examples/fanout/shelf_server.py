"""A shelf behind MCP: counts words and finds lines in any part of the texts below a directory.

    python shelf_server.py --root .

The texts are read once, when it starts, and laid end to end; part 3 of 200 is the third of two hundred pieces of (nearly) as many lines each. All
parts together are all lines, each once, so what is told of the parts adds up to what there is. Everything is read-only.
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

TEXTS = {".md", ".py", ".rst", ".toml", ".txt"}
# Bytes of a text, at most: what is longer is data.
LONGEST = 1_000_000
WORD = re.compile(r"[^\W\d_]+")
# Letters from which on a word says something of its text.
TELLING = 5

READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Part = Annotated[int, Field(ge=1, description="which part, from 1")]
Of = Annotated[int, Field(ge=1, le=100_000, description="how many parts there are")]


@dataclass
class Line:
    """A line, and where it stands."""

    path: str
    number: int
    text: str


@dataclass
class WordsOfPart:
    """What one part of the texts is made of."""

    files: int
    lines: int
    words: int
    counts: dict[str, int]


class Shelf:
    """The texts below a directory, end to end, as they were when it was filled."""

    def __init__(self, root: Path) -> None:
        self.lines = list(self._read(root.resolve(strict=True)))

    @staticmethod
    def _read(root: Path) -> Iterator[Line]:
        for folder, folders, names in os.walk(root):
            # Neither what is hidden nor what others wrote; sorted, so that every server has the same order.
            folders[:] = sorted(name for name in folders if not name.startswith((".", "_")) and name != "node_modules")
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix in TEXTS and path.is_file() and not path.is_symlink() and path.stat().st_size <= LONGEST:
                    text = path.read_text(encoding="utf-8", errors="replace")
                    place = path.relative_to(root).as_posix()
                    for number, line in enumerate(text.splitlines(), start=1):
                        yield Line(place, number, line)

    def part(self, part: int, of: int) -> list[Line]:
        """Give the lines of a part; it may be empty, where there are more parts than lines."""
        if part > of:
            raise ToolError(f"there is no part {part} of {of}")
        total = len(self.lines)
        return self.lines[total * (part - 1) // of : total * part // of]


def build(shelf: Shelf, pace: float) -> MCPServer:
    """Make the server of a shelf, whose every answer takes some seconds at least."""
    server = MCPServer(
        "shelf", version="1", instructions=f"{len(shelf.lines)} lines of text, in as many parts as you like."
    )

    @server.tool(annotations=READ_ONLY)
    def count_words(part: Part, of: Of) -> WordsOfPart:
        """Count files, lines and words of a part, and how often it has each word of five letters or more."""
        time.sleep(pace)
        lines = shelf.part(part, of)
        words = [word.casefold() for line in lines for word in WORD.findall(line.text)]
        counts = Counter(word for word in words if len(word) >= TELLING)
        return WordsOfPart(len({line.path for line in lines}), len(lines), len(words), dict(counts))

    @server.tool(annotations=READ_ONLY)
    def longest_line(part: Part, of: Of) -> Line:
        """Find the longest line of a part; the first, if there are several."""
        time.sleep(pace)
        return max(shelf.part(part, of), key=lambda line: len(line.text), default=Line("", 0, ""))

    return server


def main() -> None:
    """Fill the shelf, and serve it until stdin ends."""
    parser = argparse.ArgumentParser(description="Serve the texts below a directory by MCP.")
    parser.add_argument("--root", type=Path, default=Path(), help="the directory (default: this one)")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that an answer takes at least")
    options = parser.parse_args()
    try:
        shelf = Shelf(options.root)
    except OSError as error:
        sys.exit(f"shelf: cannot read {options.root}: {error.strerror}")
    print(f"shelf: {len(shelf.lines)} lines", file=sys.stderr, flush=True)
    build(shelf, options.pace).run()


if __name__ == "__main__":
    main()
