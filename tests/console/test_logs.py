"""What is logged becomes lines of the run: of the tree's own modules from the level that was asked for, of others only what is worrying."""

import logging
from io import StringIO

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
