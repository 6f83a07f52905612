"""The log of the runtime. Handlers and filters of it are user code."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any, Final

LOGGER: Final = logging.getLogger("greenroom")


def log(level: int, text: str, *args: object, extra: Mapping[str, Any]) -> None:
    """Log, and end nobody by it: a filter that raises is shown as logging shows a handler that does."""
    try:
        LOGGER.log(level, text, *args, extra=extra)
    except Exception:  # noqa: BLE001 -- as said
        if logging.raiseExceptions:
            traceback.print_exc()
