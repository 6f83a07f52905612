"""Callbacks: plain functions that a scenario or a machine gives, for the kit to call between two steps."""

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ._brief import brief
from ._hook import trio_run
from ._stepper import nameless


def name_of_callback(caller: str, fn: Any, like: str) -> str:
    """Return a plain function that takes nothing in words: its name, and where it is.

    Raises:
        TypeError: it is none.
    """
    if not callable(fn):
        raise TypeError(f"{caller}: {brief(fn)} is no function; give {like}")
    core: Any = fn
    while isinstance(core, partial):
        core = core.func
    # What has no name is named by its class: its text may be another one in each process.
    name = getattr(core, "__qualname__", None) or f"{type(core).__qualname__} object"
    name = nameless(name).rpartition("<locals>.")[2]
    by_call: Any = getattr(core.__class__, "__call__", None)  # noqa: B004 -- how it is made counts
    if any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in (core, by_call)):
        raise TypeError(f"{caller}: {name} is an async function; give a plain one: {like}")
    if inspect.isgeneratorfunction(core):
        raise TypeError(f"{caller}: {name} has a `yield`; give a plain function: {like}")
    try:
        inspect.signature(fn).bind()
    except TypeError as error:
        raise TypeError(f"{caller}: {name} cannot be called without arguments: {error}") from None
    except ValueError:
        pass  # a callable that does not say what it takes
    code = getattr(core, "__code__", None)
    return name if code is None else f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})"


def called(caller: str, fn: Callable[[], Any], name: str) -> Any:
    """Call a plain function, by no task, and return what it returns.

    Raises:
        TypeError: that is something to await.
    """
    with by_nobody():
        value = fn()
    if is_to_await(value):
        raise TypeError(f"{caller}: {name} returned {brief(value)}, which is to be awaited; give a plain function")
    return value


def is_to_await(value: Any) -> bool:
    """Return whether a value is to be awaited, which nobody is going to do: a coroutine is closed."""
    if inspect.iscoroutine(value):
        value.close()
    return inspect.isawaitable(value)


@contextmanager
def by_nobody() -> Generator[None]:
    """Let what is called meanwhile be called by no task: between two steps, Trio may still have the last one for the current one."""
    held: dict[str, Any] = trio_run.GLOBAL_RUN_CONTEXT.__dict__
    last = held.pop("task", None)
    try:
        yield
    finally:
        if last is not None:
            held["task"] = last
