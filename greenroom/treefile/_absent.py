"""What is not there: told apart from whatever may be given, the default included."""

from enum import Enum
from typing import Final, TypeVar

T = TypeVar("T")


class Absent(Enum):
    """Be the value of what a file leaves out."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        """Count as false."""
        return False

    def __repr__(self) -> str:
        """Show it short."""
        return "ABSENT"


ABSENT: Final = Absent.ABSENT


def first_given(*levels: T | Absent, default: T) -> T:
    """Return what the first level gives; what is given as the default is given, and wins over the levels behind it."""
    for value in levels:
        if not isinstance(value, Absent):
            return value
    return default
