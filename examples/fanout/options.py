"""The fan-out's command line."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Hold what a run was asked to do.

    Attributes:
        folder: what is read.
        readers: how many of them. servers: how many of these.
        interrupt_at: percent of the readers that have finished when the chief is interrupted; None: not at all.
        pace: seconds that an answer of a server takes, at least.
        plain: lines, even in a terminal.
        account: where the account goes as JSON; None: nowhere.
    """

    folder: Path
    readers: int
    servers: int
    interrupt_at: float | None
    pace: float
    plain: bool
    account: Path | None


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line. What is wrong with it is said in a word, and ends the process with 2."""
    parser = argparse.ArgumentParser(
        prog="fanout", description="Read a folder's texts with many agents at once.", allow_abbrev=False
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="what is read (default: this folder)")
    parser.add_argument("--readers", type=int, default=200, help="children that are started in one turn (default: 200)")
    parser.add_argument("--servers", type=int, default=4, help="MCP servers that they share (default: 4)")
    parser.add_argument(
        "--interrupt-at", type=float, default=50.0, metavar="PERCENT",
        help="of the readers that have finished when the chief is interrupted (default: 50)",
    )  # fmt: skip
    parser.add_argument("--no-interrupt", action="store_true", help="let it run to its end")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that an answer of a server takes, at least")
    parser.add_argument("--plain", action="store_true", help="lines instead of a live table")
    parser.add_argument("--account", type=Path, metavar="FILE", help="write the account, call by call, as JSON")
    given = parser.parse_args(arguments)
    for name, least, most in (("readers", 1, 100_000), ("servers", 1, 100)):
        if not least <= getattr(given, name) <= most:
            parser.error(
                f"--{name}: {getattr(given, name)} is wrong here; give a whole number from {least} to {most:,}"
            )
    if not 0 <= given.interrupt_at <= 100:  # noqa: PLR2004 -- percent
        parser.error(f"--interrupt-at: {given.interrupt_at:g} is wrong here; give a percentage from 0 to 100")
    if not 0 <= given.pace < math.inf:
        parser.error(f"--pace: {given.pace:g} is wrong here; give a number of seconds from 0")
    if not given.folder.is_dir():
        parser.error(f"{str(given.folder)!r} is no folder")
    missing = [name for name in ("mcp", "rich") if find_spec(name) is None]
    if missing:
        parser.error(f"the fan-out needs {', '.join(missing)}: pip install 'greenroom[newsroom]'")
    return Options(
        folder=given.folder.resolve(),
        readers=given.readers,
        servers=given.servers,
        interrupt_at=None if given.no_interrupt else given.interrupt_at,
        pace=given.pace,
        plain=given.plain,
        account=given.account,
    )
