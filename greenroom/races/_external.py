"""What comes from outside of a program: plain functions that are called between two of its steps, when a schedule says so."""

from collections.abc import Callable
from typing import Any

from ._callbacks import called, name_of_callback
from ._event import OUTSIDE
from ._leaving import leaves
from ._listener import Listener


class Externals:
    """Hold what is to be called in one run.

    Args:
        noting: takes notes of it, if any are taken.
    """

    def __init__(self, noting: Listener | None) -> None:
        self._noting = noting
        self._count = 0
        #: those that have not been called yet.
        self.waiting: list[tuple[str, str, Callable[[], Any]]] = []
        #: what is called just now, in words.
        self.calling = ""

    @property
    def were_given(self) -> bool:
        """True once there was any, also if all have been called."""
        return self._count > 0

    @property
    def labels(self) -> list[str]:
        """One for each, in the order in which they were given."""
        return [label for label, *_ in self.waiting]

    def add(self, fn: Any) -> None:
        """Take one on."""
        name = name_of_callback("sim.external", fn, "what a thread or a signal handler would call")
        self.waiting.append((f"external {self._count}:{name.partition(' (')[0]}", name, fn))
        self._count += 1

    def call(self, index: int) -> BaseException | None:
        """Call one; return what it raised."""
        label, name, fn = self.waiting.pop(index)
        self.calling = f"sim.external: {name}"
        if self._noting is not None:
            self._noting.injects(OUTSIDE, f"{label} is called")
        try:
            called("sim.external", fn, name)
        except BaseException as error:  # noqa: BLE001 -- it is what the run comes to, and nothing may leave here
            if not leaves(error):
                error.add_note(f"in {self.calling}")
            return error
        finally:
            self.calling = ""
        return None
