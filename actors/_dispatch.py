"""Dispatching: many calls of one turn, batch by batch, and a result for each, whatever happens.

Why an object, and not just a function? Because a turn may be interrupted in the middle of it, and then a function returns nothing; but who keeps a
conversation with a model has to tell it what came of each call that it asked for. So the results live in the `Dispatch`, from its beginning: whoever
holds it can read them at any time, in a `finally`, or in the next turn.
"""

import inspect
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

import attrs
import trio

from ._actor import Actor
from ._approval import ApprovalRequest, Approver, check_approver, find_denial
from ._call import Call, CallKind, CallResult, read_arguments
from ._checks import check_seconds
from ._errors import CallRefused
from ._faults import is_only, members_of
from ._plan import Approval, Traits, plan_batches
from ._texts import describe, without_frames
from ._tool import Tool, find_tool, tools_by_name

if TYPE_CHECKING:
    from ._context import Context


@attrs.frozen
class _Item:
    """Hold a call as it is understood; without a tool it is not run."""

    tool: Tool | None = None
    arguments: dict[str, Any] = attrs.field(factory=dict[str, Any])
    traits: Traits = attrs.field(factory=Traits)
    doubt: str = ""


class Dispatch:
    """Make calls for an actor, in batches, and hold their results.

    Args:
        calls: what to do, in order.
        tools: what can be called; None takes what the actor's hook `tools(ctx)` returns when it is run.
        approver: who is asked about calls that need approval, where the tree's mode is "ask": a function of the `ApprovalRequest`, async or not,
            or a ref, which is asked it. True is a yes; anything else, an exception, a dead actor or nobody at all is a no.
        approval_timeout: seconds that one answer may take; None waits as long as the approver lives.

    Raises:
        TypeError: calls or approver are not what they have to be. ValueError: the timeout is not.
    """

    __slots__ = ("_approver", "_batches", "_begun", "_calls", "_done", "_items", "_results", "_timeout", "_tools")

    def __init__(
        self,
        calls: Iterable[Call],
        *,
        tools: Iterable[Tool] | None = None,
        approver: Approver | None = None,
        approval_timeout: float | None = None,
    ) -> None:
        self._calls = tuple(calls)
        for call in self._calls:
            if not isinstance(call, Call):
                raise TypeError(f"dispatch: {call!r} is no Call")
        check_approver(approver)
        if approval_timeout is not None:
            check_seconds("dispatch: approval_timeout", approval_timeout)
        self._tools = tools
        self._approver = approver
        self._timeout = approval_timeout
        self._begun = False
        self._done = False
        self._items: list[_Item] = []
        self._batches: tuple[range, ...] = ()
        self._results = [CallResult(call.id, call.tool, "not begun") for call in self._calls]

    @property
    def calls(self) -> tuple[Call, ...]:
        """What it was given."""
        return self._calls

    @property
    def results(self) -> list[CallResult]:
        """What has come of the calls by now: one for each, in their order; a copy. Final once `is_done`."""
        return list(self._results)

    @property
    def batches(self) -> tuple[range, ...]:
        """The plan, as ranges of positions; empty until it has been made."""
        return self._batches

    @property
    def is_done(self) -> bool:
        """True once the results are final: it has run to its end, or was interrupted."""
        return self._done

    @trio.lowlevel.enable_ki_protection
    async def run(self, ctx: "Context") -> list[CallResult]:
        """Make the calls: batch after batch, those of one batch at the same time.

        All tools are asked first what the calls are. Calls that are blocked, or not understood, are refused, and never run. A batch of one is run
        in the calling task, as is what is plain in a batch; asks from there are the actor's own (see `Deadlock`), those from other tasks are not.

        Returns:
            The results, in the order of the calls.

        Checkpoint: always. Cancellation: is passed on to what is running; `results` then tell which calls have ended, which were interrupted,
        and which had not begun.

        Raises:
            RuntimeError: it has been run before.
            InvalidSpec: the tools are not what they have to be, or two have one name; nothing was run.
            ActorStopped: the incarnation of this context is over; nothing was run.
            Whatever the hook `tools` raises; nothing was run. What tools raise is in the results.
        """
        if self._begun:
            raise RuntimeError(f"{self!r} has been run already; make a new one")
        self._begun = True
        try:
            slot = ctx._live()  # noqa: SLF001 -- the context's own door for its room
            await trio.lowlevel.checkpoint()
            mode = slot.runtime.approval
            tools = tools_by_name(_hook(slot.actor, ctx) if self._tools is None else self._tools)
            self._items = [self._understand(at, tools) for at in range(len(self._calls))]
            self._batches = tuple(plan_batches([item.traits for item in self._items], mode))
            for number, batch in enumerate(self._batches):
                if number:
                    await trio.lowlevel.checkpoint()
                if await self._is_let_through(batch.start, slot.path, mode):
                    await self._run_batch(batch, ctx)
        finally:
            self._close()
        return self.results

    def _understand(self, at: int, tools: dict[str, Tool]) -> _Item:
        """Find out what a call is. What cannot be understood is nothing that is allowed, and is refused where that is sure."""
        call = self._calls[at]
        try:
            tool = find_tool(call.tool, tools)
            arguments = read_arguments(call.arguments)
            traits = _traits(tool, arguments)
        except CallRefused as refusal:
            self._fail(at, refusal)
            return _Item()
        if isinstance(traits, str):
            return _Item(tool, arguments, doubt=traits)
        if traits.blocked:
            self._fail(at, CallRefused(f"this call of {call.tool!r} is blocked"))
            return _Item(traits=traits)
        return _Item(tool, arguments, traits)

    async def _is_let_through(self, at: int, path: str, mode: Approval) -> bool:
        """See to the approval of a batch, which is the one of its first call: what needs one stands alone."""
        item, call = self._items[at], self._calls[at]
        if item.tool is None:
            return False
        if mode == "auto" or not item.traits.needs_approval:
            return True
        if mode == "deny":
            denial = 'it needs approval, and the mode of this tree is "deny"'
        else:
            request = ApprovalRequest(path, call, item.arguments, item.traits, item.doubt)
            denial = await find_denial(self._approver, request, self._timeout)
        if denial:
            self._settle(at, "denied", cause=f"denied: {denial}")
        return not denial

    async def _run_batch(self, batch: range, ctx: "Context") -> None:
        """Run what is plain in one step, in order, and then the rest, all at once."""
        left: list[tuple[int, Awaitable[Any]]] = []
        try:
            for at in batch:
                self._begin(at, ctx, left)
            if len(left) == 1:
                await self._finish(*left.pop())
            elif left:
                async with trio.open_nursery() as nursery:
                    left.reverse()
                    while left:
                        at, rest = left.pop()
                        nursery.start_soon(self._finish, at, rest, name=f"{ctx.path} {self._calls[at].tool}")
        except BaseExceptionGroup as group:
            if not is_only(group, trio.Cancelled):
                raise
            raise _first_of(group) from None  # as if there had been one task: whoever looks for Cancelled finds it
        finally:
            for _, rest in left:
                if inspect.iscoroutine(rest):
                    rest.close()  # Ctrl-C, or SystemExit, came out of one that was plain

    def _begin(self, at: int, ctx: "Context", left: list[tuple[int, Awaitable[Any]]]) -> None:
        """Do what is plain of a call; what has to be awaited is left."""
        item = self._items[at]
        assert item.tool is not None
        self._settle(at, "running")
        try:
            value = _run(item.tool, item.arguments, ctx)
        except Exception as error:  # noqa: BLE001 -- whatever a tool raises is what came of its call
            self._fail(at, error)
            return
        if inspect.isawaitable(value):
            left.append((at, value))
        else:
            self._settle(at, "completed", value)

    @trio.lowlevel.enable_ki_protection
    async def _finish(self, at: int, rest: Awaitable[Any]) -> None:
        """Await the rest of a call."""
        try:
            value = await _awaited(rest)
        except Exception as error:  # noqa: BLE001 -- as in _begin
            self._fail(at, error)
        except BaseExceptionGroup as group:
            # Cancelled while something in it failed: the failure is the call's, the cancellation goes on.
            cancelled, failed = group.split(trio.Cancelled)
            own: Any = failed
            if cancelled is None or not isinstance(own, Exception):
                raise
            self._fail(at, own)
            raise cancelled from None
        else:
            self._settle(at, "completed", value)

    def _fail(self, at: int, error: Exception) -> None:
        kept = without_frames(error)
        kind: CallKind = "refused" if isinstance(error, CallRefused) else "errored"
        self._settle(at, kind, error=kept, cause=describe(error))

    @trio.lowlevel.enable_ki_protection
    def _settle(
        self, at: int, kind: CallKind, value: Any = None, *, error: BaseException | None = None, cause: str = ""
    ) -> None:
        call = self._calls[at]
        self._results[at] = CallResult(call.id, call.tool, kind, value, error, cause)

    @trio.lowlevel.enable_ki_protection
    def _close(self) -> None:
        """Make the results final, in one step, however it was left."""
        for at, result in enumerate(self._results):
            if result.kind == "running":
                self._settle(at, "interrupted", cause="interrupted while it ran; what it had done by then stays done")
            elif result.kind == "not begun":
                self._settle(at, "not begun", cause="not begun: what it was called in was interrupted before")
        self._done = True

    def __repr__(self) -> str:
        """Show how far it is."""
        state = "done" if self._done else "running" if self._begun else "not begun"
        return f"<Dispatch of {len(self._calls)} calls, {state}>"


def _first_of(error: BaseException) -> BaseException:
    members = members_of(error)
    return _first_of(members[0]) if members else error


# The doors to user code: Ctrl-C arrives in it, while it never falls between two steps of a dispatch.


@trio.lowlevel.disable_ki_protection
def _hook(actor: Any, ctx: "Context") -> Iterable[Tool]:
    return actor.tools(ctx) if isinstance(actor, Actor) else ()


@trio.lowlevel.disable_ki_protection
def _traits(tool: Tool, arguments: dict[str, Any]) -> Traits | str:
    """Ask a tool what a call is; returns why it could not say, if it could not."""
    try:
        traits: object = tool.traits(arguments)
        if isinstance(traits, Traits):
            return traits
        return f"its tool said that it is a {type(traits).__name__}, which is no Traits"
    except CallRefused:
        raise
    except Exception as error:  # noqa: BLE001 -- a tool that cannot say what a call is has said nothing that is allowed
        return f"its tool could not say what it is: {describe(error)}"


@trio.lowlevel.disable_ki_protection
def _run(tool: Tool, arguments: dict[str, Any], ctx: "Context") -> Any:
    return tool.run(arguments, ctx)


@trio.lowlevel.disable_ki_protection
async def _awaited(rest: Awaitable[Any]) -> Any:
    return await rest
