"""The handle of a supervisor: by which its children are started, found, watched and ended."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from ..actors import (
    PARKED,
    RESTARTING,
    STOP,
    ActorRef,
    EndedActor,
    ExitReason,
    Groups,
    Registry,
    ReportLog,
    Slot,
    Status,
    close_parked,
    descendants,
    log_of,
    order_end,
    reopen,
)
from ..mailbox import DeadLetters
from ._errors import AlreadyRunning, ChildNotFound
from ._limits import Limits
from ._oversight import Oversight
from ._snapshot import ActorInfo, LatestTree, subscribe_tree, take_snapshot
from ._starter import Starter, wait_started
from ._starting import Starting
from ._supervisor_actor import SupervisorActor
from ._team import children_of, team_of


class Supervisor(Starting, Oversight):
    """Start, find, watch and end the children of a supervisor; what `open_supervisor` gives."""

    def __init__(self, slot: Slot, starter: Starter) -> None:
        self._slot = slot
        self._starter = starter

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
    def registry(self) -> Registry:
        """The registry of the tree: names besides paths."""
        return self._slot.runtime.registry

    @property
    def groups(self) -> Groups:
        """The groups of the tree, whose members are told things together."""
        return self._slot.runtime.groups

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
