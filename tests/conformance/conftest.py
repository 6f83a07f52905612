from collections.abc import Awaitable, Callable, Iterable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.abc import Clock, Instrument
from trio.testing import MockClock

from .cast import Stage

HERE = Path(__file__).parent
#: Seconds of virtual time after which a test hangs.
FOR_EVER = 1e7


def in_virtual_time(
    main: Callable[[], Awaitable[object]], *, clock: Clock | None = None, instruments: Iterable[Instrument] = ()
) -> None:
    """Run a test on a clock that jumps whenever everybody waits; what would wait for ever fails."""

    async def bounded() -> None:
        with trio.fail_after(FOR_EVER):
            await main()

    trio.run(bounded, clock=clock or MockClock(autojump_threshold=0), instruments=tuple(instruments))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        function: Any = getattr(item, "obj", None)
        if HERE in item.path.parents and iscoroutinefunction(function):
            item.add_marker(pytest.mark.trio(run=in_virtual_time))


@pytest.fixture
def stage() -> Stage:
    """The plan and the log of one test."""
    return Stage()
