"""Checks of numbers that users give, and how errors show what is none; in the lowest room, as every room takes some."""

import sys
from typing import Final

#: An int may be larger, and then be added to no clock's time.
LARGEST: Final = sys.float_info.max


def is_seconds(value: object, *, above_zero: bool = False) -> bool:
    """Return whether a value is a finite number from 0 (or above it). A boolean is no number, nor is a NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return (value > 0 if above_zero else value >= 0) and value <= LARGEST


def is_count(value: object, *, least: int = 1) -> bool:
    """Return whether a value is a whole number from `least`. A boolean is none."""
    return type(value) is int and value >= least


def shown(value: object) -> str:
    """Return a value as an error shows it: its repr, or its type if that raises, as one of a very large int does. Runs user code."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 -- what cannot be shown is to be refused like any other
        return f"<{type(value).__qualname__}, whose repr raises {type(error).__name__}>"
