"""Progress: what is being measured, on one line of a terminal."""

import sys

from ._workload import Workload


class Progress:
    """Say on a terminal what is being measured, on one line."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def __call__(self, number: int, workload: Workload, system: str) -> None:
        """Say it."""
        if sys.stderr.isatty():
            print(f"\r\x1b[Kround {number} of {self._rounds}: {workload.name} by {system}", end="", file=sys.stderr)

    def clear(self) -> None:
        """Leave the line empty."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
