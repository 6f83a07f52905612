"""Values as they are told of: short, on one line."""

from typing import Any, Final

from ..mailbox import shown

#: Characters of a value that are told.
WIDTH: Final = 60


def brief(value: Any) -> str:
    """Return a value as a short text, whatever its class makes of that. Runs user code."""
    text = " ".join(shown(value).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
