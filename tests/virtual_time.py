"""Virtual time for the tests of the runtime: each test of theirs that is a coroutine function runs in it, without a word."""

from collections.abc import Awaitable, Callable, Iterable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from trio.abc import Clock, Instrument
from trio.testing import MockClock

HERE: Final = Path(__file__).parent
#: The folders whose tests run in it.
FOLDERS: Final = frozenset({HERE / each for each in ("actors", "conformance", "console", "inspector", "supervisor")})
#: Seconds of virtual time after which a test hangs.
FOR_EVER: Final = 1e7


def in_virtual_time(
    main: Callable[[], Awaitable[object]], *, clock: Clock | None = None, instruments: Iterable[Instrument] = ()
) -> None:
    """Run a test on a clock that jumps whenever everybody waits; what would wait for ever fails."""

    async def bounded() -> None:
        with trio.fail_after(FOR_EVER):
            await main()

    trio.run(bounded, clock=clock or MockClock(autojump_threshold=0), instruments=tuple(instruments))


def put_in_virtual_time(items: list[pytest.Item]) -> None:
    """Mark those of the collected tests that run in it."""
    for item in items:
        function: Any = getattr(item, "obj", None)
        if iscoroutinefunction(function) and not FOLDERS.isdisjoint(item.path.parents):
            item.add_marker(pytest.mark.trio(run=in_virtual_time))
