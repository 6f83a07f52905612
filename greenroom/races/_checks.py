"""What the functions of the kit refuse before they run anything."""

import inspect
from functools import partial
from typing import Any

import trio


def check_count(name: str, number: Any) -> None:
    """Refuse what is no number from 1.

    Raises:
        ValueError: with the name and what it was.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} is {number!r}; give a number from 1")


def check_scenario(caller: str, scenario: Any) -> None:
    """Refuse what cannot be run as a scenario, and a call from where none can be run.

    Raises:
        TypeError: it is no async function. RuntimeError: this is within Trio.
    """
    core: Any = scenario
    while isinstance(core, partial):
        core = core.func
    name = getattr(core, "__qualname__", repr(core))
    by_call: Any = getattr(core.__class__, "__call__", None)  # noqa: B004 -- how it is made counts
    if not inspect.iscoroutinefunction(core) and not inspect.iscoroutinefunction(by_call):
        raise TypeError(f"{caller}: {name} is no async function; a scenario is `async def {name}(sim)`")
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(f"{caller}: called within Trio; each run is a Trio run of its own, so call it from outside")
