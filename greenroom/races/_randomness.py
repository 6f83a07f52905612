"""Python's global random generator: the same in every run of a scenario, and as it was afterwards."""

import random
from _random import Random as _Core
from typing import Any, Final

from .._borrowed import Borrowed

# The generator behind random.random() and the like; it has no public name.
_generator: Any = random.random.__self__  # type: ignore[attr-defined]


def seed_global() -> None:
    """Let the global generator begin anew, in less time than `random.seed` takes."""
    _Core.seed(_generator, 0)
    _generator.gauss_next = None


def _nothing() -> None:
    pass


#: Puts the state of the global generator back at the end.
random_kept: Final = Borrowed(random.getstate, _nothing, random.setstate)
