"""Opening a tree: the nurseries that hold it, and how its end and the block's end meet."""

import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, Literal

import attrs
import trio

from ..actors import (
    APPROVALS,
    END,
    INITIALIZING,
    NO_ORDER,
    QUEUED,
    READY,
    STOP,
    STOPPING,
    ActorStopped,
    Approval,
    ChildEnded,
    ChildStartupFailed,
    Escalated,
    ExitReason,
    InvalidSpec,
    Report,
    RunQueue,
    Runtime,
    Shutdown,
    Slot,
    StartupFailed,
    descendants,
    error_of,
    finalize,
    log_of,
    looked_out,
    make_slot,
    order_end,
)
from ..mailbox import is_count, is_seconds, shown
from ._backoff import Backoff
from ._block import protected_block
from ._childspec import ChildSpec
from ._intensity import Intensity
from ._launch import LaunchGate
from ._limits import Limits
from ._options import check_name
from ._plan import Plan
from ._policy import SUPERVISORS_ERRORS, ChildPolicy
from ._reading import check_plan, read_plan
from ._starter import Starter
from ._strategy import AutoShutdown, Strategy
from ._supervisor import Supervisor
from ._supervisor_actor import SupervisorActor
from ._supervisorspec import SupervisorSpec
from ._team import make_team

logger = logging.getLogger("greenroom")

UNREADS = ("log", "raise")
ROOT_POLICY = ChildPolicy(restart="temporary", shutdown=None, startup_timeout=None, on_error=SUPERVISORS_ERRORS)


@attrs.frozen(kw_only=True)
class Scheduling:
    """Say how plain actors share their tasks. The defaults are measured; change them to explore schedules.

    Args:
        run_queue: holds the slots that want to run; a `deque`, or an explorer's.
        per_activation: messages an actor handles before others have their turn.
        per_turn: messages before Trio's other tasks have theirs. Two turns may follow one another between two steps of another task, as Trio mixes
            its batches; so many are some 30 microseconds of the shortest handlers.
        time_slice: seconds of real time before Trio's other tasks have theirs.
        stall_after: seconds of real time after which a step that has not come to an end is told in the log, as a warning that names the actor and
            where it is: again after twice as long, and so on, and when it has gone on. A handler that never waits holds up all of Trio, and only
            another thread can see it: there is one while the tree is open. None: there is none. Not where schedules are explored.
    """

    run_queue: RunQueue | None = None
    per_activation: int = 64
    per_turn: int = 64
    time_slice: float = 0.001
    stall_after: float | None = None

    def __attrs_post_init__(self) -> None:
        """Check the numbers."""
        problems = [
            f"{field}: {shown(getattr(self, field))} is not a whole number from 1"
            for field in ("per_activation", "per_turn")
            if not is_count(getattr(self, field))
        ]
        if not is_seconds(self.time_slice, above_zero=True):
            problems.append(f"time_slice: {shown(self.time_slice)} is not a number of seconds above 0")
        if self.stall_after is not None and not is_seconds(self.stall_after, above_zero=True):
            problems.append(f"stall_after: {shown(self.stall_after)} is not a number of seconds above 0, or None")
        if problems:
            raise InvalidSpec("; ".join(f"Scheduling.{problem}" for problem in problems))


@protected_block
async def open_supervisor(
    name: str,
    *,
    strategy: Strategy = "one_for_one",
    intensity: Intensity | None = None,
    auto_shutdown: AutoShutdown = "never",
    max_children: int | None = None,
    start_retry: Backoff | None = None,
    limits: Limits | None = None,
    children: Iterable[ChildSpec | SupervisorSpec] = (),
    unread: Literal["log", "raise"] = "log",
    approval: Approval = "ask",
    scheduling: Scheduling | None = None,
    on_open: Callable[[Supervisor], object] | None = None,
) -> AsyncGenerator[Supervisor]:
    """Open a tree of supervised actors; leaving the block stops it, in order.

    Entering waits until all declared children with `startup="inline"` are ready. Leaving stops what runs, and returns when nothing is left: no
    task, no slot, no child process of a service. A cancellation from outside becomes a kill of the whole tree, in order.

    Args:
        name: the first part of all paths: 1 to 64 of a-z, 0-9, _ and -.
        strategy: whom a failed child's restart takes along: "one_for_one" (nobody), "one_for_all" (all), "rest_for_one" (those after it), "dynamic"
            (nobody; any number of children that are started at run time, in no order).
        intensity: how many restarts it bears; the default is 3 in 5 s.
        auto_shutdown: "any_significant" or "all_significant" children that end by themselves, for good, end it; or "never".
        max_children: how many children a dynamic one may have at once; None: any number.
        start_retry: how its start is tried again when an inline child fails to start; None: it is not.
        limits: of the whole tree.
        children: declared children, started in order.
        unread: what to do at the end about reported failures that nobody has read: "log" them as errors, or "raise" them.
        approval: what a dispatched call that needs approval needs: "ask" the dispatch's approver, "auto" nothing, "deny": it is not made.
        scheduling: how plain actors share their tasks.
        on_open: called once with what the block is going to get, before any child is there: to watch the inline ones start.

    Checkpoint: always, on the way in and out. Cancellation: kills the tree, in order, within the children's shutdown times.

    Raises:
        InvalidSpec: all that is wrong with the arguments and below them, a line each; nothing has been started.
        StartupFailed: a declared inline child failed to start; what had started was stopped again.
        ActorStopped: the tree ended before the block began: whoever was handed it by `on_open` has told it to, or its automatic shutdown was due.
        ExceptionGroup: the tree gave up (its body was cancelled), with all causes and the body's error, if any.
        A body's own exception leaves as it is, if the tree did not fail.
    """
    flags = {
        "strategy": strategy,
        "intensity": intensity,
        "auto_shutdown": auto_shutdown,
        "max_children": max_children,
        "start_retry": start_retry,
    }
    problems = _own_problems(name, limits, unread, approval, scheduling, on_open)
    if problems:
        check_plan(flags, children, problems=problems)
    limits = limits or Limits()
    scheduling = scheduling or Scheduling()
    starter = Starter(limits, SupervisorActor)
    gate = LaunchGate(limits.max_concurrent_startups)
    runtime = Runtime(
        launcher=gate,
        children=starter,
        make_family=make_team,
        run_queue=scheduling.run_queue,
        per_activation=scheduling.per_activation,
        per_turn=scheduling.per_turn,
        time_slice=scheduling.time_slice,
        wait_bounds=limits.wait_bounds,
        max_running_turns=limits.max_running_turns,
        approval=approval,
        reap_times=limits.reap_times,
        max_live=limits.max_live,
    )
    gate.runtime = starter.runtime = runtime
    gate.choices = runtime.choices
    root = _make_root(runtime, name, starter, read_plan(flags, children, runtime.blueprint))
    starter.root = root
    tree = _Tree(runtime, root, scheduling.stall_after if runtime.choices is None else None)
    body_error: BaseException | None = None
    entered = False
    if on_open is not None:
        on_open(Supervisor(root, starter))
    async with trio.open_nursery() as outer:
        outer.start_soon(tree.host, outer)
        try:
            await tree.wait_started()
            if not root.has_ended:
                with trio.CancelScope() as tree.body:
                    if isinstance(root.reason, Escalated) or runtime.fatal:
                        tree.body.cancel()
                    entered = True
                    yield Supervisor(root, starter)
        except BaseException as error:  # noqa: BLE001 -- raised below, once the tree has been stopped
            body_error = error
        tree.body = None
        # A body that left by a cancellation, or by Ctrl-C, is in a hurry.
        hurried = body_error is not None and not isinstance(body_error, Exception)
        order_end(root, END if hurried else STOP, by="tree")
        with trio.CancelScope(shield=True):  # meanwhile the guard looks out for a cancellation
            await tree.wait_ended()
        tree.over.set()
    _raise_outcome(tree, body_error, unread)
    await trio.lowlevel.checkpoint_if_cancelled()
    if not entered:
        raise ActorStopped(root.path, None, _why_not_entered(root.reason))


def _why_not_entered(reason: ExitReason | None) -> str:
    """Say why a tree that did start has no block."""
    if isinstance(reason, Shutdown) and reason.detail is not None:  # its own: nobody who tells it to end gives one
        return f"the tree ended before its block began: {reason.detail}; start who may end so early in the block, or not as significant"
    return "the tree was told to end before its block began"


def _own_problems(  # noqa: PLR0917 -- what `open_supervisor` is given besides the plan
    name: Any, limits: Any, unread: Any, approval: Any, scheduling: Any, on_open: Any
) -> list[str]:
    """Say all that is wrong with what the tree is opened with, besides its plan."""
    problems: list[str] = []
    try:
        check_name(name)
    except InvalidSpec as error:
        problems.append(str(error))
    for what, value, known in (("unread", unread, UNREADS), ("approval", approval, APPROVALS)):
        if not isinstance(value, str) or value not in known:
            words = [repr(each) for each in known]
            problems.append(f"{what} is {shown(value)}; give {', '.join(words[:-1])} or {words[-1]}")
    for what, value, kind in (("limits", limits, Limits), ("scheduling", scheduling, Scheduling)):
        if value is not None and not isinstance(value, kind):
            problems.append(f"{what} is {shown(value)}; give {kind.__name__}(...)")
    if on_open is not None and not callable(on_open):
        problems.append(f"on_open is {shown(on_open)}; give a function of the supervisor")
    return [f"open_supervisor: {problem}" for problem in problems]


def _make_root(runtime: Runtime, name: str, starter: Starter, plan: Plan) -> Slot:
    blueprint = runtime.blueprint(SupervisorActor)
    root = make_slot(runtime, None, name, runtime.next_uid, SupervisorActor, (starter, plan), blueprint, ROOT_POLICY)
    make_team(root, plan)
    runtime.next_uid += 1
    return root


class _Tree:
    """Hold what the block and the tree's tasks share."""

    def __init__(self, runtime: Runtime, root: Slot, stall_after: float | None) -> None:
        self.runtime = runtime
        self.root = root
        self.stall_after = stall_after
        self.body: trio.CancelScope | None = None
        self.over = trio.Event()
        #: the block was cancelled from outside: that passes, and failures of the tree are only logged.
        self.was_cancelled = False
        runtime.on_fatal = self.abort

    def abort(self) -> None:
        """Kill the tree, in order: Ctrl-C or SystemExit has come up in one of its actors."""
        order_end(self.root, END, by=type(self.runtime.fatal[0]).__name__)
        if self.body is not None:
            self.body.cancel()

    @trio.lowlevel.enable_ki_protection
    async def host(self, outer: trio.Nursery) -> None:
        """Hold all tasks of the tree, out of reach of cancellation from outside."""
        runtime, root = self.runtime, self.root
        try:
            with trio.CancelScope(shield=True), looked_out(self.stall_after):
                async with trio.open_nursery() as stage:
                    runtime.nursery = stage
                    stage.start_soon(runtime.deadlines.run, name="greenroom deadlines")
                    if root.order is NO_ORDER:
                        runtime.launch(root)
                    else:
                        runtime.pool.enqueue(root)  # told to end before it began
                    outer.start_soon(self.guard, name="greenroom guard")
                    try:
                        await self.wait_ended()
                    except trio.Cancelled:
                        runtime.tear_down()
                        raise
                    runtime.pool.close()
                    stage.cancel_scope.cancel()
        finally:
            self._bury_all()
            runtime.reaper.close()
            runtime.dead_letters.close()
            runtime.registry.close()
            runtime.groups.close()

    def _bury_all(self) -> None:
        """End what an exception that is nobody's (Ctrl-C, SystemExit) left standing: its tasks are gone."""
        for slot in [*reversed(descendants(self.root)), self.root]:
            if not slot.has_ended:
                slot.own_passage().order = END
                slot.reason = slot.reason or Shutdown("the tree was torn down")
                slot.own_passage().by = slot.by or "tree"
                if slot.life is not STOPPING:
                    slot.life = STOPPING
                finalize(slot)
        self.runtime.flush_log()

    @trio.lowlevel.enable_ki_protection
    async def guard(self) -> None:
        """Turn a cancellation from outside into a kill of the tree, in order; once that has ended, the block lets the cancellation pass."""
        try:
            await self.over.wait()
        except trio.Cancelled:
            self.was_cancelled = True
            order_end(self.root, END, by="a cancellation from outside")

    async def wait_started(self) -> None:
        """Wait until the root is ready, or has failed to be."""
        root = self.root
        while root.life in (INITIALIZING, QUEUED):
            await root.changed()
        while root.life is not READY and not root.has_ended:
            await root.changed()

    async def wait_ended(self) -> None:
        """Wait until the root has ended; a root that gives up cancels the body as soon as it knows."""
        root = self.root
        while True:
            if isinstance(root.reason, Escalated) and self.body is not None:
                self.body.cancel()
            if root.has_ended:
                return
            await root.changed()


def _raise_outcome(tree: _Tree, body_error: BaseException | None, unread: str) -> None:
    """Let the block end as its tree and its body did."""
    root = tree.root
    reason = root.reason
    failures = _tree_failures(root, unread)
    if tree.runtime.fatal:
        all_of_them = [*tree.runtime.fatal, *failures, *([] if body_error is None else [body_error])]
        raise (
            all_of_them[0] if len(all_of_them) == 1 else BaseExceptionGroup(f"the tree {root.path} failed", all_of_them)
        )
    if isinstance(body_error, Exception):
        failures.append(body_error)
        if len(failures) == 1:
            raise body_error
    elif body_error is not None or tree.was_cancelled:
        # Cancelled, Ctrl-C or SystemExit: it passes as it is.
        for failure in failures:
            logger.error("%s failed while its block was being left: %r", root.path, failure, extra={"path": root.path})
        if body_error is not None:
            raise body_error
        return
    if isinstance(reason, StartupFailed) and not root.admin:
        raise StartupFailed(root.path, reason.error, reason.cause) from reason.error
    if failures:
        raise ExceptionGroup(f"the tree {root.path} failed", failures)


def _tree_failures(root: Slot, unread: str) -> list[Exception]:
    """Return what the tree itself failed of, and log the failures that nobody has read of."""
    reason = root.reason
    failures: list[Exception] = []
    if isinstance(reason, Escalated) and isinstance(reason.error, Exception):
        failures.append(reason.error)
    for report in log_of(root).unread_failures():
        if isinstance(report, ChildEnded) and report.by != "itself":
            continue  # somebody wanted it so
        logger.error(
            "%s: nobody has read its report: %r", report.path, report, extra={"path": report.path, "uid": report.uid}
        )
        error = _error_in(report)
        if unread == "raise" and isinstance(error, Exception):
            failures.append(error)
    return failures


def _error_in(report: Report) -> BaseException | None:
    if isinstance(report, ChildStartupFailed):
        return report.error
    return error_of(report.reason) if isinstance(report, ChildEnded) else report.outcome.error
