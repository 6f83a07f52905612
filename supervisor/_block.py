"""A block that Ctrl-C cannot split: it falls into the body, or before or after, and never halfway in or out."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from types import TracebackType
from typing import Generic, ParamSpec, TypeVar

import trio

P = ParamSpec("P")
T = TypeVar("T")


class _Block(AbstractAsyncContextManager[T], Generic[T]):
    """Enter and leave with Ctrl-C held back; the frames of contextlib in between are covered by these two."""

    def __init__(self, manager: AbstractAsyncContextManager[T]) -> None:
        self._manager = manager

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> T:
        return await self._manager.__aenter__()

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> bool | None:
        return await self._manager.__aexit__(kind, error, where)


def protected_block(function: Callable[P, AsyncGenerator[T]]) -> Callable[P, AbstractAsyncContextManager[T]]:
    """Make an async context manager of an async generator function, as contextlib does, but one that holds tasks safely.

    A block that holds a nursery must be left whole: a task that outlived it would be an internal error of Trio.
    """
    make = asynccontextmanager(trio.lowlevel.enable_ki_protection(function))

    @wraps(function)
    def open_block(*args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[T]:
        return _Block(make(*args, **kwargs))

    return open_block
