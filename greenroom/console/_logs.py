"""Logs on a screen: what `logging` gets, as lines among the others."""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final, Literal

from ._screen import Screen

LogLevel = Literal["debug", "info", "warning", "error"]
#: What other packages say is shown from this level on.
OTHERS: Final = logging.WARNING


class ScreenHandler(logging.Handler):
    """Show log records on a screen: by the path of the actor that they are about, if they name one, else by their logger."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record; one that cannot be formatted is shown as it is."""
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001 -- arguments that do not fit, or whose str() fails, must not end the actor that logs them
            text = f"{record.msg!r} ({type(error).__name__} while formatting it)"
        path = getattr(record, "path", None)
        who = path if isinstance(path, str) else record.name
        text = text.removeprefix(f"{who}: ")
        if record.exc_info is not None and record.exc_info[0] is not None:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._screen.say(who, text, record.levelname.lower())


@contextmanager
def logs_on(screen: Screen, level: LogLevel, own: Iterable[str]) -> Generator[None]:
    """Show logs for a block.

    Args:
        screen: where.
        level: from which on, for greenroom's loggers and the tree's own; "debug" is for everybody's.
        own: names of the tree's own top-level packages.
    """
    number = getattr(logging, level.upper())
    root = logging.getLogger()
    handler = ScreenHandler(screen)
    before = {logger: logger.level for logger in (root, *map(logging.getLogger, {"greenroom", *own}))}
    for logger in before:
        logger.setLevel(number)
    root.setLevel(number if level == "debug" else max(number, OTHERS))
    root.addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        for logger, old in before.items():
            logger.setLevel(old)
