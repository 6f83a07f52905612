"""Approval: asking somebody whether a call may be made. Whoever does not say yes has said no."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Any

import attrs
import trio

from ._call import Call
from ._plan import Traits
from ._ref import ActorRef
from ._request import Request
from ._texts import describe, format_seconds


@attrs.frozen
class ApprovalRequest(Request[bool]):
    """Ask whether a call may be made; True approves, and nothing else does.

    Attributes:
        path: the actor that wants to make it.
        call: as it was given.
        arguments: by name; these are the ones that it will run with.
        traits: what the call is.
        doubt: why nothing is known of it, if its tool could not say what it is; "" otherwise.
    """

    path: str
    call: Call
    arguments: Mapping[str, Any]
    traits: Traits
    doubt: str = ""


#: who is asked: a function of the request, async or not, or an actor, by `ask`.
Approver = Callable[[ApprovalRequest], bool | Awaitable[bool]] | ActorRef[Any]


def check_approver(approver: object) -> None:
    """Raise TypeError unless something can be asked, or is None."""
    if not (approver is None or isinstance(approver, ActorRef) or callable(approver)):
        raise TypeError(f"dispatch: approver is {approver!r}; give a function, or the ref of an actor")


async def find_denial(approver: Approver | None, request: ApprovalRequest, timeout: float | None) -> str:
    """Ask an approver; return why the call is denied, "" if it is approved. Never raises an Exception.

    Checkpoint: only when the approver does. Cancellation: the question is withdrawn, as an ask's.
    """
    if approver is None:
        return "it needs approval, and there is nobody to ask"
    answer: Any = None
    try:
        with trio.move_on_after(inf if timeout is None else timeout) as limit:
            answer = await _ask(approver, request)
    except Exception as error:  # noqa: BLE001 -- who fails to answer, in whatever way, has not said yes
        return f"it needs approval, and the approver failed: {describe(error)}"
    if limit.cancelled_caught:
        assert timeout is not None
        return f"it needs approval, and the approver did not answer within {format_seconds(timeout)}"
    if answer is True:
        return ""
    if answer is False:
        return "the approver said no"
    return f"the approver answered with a {type(answer).__name__}; only True is a yes"


@trio.lowlevel.disable_ki_protection
async def _ask(approver: Approver, request: ApprovalRequest) -> Any:
    if isinstance(approver, ActorRef):
        return await approver.ask(request)
    answer: Any = approver(request)
    return await answer if inspect.isawaitable(answer) else answer
