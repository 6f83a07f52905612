"""Supervisors: actors without a behaviour of their own, that own children."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, TypeVarTuple, overload

import trio

from ..actors import (
    INITIALIZING,
    PARKED,
    QUEUED,
    RESTARTING,
    STOP,
    Actor,
    ActorRef,
    Context,
    EndedActor,
    ExitReason,
    GreenroomError,
    Nobody,
    ReportLog,
    RestartType,
    Slot,
    StartupFailed,
    Status,
    close_parked,
    descendants,
    log_of,
    order_end,
    reopen,
    slot_of,
)
from ..mailbox import DeadLetters, MailboxSpec
from ._childspec import ChildSpec
from ._errors import AlreadyRunning, ChildNotFound
from ._intensity import Intensity
from ._limits import Limits
from ._options import given_options
from ._oversight import Oversight
from ._snapshot import ActorInfo, LatestTree, subscribe_tree, take_snapshot
from ._starter import Starter, wait_started
from ._team import children_of, team_of

M = TypeVar("M")
Ts = TypeVarTuple("Ts")


class ChildrenFailed(GreenroomError):
    """A declared child that is started inline failed to start, so its supervisor did.

    Attributes:
        child: its path.
        rolled_back: the paths of those that had started and were stopped for it, in reverse order.
    """

    def __init__(self, child: str, cause: str, rolled_back: tuple[str, ...]) -> None:
        super().__init__(child, cause, rolled_back)
        self.child, self.cause, self.rolled_back = child, cause, rolled_back

    def __str__(self) -> str:
        """Say which child, why, and what was undone."""
        undone = f"; stopped again: {', '.join(self.rolled_back)}" if self.rolled_back else ""
        return f"{self.child}: {self.cause}{undone}"


class SupervisorActor(Actor[Any]):
    """Be the body of a supervisor: start the declared children in order, then leave the work to them."""

    own_task = True
    counts_as_startup = False

    def __init__(self, starter: Starter, specs: list[ChildSpec], intensity: Intensity) -> None:
        self._starter = starter
        self._specs = specs
        self.intensity = intensity

    async def startup(self, ctx: Context) -> None:
        """Register all, then launch one by one, each after the inline ones before it are ready."""
        owner = slot_of(ctx.ref)
        slots = [self._register(owner, spec) for spec in self._specs]
        for slot, spec in zip(slots, self._specs, strict=True):
            if slot.life is not QUEUED:
                continue  # terminated before its turn came
            slot.runtime.launch(slot)
            if spec.startup == "inline":
                await self._wait_inline(slot, slots)

    def _register(self, owner: Slot, spec: ChildSpec) -> Slot:
        return self._starter.register(
            owner,
            spec.bound_factory(),
            spec.args,
            {"name": spec.name},
            awaited=spec.startup == "inline",
            policy=spec.policy(),
            waits=True,
        )

    async def _wait_inline(self, slot: Slot, slots: list[Slot]) -> None:
        while slot.life in (QUEUED, INITIALIZING):
            await slot.changed()
        reason = slot.reason
        if slot.has_ended and slot.incarnation == 1 and isinstance(reason, StartupFailed) and not slot.admin:
            started = [each.path for each in slots[: slots.index(slot)] if not each.has_ended]
            failed = ChildrenFailed(slot.path, f"failed to initialize: {reason.cause}", tuple(reversed(started)))
            raise failed from reason.error

    def receive(self, message: Any, ctx: Context) -> None:
        """Refuse: a supervisor has no use for mail."""
        raise TypeError(f"{ctx.path} is a supervisor and handles no mail; it got {message!r}")


class Supervisor(Oversight):
    """Start, find, watch and end the children of a supervisor; what `open_supervisor` gives."""

    def __init__(self, slot: Slot, starter: Starter) -> None:
        self._slot = slot
        self._starter = starter

    # -- starting

    @overload
    def start_soon(
        self,
        factory: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        name: str | None = None,
        restart: RestartType = "temporary",
        shutdown: float | None = 5.0,
        startup_timeout: float | None = 60.0,
        mailbox: MailboxSpec | None = None,
        labels: Mapping[str, Any] | None = None,
        redeliver: int = 0,
        rest_after: float | None = None,
        mail: M | Callable[[M], Nobody] = ...,
    ) -> ActorRef[M]: ...
    @overload
    def start_soon(
        self,
        factory: Callable[[Context, *Ts], Awaitable[object]],
        *args: *Ts,
        name: str | None = None,
        restart: RestartType = "temporary",
        shutdown: float | None = 5.0,
        startup_timeout: float | None = 60.0,
        mailbox: MailboxSpec | None = None,
        labels: Mapping[str, Any] | None = None,
        redeliver: int = 0,
        rest_after: float | None = None,
        mail: Any = ...,
    ) -> ActorRef[Any]: ...
    @trio.lowlevel.enable_ki_protection  # type: ignore[misc]  # mypy does not see that it takes the overloads' keywords
    def start_soon(self, factory: Any, *args: Any, **options: Any) -> ActorRef[Any]:  # noqa: D417 -- the same keywords
        """Register a child and return at once: it can be found, mailed, monitored and stopped, and nothing of it has run. Plain function.

        Mail that comes before it is ready waits for it. A startup that fails is posted to `reports`, exactly once.

        Args:
            factory: a class derived from Actor or Agent, a function that returns one, or an async function `f(ctx, *args)`.
            args: positional, as in Trio; keywords go in with functools.partial.
            name: unique among the children; without one, class and uid (`worker-7`).
            restart: "temporary" (the default here), "transient" or "permanent"; the last also retries a failed first startup.
            shutdown: seconds that an end which was asked for may take; 0 cancels at once, None means no limit.
            startup_timeout: seconds for services and `startup` together, from when they really begin; None means no limit.
            mailbox: its bounds, a `MailboxSpec`.
            labels: shown in snapshots, reports and logs.
            redeliver: how often the message that it crashed on is given again, to the incarnation that follows.
            rest_after: seconds that an agent is idle before it is put to rest (`ActorRef.rest`); None means never.
            mail: a first message, before all other mail.

        Returns:
            The child's ref, which survives restarts.

        Raises:
            InvalidSpec: a wrong factory, argument, name or option.
            NameInUse: with the holder. LimitReached: with the limit and who holds it.
            ActorStopping, ActorStopped, ActorRestarting: the supervisor takes no children now.
            In every case nothing has been changed.
        """
        slot = self._starter.register(self._slot, factory, args, given_options(options) if options else options)
        slot.runtime.launch(slot)
        return slot.ref()

    @overload
    async def start(
        self,
        factory: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        name: str | None = None,
        restart: RestartType = "temporary",
        shutdown: float | None = 5.0,
        startup_timeout: float | None = 60.0,
        mailbox: MailboxSpec | None = None,
        labels: Mapping[str, Any] | None = None,
        redeliver: int = 0,
        rest_after: float | None = None,
        mail: M | Callable[[M], Nobody] = ...,
    ) -> ActorRef[M]: ...
    @overload
    async def start(
        self,
        factory: Callable[[Context, *Ts], Awaitable[object]],
        *args: *Ts,
        name: str | None = None,
        restart: RestartType = "temporary",
        shutdown: float | None = 5.0,
        startup_timeout: float | None = 60.0,
        mailbox: MailboxSpec | None = None,
        labels: Mapping[str, Any] | None = None,
        redeliver: int = 0,
        rest_after: float | None = None,
        mail: Any = ...,
    ) -> ActorRef[Any]: ...
    @trio.lowlevel.enable_ki_protection  # type: ignore[misc]  # as start_soon
    async def start(self, factory: Any, *args: Any, **options: Any) -> ActorRef[Any]:
        """Register a child and wait until it is ready. Arguments as `start_soon`.

        A startup that fails is raised here: it posts no report, is not retried, and leaves no child.

        Checkpoint: always. Cancellation: kills the child, waits for its end, and raises.

        Raises:
            StartupFailed: its startup raised; the error is the `__cause__`.
            ActorStopped: it was stopped before it was ready.
            InvalidSpec, NameInUse, LimitReached, ActorStopping, ActorStopped, ActorRestarting: as `start_soon`.
        """
        return (await self._starter.start(self._slot, factory, args, given_options(options))).ref()

    # -- finding and looking

    @property
    def path(self) -> str:
        """Where it is in the tree."""
        return self._slot.path

    @property
    def ref(self) -> ActorRef[Any]:
        """Its own ref: to monitor it, or to end it from another task."""
        return self._slot.ref()

    @property
    def status(self) -> Status:
        """What it is doing, or how it ended."""
        return self._slot.status()

    @property
    def limits(self) -> Limits:
        """The limits of the tree."""
        return self._starter.limits

    @property
    def reports(self) -> ReportLog:
        """What the runtime tells of the children: read it with `async for`, or `drain()`. It ends when the supervisor has ended."""
        return log_of(self._slot)

    @property
    def dead_letters(self) -> DeadLetters:
        """What nobody in the tree will handle: counted by reason, and subscribable."""
        return self._slot.runtime.dead_letters

    @property
    def ended(self) -> tuple[EndedActor, ...]:
        """How those below that are gone ended, for `Limits.retention` seconds, the last 1,000 of the tree: agents, functions, all that failed."""
        runtime = self._slot.runtime
        return runtime.reaper.records.below(self.path, runtime.now())

    def lookup(self, path: str) -> ActorRef[Any]:
        """Return the ref at a path: absolute ("/stage/team/a"), or relative to this supervisor ("team/a"). Plain function.

        Raises:
            ChildNotFound: nobody is there; with the names that are.
        """
        if type(path) is not str or not path:
            raise ChildNotFound(repr(path), tuple(children_of(self._slot))[:10])
        parts = path.split("/")
        at = self._slot
        if path.startswith("/"):
            while at.parent is not None:
                at = at.parent
            if parts[1] != at.name:
                raise ChildNotFound(path, (f"/{at.name}",))
            parts = parts[2:]
        for part in parts:
            below = children_of(at)
            if part not in below:
                raise ChildNotFound(f"{at.path}/{part}", tuple(below)[:10])
            at = below[part]
        return at.ref()

    def which_children(self) -> list[ActorRef[Any]]:
        """Return the children's refs, in order of their registration. Plain function."""
        return [child.ref() for child in children_of(self._slot).values()]

    def count_children(self) -> dict[str, int]:
        """Count the children: "specs" (all), "active" (neither parked nor restarting), "supervisors", "workers". Plain function."""
        children = list(children_of(self._slot).values())
        passive = (PARKED, RESTARTING)
        supervisors = sum(1 for child in children if child.factory is SupervisorActor)
        return {
            "specs": len(children),
            "active": sum(1 for child in children if child.life not in passive),
            "supervisors": supervisors,
            "workers": len(children) - supervisors,
        }

    def snapshot(self) -> ActorInfo:
        """Return the tree from here down as it is now. Plain function; changes nothing."""
        return take_snapshot(self._slot, self._starter.limits)

    def tree(self) -> ActorInfo:
        """Return the same as `snapshot`."""
        return self.snapshot()

    @asynccontextmanager
    async def subscribe(self) -> AsyncGenerator[LatestTree]:
        """Open a feed of latest states, coalesced: a slow reader sees fewer of them, and always the last one.

        Checkpoint: never on the way in or out. Cancellation: leaves nothing behind.
        """
        async with subscribe_tree(self._slot, self._slot.runtime, self._starter.limits) as feed:
            yield feed

    # -- administration

    @trio.lowlevel.enable_ki_protection
    async def terminate_child(self, name: str) -> None:
        """Stop a child; permanent and transient ones are parked, temporary ones forgotten. Idempotent; never counted as a failure.

        Checkpoint: always. Cancellation: the stop stays requested.

        Raises:
            ChildNotFound: there is none of that name.
        """
        await self._child(name).ref().stop()

    @trio.lowlevel.enable_ki_protection
    async def restart_child(self, name: str) -> ActorRef[Any]:
        """Start a parked child again, in its place, and wait until it is ready.

        Checkpoint: always. Cancellation: the start goes on.

        Raises:
            ChildNotFound: there is none of that name. AlreadyRunning: it is not parked. ActorStopping: the supervisor is.
            LimitReached: there are as many actors as may be; parked ones do not count.
            StartupFailed: it did not become ready, and is parked again; neither counted nor reported.
        """
        child = self._child(name)
        if child.life is not PARKED:
            raise AlreadyRunning(child.path, child.life.value)
        self._starter.check_restart(self._slot, child)
        await trio.lowlevel.checkpoint_if_cancelled()
        reopen(child)
        incarnation = child.incarnation
        try:
            await wait_started(child)
        finally:
            # Nobody waits any more: from here on a failure is judged and reported like any other.
            if child.incarnation == incarnation:
                child.get_more().awaited = False
        return child.ref()

    @trio.lowlevel.enable_ki_protection
    def delete_child(self, name: str) -> None:
        """Forget a parked child; its name is free. Plain function.

        Raises:
            ChildNotFound: there is none of that name. AlreadyRunning: it is not parked.
        """
        child = self._child(name)
        if child.life is not PARKED:
            raise AlreadyRunning(child.path, child.life.value)
        team = team_of(self._slot)
        assert team is not None
        close_parked(child, team)

    def _child(self, name: str) -> Slot:
        children = children_of(self._slot)
        if name not in children:
            raise ChildNotFound(f"{self._slot.path}/{name}", tuple(children)[:10])
        return children[name]

    # -- ending

    @trio.lowlevel.enable_ki_protection
    def request_stop(self) -> None:
        """Ask it to stop, with all below it. Plain function, idempotent."""
        order_end(self._slot, STOP, by="outside")

    async def wait_stopped(self) -> ExitReason | None:
        """Wait until it has ended by itself, or because it was told to.

        Checkpoint: always. Cancellation: leaves nothing.
        """
        return await self._slot.ref().wait_stopped()

    def __repr__(self) -> str:
        """Show path, lifecycle and size."""
        return f"<Supervisor {self._slot.path} {self._slot.life.value} actors={len(descendants(self._slot))}>"
