"""Python's global random generator: the same in every run of a scenario, and as it was afterwards."""

import random
from _random import Random as _Core
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_lock = Lock()
_users = 0
_before: Any = None
# The generator behind random.random() and the like; it has no public name.
_generator: Any = random.random.__self__  # type: ignore[attr-defined]


def seed_global() -> None:
    """Let the global generator begin anew, in less time than `random.seed` takes."""
    _Core.seed(_generator, 0)
    _generator.gauss_next = None


@contextmanager
def random_kept() -> Generator[None]:
    """Put the state of the global generator back at the end; of several threads, the last one does."""
    global _users, _before  # noqa: PLW0603 -- it stands for a global of Python's
    with _lock:
        if not _users:
            _before = random.getstate()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                random.setstate(_before)
