"""What the functions of the kit refuse before they run anything."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import trio

#: No count of anything is larger, in all the time that there is.
MOST: Final = 10**12


def check_count(name: str, number: Any) -> None:
    """Refuse what is no number from 1.

    Raises:
        ValueError: with the name and what it was.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} is {number!r}; give a number from 1")
    if number > MOST:
        raise ValueError(f"{name} is {number:.0e}; give a number from 1 to {MOST:,}")


def check_bound(name: str, number: Any) -> None:
    """Refuse what is neither a number from 0 nor None.

    Raises:
        ValueError: with the name and what it was.
    """
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"{name} is {number!r}; give a number from 0, or None for no bound")
    if number > MOST:
        raise ValueError(f"{name} is {number:.0e}; give a number from 0 to {MOST:,}, or None for no bound")


def check_seed(seed: Any) -> None:
    """Refuse what is no whole number.

    Raises:
        ValueError: with what it was.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ValueError(f"seed is {seed!r}; give a whole number")  # noqa: TRY004 -- as all numbers


def check_seconds(seconds: Any) -> None:
    """Refuse what is neither a time nor None.

    Raises:
        ValueError: with what it was.
    """
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and seconds >= 0):
        raise ValueError(f"seconds is {seconds!r}; give a number from 0, or None for no limit")


def check_scenario(caller: str, scenario: Any, args: Sequence[Any] = ()) -> None:
    """Refuse what cannot be run as a scenario, and a call from where none can be run.

    Raises:
        TypeError: it is no async function, or does not take a `sim` and these arguments. RuntimeError: this is within Trio.
    """
    core: Any = scenario
    while isinstance(core, partial):
        core = core.func
    named = getattr(core, "__qualname__", None)
    name, like = named or repr(core), getattr(core, "__name__", "")
    by_call: Any = getattr(core.__class__, "__call__", None)  # noqa: B004 -- how it is made counts
    if not inspect.iscoroutinefunction(core) and not inspect.iscoroutinefunction(by_call):
        why = "is no async function"
        if inspect.iscoroutine(core):
            why = "was called, which is for the kit to do; give the function itself"
        elif inspect.isasyncgenfunction(core):
            why = "has a `yield`, so it is no async function"
        raise TypeError(
            f"{caller}: {name} {why}; a scenario is `async def {like if like.isidentifier() else 'scenario'}(sim)`"
        )
    try:
        inspect.signature(scenario).bind(None, *args)
    except TypeError as error:
        given = f" and {len(args)} more" if args else ""
        raise TypeError(f"{caller}: {name} cannot be called with a `sim`{given}: {error}") from None
    except ValueError:
        pass  # a callable that does not say what it takes
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(f"{caller}: called within Trio; each run is a Trio run of its own, so call it from outside")
