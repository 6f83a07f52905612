"""Asking many at once."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, overload

import trio

from ._bundled import BundledAsks
from ._checks import check_flag, check_seconds
from ._errors import Refused, StartupFailed
from ._place import Place
from ._poll import Poll
from ._ref import ActorRef
from ._refusals import raise_refusal
from ._request import Asked, Request, make_asked
from ._slot import Slot

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
    requests: Iterable[tuple[ActorRef[Any], Request[R]]],
    *surplus: object,
    timeout: float | None = None,
    return_errors: bool = False,
) -> Any:
    """Send many requests at once and wait for all their answers; as `ref.ask` of each in a nursery, without a task for each.

    All are sent in one step, before any is handled; who gets several gets them together, and handles them in their order. One that finds its mailbox
    full with the policy "wait" waits for room, first come, first served, and holds up none of the others.

    By default the first error is raised as it is, the same that `ref.ask` would raise, and the rest is given up: what has not begun is not
    executed and becomes a dead letter, a late answer is dropped. It is no exception group, as there never is a second error: `except AskTimeout`
    does here what it does around one ask. The error's `path` and `message` say which request it was.

    Args:
        requests: pairs of a ref and a request for it, any number of them to the same actor; read once, before anything is sent. One request to
            many is `[(ref, request) for ref in refs]`.
        surplus: takes nothing; a request or an option that stands there is refused with the way to say it.
        timeout: seconds for all of them together; None means none of their own. Within the handling of an ask with a deadline, that deadline
            bounds these.
        return_errors: True puts the error of a request (what `ref.ask` would raise: `ActorCrashed`, `AskTimeout`, …) where its answer would
            be, and the others go on. An actor's answer that is itself an exception looks the same. `Deadlock` is raised all the same.

    Returns:
        The answers, in the order of the requests; empty if there are none.

    Checkpoint: always. Cancellation: as `ref.ask`, for each that has no answer yet.

    Cost: a few microseconds for each; ten thousand at once keep Trio's other tasks waiting for some milliseconds while they are sent.

    Raises:
        TypeError: `requests` holds something else than such pairs, or something stands beside it. ValueError: `timeout` is no number of
            seconds from 0. Nothing was sent.
        ActorStopping, ActorStopped, StartupFailed: nobody will answer one of them. If that is so from the start, nothing was sent.
        Deadlock: one of them closes a cycle of actors that each wait in their own turn; at once, and nothing was sent.
        AskTimeout: not all were answered in time; the first that was not is named.
        ActorCrashed, TurnInterrupted, NoReply, MailboxFull: as `ref.ask`.
    """
    if surplus:
        raise TypeError(
            f"ask_many: {surplus[0]!r} stands beside the requests; give pairs: one request to many is"
            " `ask_many([(ref, request) for ref in refs])`, and the options have names"
        )
    if timeout is not None:
        check_seconds("ask_many: timeout", timeout)
    check_flag("ask_many: return_errors", return_errors)
    poll = Poll(returns_errors=return_errors)
    try:
        # Not before all have been read: that may run code of the caller's, which may end whom it asks.
        for ref, asked in _read(requests, poll):
            with _refusals(asked, are_kept=return_errors):
                ref._admit("mail", asked.message)  # noqa: SLF001 -- it belongs to refs
        for each in [*poll.asks]:
            if not each.target.is_open:
                for asked in each.make_unsent() if isinstance(each, BundledAsks) else [each]:
                    if not asked.done:
                        with _refusals(asked, are_kept=return_errors):
                            raise_refusal(asked.target, "mail", asked.message)
        return await poll.ask(timeout)
    finally:
        poll.let_go()


def _read(requests: Any, poll: Poll) -> list[tuple[ActorRef[Any], Asked]]:
    """Have a poll hold all requests, those to one actor in a bundle if nothing speaks against it; return those by pinned refs. Sends nothing."""
    task, asker, asks, values = poll.task, poll.asker, poll.asks, poll.values
    pinned: list[tuple[ActorRef[Any], Asked]] = []
    #: by whom they are for: what the next one may go into.
    bundles: dict[Slot, BundledAsks] = {}
    count = 0
    for pair in _each_of(requests):
        kind: type = pair.__class__
        if (kind is not tuple and not issubclass(kind, tuple)) or len(pair) != 2:  # noqa: PLR2004 -- a pair
            raise TypeError(f"ask_many: number {count} is {pair!r}; give pairs (ref, request)")
        ref: Any
        request: Any
        ref, request = pair
        kind = ref.__class__
        if kind is not Place and not issubclass(kind, ActorRef):
            raise TypeError(f"ask_many: number {count} is for {ref!r}, which is no ActorRef; give pairs (ref, request)")
        values.append(request)
        slot = ref._slot  # noqa: SLF001 -- it belongs to refs
        bundle = bundles.get(slot)
        if not slot.fast or ref._pinned:  # noqa: SLF001
            bundles.pop(slot, None)  # what comes after this goes after it
            asked = make_asked(request, task, slot, asker)
            poll.adopt(asked, count)
            if ref._pinned:  # noqa: SLF001
                asked.incarnation = ref._pinned  # noqa: SLF001
                pinned.append((ref, asked))
        elif bundle is None:
            bundles[slot] = bundle = BundledAsks()  # here, and not by a call, as there may be one for each request
            bundle.poll = poll
            bundle.target = slot
            bundle.values = values
            bundle.places = (count,)  # no list, as that would be one more for the garbage collector
            bundle.at = bundle.first = 0
            asks.append(bundle)
        elif isinstance(bundle.places, list):
            bundle.places.append(count)
        else:
            bundle.places = [*bundle.places, count]
        count += 1
    poll.left = count
    return pinned


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
