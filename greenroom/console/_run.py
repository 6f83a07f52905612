"""Running a plan: the tree, its screen, and what becomes of the process."""

import json
import os
import traceback
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, cast

import attrs
import cattrs
import trio

from .. import (
    ActorStopped,
    ChildEnded,
    ChildNotFound,
    ChildStartupFailed,
    ExitReason,
    Finished,
    InvalidSpec,
    Scheduling,
    Supervisor,
    open_supervisor,
)
from ..actors import error_of, is_failure, text_of
from ..inspector import SocketRefused
from ..inspector._open import serve_endpoint
from ..inspector._socket import Endpoint, check_path
from ..treefile._plan import Plan
from ._memory import Memory
from ._pace import Pace
from ._screen import Screen
from ._signals import Signals, kill_children, signals_heard

FINE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
#: Seconds between two looks when nothing changes: what is stale becomes so by time alone.
TICK: Final = 0.1
#: Seconds of real time that a step may take before it is told as one that holds up all others.
STALL_AFTER: Final = 5.0


@attrs.define
class Outcome:
    """Tell how a run ended.

    Attributes:
        code: the exit status.
        result: of the main child, if it finished.
        errors: what went wrong, to be told at the end.
        error: the exception behind it, if there is one.
    """

    code: int = FINE
    result: Any = None
    errors: list[str] = attrs.field(factory=list[str])
    error: BaseException | None = None


async def run_plan(plan: Plan, screen: Screen, inspect: str | None = None) -> Outcome:
    """Run a tree until it has ended, is told to end, or can no longer be shown.

    With `inspect`, a socket is opened at that path before anything is started, by which it can be looked at.

    Checkpoint: always. Cancellation: ends the tree, in order.
    """
    outcome = Outcome()
    scope = trio.CancelScope()

    def react(signals: Signals) -> None:
        first = signals.received[0].name
        name = "Ctrl-C" if first == "SIGINT" else first
        again = len(signals.received) > 1
        text = "still stopping; once more breaks it off" if again else f"{name}: stopping the tree"
        screen.say("greenroom", text, "warning")
        scope.cancel(reason=name)

    def break_off(signals: Signals) -> None:
        screen.__exit__(None, None, None)
        kill_children()
        os._exit(signals.exit_code or FAILED)

    screen.on_lost = scope.cancel
    with signals_heard(react, break_off) as signals, scope:
        await _run_shown(plan, screen, outcome, inspect)
    if signals.exit_code is not None:
        outcome.code = signals.exit_code
    elif screen.lost is not None:
        outcome.code = FAILED
        if not isinstance(screen.lost, BrokenPipeError):
            outcome.errors.append(f"the output cannot be written: {screen.lost}")
    return outcome


async def _run_shown(plan: Plan, screen: Screen, outcome: Outcome, inspect: str | None) -> None:
    """Run the tree, with somebody who watches it to its very end."""
    try:
        endpoint = None if inspect is None else Endpoint(check_path(inspect))
    except SocketRefused as error:
        outcome.code = USAGE
        outcome.errors.append(f"--inspect: {error.path!r} {error.why}")
        return
    watching = trio.CancelScope(shield=True)
    tree: Supervisor | None = None
    memory: Memory | None = None

    async with trio.open_nursery() as nursery:

        def begin(root: Supervisor) -> None:
            nonlocal tree, memory
            tree, memory = root, Memory(root)
            nursery.start_soon(_watch, root, memory, screen, watching, endpoint)

        try:
            async with open_supervisor(
                plan.name,
                strategy=plan.strategy,
                intensity=plan.intensity,
                auto_shutdown=plan.auto_shutdown,
                start_retry=plan.start_retry,
                limits=plan.limits,
                children=plan.children,
                unread=plan.unread,
                approval=plan.approval,
                scheduling=Scheduling(stall_after=STALL_AFTER),
                on_open=begin,
            ) as root:
                if plan.main is None:
                    await root.wait_stopped()
                else:
                    _judge_main(root, plan.main, await _wait_main(root, plan.main), outcome)
        except ActorStopped:
            # While it was still starting, significant children have ended the tree.
            if plan.main is not None and tree is not None:
                _judge_main(tree, plan.main, await _wait_main(tree, plan.main), outcome)
        except Exception as error:  # noqa: BLE001 -- told to the user, by its text
            _note(outcome, error, _lines(error))
        finally:
            watching.cancel()
            if endpoint is not None and tree is None:
                endpoint.close()
            if memory is not None:
                memory.look()
                screen.show(memory)


async def _watch(
    root: Supervisor, memory: Memory, screen: Screen, watching: trio.CancelScope, endpoint: Endpoint | None
) -> None:
    """Show what changes, until told that it is enough. Shielded: a tree that is being stopped is worth looking at."""

    async def follow() -> None:
        pace = Pace()
        async with root.subscribe() as feed:
            async for info in feed:
                began = trio.current_time()
                memory.update(info)
                screen.show(memory)
                await trio.sleep(pace.rest_after(trio.current_time() - began))

    with watching:
        async with AsyncExitStack() as stack:
            if endpoint is not None:
                await stack.enter_async_context(serve_endpoint(root, endpoint))
            nursery = await stack.enter_async_context(trio.open_nursery())
            nursery.start_soon(follow)
            pace = Pace()
            while True:
                began = trio.current_time()
                memory.look()
                screen.show(memory)
                await trio.sleep(max(TICK, pace.rest_after(trio.current_time() - began)))


async def _wait_main(root: Supervisor, main: str) -> ExitReason | None:
    """Wait for the end of the child that the run is about. Its report counts as read: how it ended is told as the end of the run."""
    reason: ExitReason | None = None
    try:
        child = root.lookup(main)
    except ChildNotFound:
        await trio.lowlevel.checkpoint()  # a temporary one that has ended already: what is left of it is its report
    else:
        reason = await child.wait_stopped()
    left = _what_is_left(root, main)
    return left if reason is None else reason


def _what_is_left(root: Supervisor, main: str) -> ExitReason | None:
    """Return how it ended, as its supervisor was told; if that is gone too, as the records have it."""
    path, above = f"{root.path}/{main}", main.rpartition("/")[0]
    with suppress(ChildNotFound):
        supervisor = root.lookup_supervisor(above) if above else root
        last = supervisor.reports.take_last_about(path)
        if isinstance(last, ChildEnded | ChildStartupFailed):
            return last.reason
    return next((each.reason for each in reversed(root.ended) if each.path == path), None)


def _judge_main(root: Supervisor, name: str, reason: ExitReason | None, outcome: Outcome) -> None:
    if isinstance(reason, Finished):
        outcome.result = reason.result
    elif reason is not None and is_failure(reason):
        _note(outcome, error_of(reason), [f"{root.path}/{name}: {text_of(reason)}"])


def _note(outcome: Outcome, error: BaseException | None, lines: list[str]) -> None:
    outcome.error = error
    invalid = next((each for each in _behind(error) if isinstance(each, InvalidSpec)), None)
    outcome.code = FAILED if invalid is None else USAGE
    outcome.errors += lines if invalid is None else [str(invalid)]


def _lines(error: BaseException) -> list[str]:
    """Return what an exception says: of a group, what its members say."""
    members = _members(error)
    if members:
        return [line for each in members for line in _lines(each)]
    return [str(error) or type(error).__name__]


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an exception and all that it was raised for."""
    open_, known = [error], set[int]()
    while open_:
        at = open_.pop()
        if at is None or id(at) in known:
            continue
        known.add(id(at))
        yield at
        open_ += [*_members(at), at.__cause__, getattr(at, "error", None)]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return cast("BaseExceptionGroup[BaseException]", error).exceptions if isinstance(error, BaseExceptionGroup) else ()


def rendered(result: Any) -> str:
    """Return a result as text: a string as it is, all else as JSON."""
    if isinstance(result, str):
        return result
    try:
        return json.dumps(cattrs.unstructure(result), indent=2, default=repr, ensure_ascii=False)
    except Exception:  # noqa: BLE001 -- whatever a result is made of, there is something to show
        return repr(result)


def traceback_of(error: BaseException) -> str:
    """Return an exception as Python would show it."""
    return "".join(traceback.format_exception(error))
