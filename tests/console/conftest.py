import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

#: The program, wherever the package is installed.
GREENROOM = (sys.executable, "-P", "-c", "import sys; from greenroom.console import main; sys.exit(main())")

#: What trees in these tests are made of; the file stands beside them.
ACTORS = """
import logging
import signal
import threading

import trio

from greenroom import Actor, InvalidSpec

logger = logging.getLogger(__name__)


class Worker(Actor):
    def __init__(self, *args, size=1):
        self.given = (args, size)

    async def startup(self, ctx):
        logger.info("given %r", self.given, extra={"path": ctx.path})


class Picky(Actor):
    def __init__(self, name):
        raise InvalidSpec(f"--name: {name!r} will not do")


async def done(ctx, result=None):
    return result


async def breaks(ctx):
    raise ValueError("broken on purpose")


async def breaks_late(ctx):
    for _ in range(20):
        await trio.lowlevel.checkpoint()
    raise ValueError("broken on purpose")


# How often line and clerk have been started.
STARTED = {"line": 0, "clerk": 0}
LINE_IS_WHOLE = trio.Event()


async def line(ctx):
    STARTED["line"] += 1
    if STARTED["line"] == 3:
        LINE_IS_WHOLE.set()
        await trio.sleep_forever()
    while STARTED["clerk"] < STARTED["line"]:
        await trio.lowlevel.checkpoint()
    raise ValueError("broken on purpose")


async def clerk(ctx):
    STARTED["clerk"] += 1
    await LINE_IS_WHOLE.wait()
    return STARTED


async def waits(ctx):
    await trio.sleep_forever()


async def blocks(ctx):
    print("blocking", flush=True)
    threading.Event().wait()  # for ever, and signals are heard all the while


async def clings(ctx):
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


def generates():
    yield
"""

Write = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(tmp_path: Path) -> Write:
    """Write a tree file, beside a module with actors."""
    (tmp_path / "cast_of_actors.py").write_text(ACTORS, encoding="utf-8")

    def write(text: str) -> Path:
        path = tmp_path / "tree.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def greenroom(tmp_path: Path) -> Run:
    """Run the program to its end, in an empty folder."""

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*GREENROOM, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the program, in an empty folder, and leave it running."""

    def run(*arguments: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*GREENROOM, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    return run
