"""What is logged becomes lines of the run: of the tree's own modules from the level that was asked for, of others only what is worrying."""

import logging
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from greenroom.console._logs import LogLevel, ScreenHandler, logs_on
from greenroom.console._screen import Screen

SAID: dict[LogLevel, list[str]] = {
    "debug": ["greenroom debug", "own debug", "other debug", "other info", "own info", "other warning", "own error"],
    "info": ["own info", "other warning", "own error"],
    "warning": ["other warning", "own error"],
    "error": ["own error"],
}


@pytest.mark.parametrize("level", SAID)
def test_each_level_shows_what_is_said_from_it_on(level: LogLevel) -> None:
    stream = StringIO()
    own, other = logging.getLogger("own_package.module"), logging.getLogger("other_package")
    with logs_on(Screen(stream), level, {"own_package"}):
        logging.getLogger("greenroom").debug("greenroom debug")
        own.debug("own debug")
        other.debug("other debug")
        other.info("other info")
        own.info("own info")
        other.warning("other warning")
        own.error("own error")
    own.error("after the run")
    said = [
        line.split("  ")[-1].strip().removeprefix("warning: ").removeprefix("error: ")
        for line in stream.getvalue().splitlines()
    ]
    assert said == SAID[level]


def test_a_record_stands_under_the_path_that_it_is_about_and_keeps_its_traceback() -> None:
    stream = StringIO()
    logger = logging.getLogger("own_package")
    with logs_on(Screen(stream), "info", {"own_package"}):
        logger.info("%s: it is %s", "/a/b", "so", extra={"path": "/a/b"})
        try:
            int("oops")
        except ValueError:
            logger.exception("failed")
    first, second, *rest = stream.getvalue().splitlines()
    seconds = len("   0.00")
    assert first[seconds:] == "  /a/b              it is so"
    assert second[seconds:] == "  own_package       error: failed"
    assert rest[-1] == " " * 27 + "ValueError: invalid literal for int() with base 10: 'oops'"


def test_a_record_that_cannot_be_formatted_harms_nobody() -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("no")

    stream = StringIO()
    handler = ScreenHandler(Screen(stream))
    for text, arguments in (("%s", (Bad(),)), ("%d %s", (1,))):
        handler.emit(logging.LogRecord("own_package", logging.INFO, __file__, 1, text, arguments, None))
    assert "'%s' (RuntimeError while formatting it)" in stream.getvalue()
    assert "'%d %s' (TypeError while formatting it)" in stream.getvalue()


STANDS = """
import logging, threading

class Ear(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("/stage/one: holds up all of Trio"):  # on a busy machine others were slow before
            heard.set()

heard = threading.Event()
logging.getLogger("greenroom").addHandler(Ear())

async def stands(ctx):
    return heard.wait(30)
"""
HASTY = """
import sys
from greenroom.console import _run, main

_run.STALL_AFTER = 0.01
sys.argv = ["greenroom", "run", "tree.toml"]
sys.exit(main())
"""
TREE = """
name = "stage"
main = "one"
[[children]]
name = "one"
factory = "standing:stands"
restart = "temporary"
"""


def test_who_holds_up_all_others_is_told_while_it_does(tmp_path: Path) -> None:
    (tmp_path / "standing.py").write_text(STANDS, encoding="utf-8")
    (tmp_path / "tree.toml").write_text(TREE, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", HASTY], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.splitlines()[-1] == "true"
    assert "one               warning: holds up all of Trio: its step has taken " in ended.stdout
    assert "standing.py:13 in stands" in ended.stdout
    assert "one               warning: has gone on, after " in ended.stdout
