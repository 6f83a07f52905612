"""Checks of numbers that users give; in the lowest room, as every room takes some."""

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
