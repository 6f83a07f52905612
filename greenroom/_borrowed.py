"""What belongs to the whole process, and is changed as long as anybody needs that."""

from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Any


class Borrowed:
    """Be a context in which something of the process is changed: by the first of all threads that comes, and put back by the last that goes.

    Args:
        look: returns how it is.
        change: changes it.
        put_back: makes it again what `look` returned.
    """

    def __init__(
        self, look: Callable[[], Any], change: Callable[[], object], put_back: Callable[[Any], object]
    ) -> None:
        self._look, self._change, self._put_back = look, change, put_back
        self._lock = Lock()
        self._users = 0
        #: how it was before; None as long as nobody has come.
        self.before: Any = None

    def __enter__(self) -> None:
        """Come."""
        with self._lock:
            if not self._users:
                self.before = self._look()
                self._change()
            self._users += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Go."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._put_back(self.before)
