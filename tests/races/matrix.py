"""The matrix of the promises: the modules whose scenarios make it up, in the order of an actor's life."""

from typing import Final

from . import (
    promises_ends,
    promises_mail,
    promises_many,
    promises_outcomes,
    promises_ready,
    promises_start,
    promises_turns,
    promises_waits,
)
from .promise import PROMISES as PROMISES

#: Each registers its promises when it is imported.
MATRIX: Final = (
    promises_start,
    promises_ready,
    promises_mail,
    promises_many,
    promises_waits,
    promises_turns,
    promises_outcomes,
    promises_ends,
)
