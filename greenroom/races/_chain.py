"""Chains: what a task awaits, from its outermost coroutine inwards."""

import gc
from collections.abc import Callable
from types import AsyncGeneratorType, CodeType
from typing import Any, Final

#: What steps of async generators are awaited as; they have no public names.
STEPS: Final = ("async_generator_asend", "async_generator_athrow", "anext_awaitable")


def awaited(coroutine: Any, is_own: Callable[[CodeType], bool]) -> tuple[list[CodeType], Any]:
    """Return the code of what a task is in that nobody answers for, and what the innermost of it awaits; None if that is nothing."""
    codes: list[CodeType] = []
    passed: list[CodeType] = []
    found: Any = None
    at = coroutine
    while at is not None:
        code = getattr(at, "cr_code", None) or getattr(at, "gi_code", None) or getattr(at, "ag_code", None)
        if code is not None:
            passed.append(code)
            if not is_own(code):
                codes, found = list(passed), None
            elif found is None:
                found = at
        at = _inner(at)
    return codes, found


def _inner(at: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(at, name):
            return getattr(at, name)
    # What a step of an async generator is awaited as shows it to nobody but the garbage collector.
    inner: list[Any] = [
        each for each in gc.get_referents(at) if isinstance(each, AsyncGeneratorType) or type(each).__name__ in STEPS
    ]
    return inner[0] if len(inner) == 1 else None
