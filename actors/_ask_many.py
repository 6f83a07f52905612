"""Asking many at once."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, overload

import trio

from ._checks import check_seconds
from ._errors import Refused, StartupFailed
from ._poll import Poll
from ._ref import ActorRef
from ._refusals import raise_refusal
from ._request import Asked, Request, make_asked

R = TypeVar("R")


@overload
async def ask_many(
    requests: Iterable[tuple[ActorRef[Any], Request[R]]],
    *,
    timeout: float | None = None,
    return_errors: Literal[False] = False,
) -> list[R]: ...


@overload
async def ask_many(
    requests: Iterable[tuple[ActorRef[Any], Request[R]]], *, timeout: float | None = None, return_errors: bool
) -> list[R | Exception]: ...


@trio.lowlevel.enable_ki_protection
async def ask_many(
    requests: Iterable[tuple[ActorRef[Any], Request[R]]], *, timeout: float | None = None, return_errors: bool = False
) -> Any:
    """Send many requests at once and wait for all their answers; as `ref.ask` of each in a nursery, without a task for each.

    All are sent in one step, in order, before any is handled; who gets several handles them in that order. One that finds its mailbox full with
    the policy "wait" waits for room, first come, first served, and holds up none of the others.

    By default the first error is raised as it is, the same that `ref.ask` would raise, and the rest is given up: what has not begun is not
    executed and becomes a dead letter, a late answer is dropped. It is no exception group, as there never is a second error: `except AskTimeout`
    does here what it does around one ask. The error's `path` and `message` say which request it was.

    Args:
        requests: pairs of a ref and a request for it, any number of them to the same actor; read once, before anything is sent. One request to
            many is `[(ref, request) for ref in refs]`.
        timeout: seconds for all of them together; None means none of their own. Within the handling of an ask with a deadline, that deadline
            bounds these.
        return_errors: True puts the error of a request (what `ref.ask` would raise: `ActorCrashed`, `AskTimeout`, …) where its answer would
            be, and the others go on. An actor's answer that is itself an exception looks the same. `Deadlock` is raised all the same.

    Returns:
        The answers, in the order of the requests; empty if there are none.

    Checkpoint: always. Cancellation: as `ref.ask`, for each that has no answer yet.

    Cost: a few microseconds for each; ten thousand at once keep Trio's other tasks waiting for some milliseconds while they are sent.

    Raises:
        TypeError: `requests` holds something else than such pairs; nothing was sent. ValueError: `timeout` is no number of seconds from 0.
        ActorStopping, ActorStopped, StartupFailed: nobody will answer one of them. If that is so from the start, nothing was sent.
        Deadlock: one of them closes a cycle of actors that each wait in their own turn; at once, and nothing was sent.
        AskTimeout: not all were answered in time; the first that was not is named.
        ActorCrashed, TurnInterrupted, NoReply, MailboxFull: as `ref.ask`.
    """
    if timeout is not None:
        check_seconds("ask_many: timeout", timeout)
    if return_errors.__class__ is not bool:
        raise TypeError(f"ask_many: return_errors is {return_errors!r}; give True or False")
    poll = Poll(returns_errors=return_errors)
    task, asker, asks = poll.task, poll.asker, poll.asks
    pinned: list[tuple[ActorRef[Any], Asked]] = []
    for pair in _each_of(requests):
        kind: type = pair.__class__
        if (kind is not tuple and not issubclass(kind, tuple)) or len(pair) != 2:  # noqa: PLR2004 -- a pair
            raise TypeError(f"ask_many: number {len(asks)} is {pair!r}; give pairs (ref, request)")
        ref: Any
        request: Any
        ref, request = pair
        kind = ref.__class__
        if kind is not ActorRef and not issubclass(kind, ActorRef):
            raise TypeError(
                f"ask_many: number {len(asks)} is for {ref!r}, which is no ActorRef; give pairs (ref, request)"
            )
        asked = make_asked(request, task, ref._slot, asker)  # noqa: SLF001 -- it belongs to refs
        asked.poll = poll
        asks.append(asked)
        if ref._pinned:  # noqa: SLF001
            asked.incarnation = ref._pinned  # noqa: SLF001
            pinned.append((ref, asked))
    poll.left = len(asks)
    # Not before all have been read: that may run code of the caller's, which may end whom it asks.
    for ref, asked in pinned:
        with _refusals(asked, are_kept=return_errors):
            ref._admit("mail", asked.message)  # noqa: SLF001
    for asked in asks:
        if not (asked.target.is_open or asked.done):
            with _refusals(asked, are_kept=return_errors):
                raise_refusal(asked.target, "mail", asked.message)
    return await poll.ask(timeout)


def _each_of(requests: Any) -> Iterator[Any]:
    try:
        return iter(requests)
    except TypeError as error:
        raise TypeError(f"ask_many: {requests!r} is nothing to go through; give pairs (ref, request)") from error


@contextmanager
def _refusals(asked: Asked, *, are_kept: bool) -> Generator[None]:
    """Take a refusal as the answer, if errors are kept."""
    try:
        yield
    except (Refused, StartupFailed) as error:
        if not are_kept:
            raise
        asked.fail(error.with_traceback(None))
