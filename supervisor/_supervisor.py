"""The handle of a supervisor: by which its children are started, found, watched and ended."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Unpack

import trio

from ..actors import (
    PARKED,
    RESTARTING,
    STOP,
    ActorRef,
    EndedActor,
    ExitReason,
    Groups,
    InvalidSpec,
    Registry,
    ReportLog,
    Slot,
    Status,
    descendants,
    find_child,
    log_of,
    names_of,
    order_end,
    slot_of,
)
from ..mailbox import DeadLetters
from ._administration import Administration, is_restarting
from ._childspec import ChildSpec
from ._errors import ChildNotFound, NoSupervisor
from ._limits import Limits
from ._names import MOST_KNOWN, check_path
from ._options import unknown_options
from ._oversight import Oversight
from ._partition import place_of
from ._registration import start_supervisor
from ._snapshot import ActorInfo, LatestTree, subscribe_tree, take_snapshot
from ._starter import Starter
from ._starting import Starting
from ._supervisor_actor import is_supervisor
from ._supervisor_options import SUPERVISOR_OPTIONS, SupervisorOptions
from ._supervisorspec import SupervisorSpec
from ._team import children_of, make_team


class Supervisor(Starting, Administration, Oversight):
    """Start, find, watch and end the children of a supervisor; what `open_supervisor` and `start_supervisor` give. It outlives incarnations."""

    def __init__(self, slot: Slot, starter: Starter) -> None:
        self._slot = slot
        self._starter = starter

    def start_supervisor(
        self, name: str, children: Iterable[ChildSpec | SupervisorSpec] = (), **options: Unpack[SupervisorOptions]
    ) -> "Supervisor":
        """Register a child that is a supervisor, with all the children that it declares, and return at once. Plain function.

        All of them can be found, mailed and monitored from then on; they start in order, behind the scenes. A start that fails is a failure of the
        new supervisor, which is permanent unless told otherwise: so it is tried again, and counted, like that of any other child.

        Args:
            name: unique among the children.
            children: what it declares.
            others: as in a `SupervisorSpec`, without `startup`.

        Returns:
            Its handle, which survives restarts. While it restarts, `start_soon` on it raises `ActorRestarting`.

        Raises:
            InvalidSpec: all that is wrong with it or what is below, a line each.
            NameInUse, LimitReached, ActorStopping, ActorStopped, ActorRestarting, StartupInProgress: as `start_soon`.
            In every case nothing has been changed.
        """
        given: dict[str, Any] = {**options}
        unknown = unknown_options(given, SUPERVISOR_OPTIONS)
        spec = SupervisorSpec(name, children, **{key: given[key] for key in given if key in SUPERVISOR_OPTIONS})
        return Supervisor(start_supervisor(self._starter, self._slot, spec, unknown), self._starter)

    # -- finding and looking

    @property
    def path(self) -> str:
        """Where it is in the tree."""
        return self._slot.path

    @property
    def ref(self) -> ActorRef[Any]:
        """Its own ref: to monitor it, or to end it from another task."""
        return self._slot.own_ref()

    @property
    def status(self) -> Status:
        """What it is doing, or how it ended."""
        return self._slot.own_status()

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
            ChildNotFound: nobody is there; with the names that are. TypeError: it is no string.
        """
        check_path(path)
        if not path:
            raise ChildNotFound(
                repr(path), tuple(names_of(children_of(self._slot), MOST_KNOWN)), "a path has a name in it"
            )
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
            child = find_child(below, part)
            if child is None:
                raise ChildNotFound(f"{at.path}/{part}", tuple(names_of(below, MOST_KNOWN)))
            at = child
        return at.own_ref()

    def lookup_supervisor(self, path: str) -> "Supervisor":
        """Return the handle of a supervisor at a path, as `lookup`. Plain function.

        Raises:
            ChildNotFound: nobody is there. NoSupervisor: who is there is none. TypeError: the path is no string.
        """
        slot = slot_of(self.lookup(path))
        if not is_supervisor(slot):
            raise NoSupervisor(slot.path)
        return Supervisor(slot, self._starter)

    def partition(self, key: Any) -> ActorRef[Any]:
        """Return the child that sees to a key, in a supervisor with partitions: the same for equal keys, in every process. Plain function.

        An int goes by its remainder, every other key by the CRC32 of its type and value.

        Raises:
            InvalidSpec: there are no partitions, or this cannot be a key.
            ChildNotFound: the child has been deleted.
        """
        plan = make_team(self._slot).plan
        if plan.partitions is None:
            raise InvalidSpec(f"{self._slot.path}: has no partitions")
        return self.lookup(plan.specs[place_of(key, plan.partitions)].name)

    @property
    def partitions(self) -> int | None:
        """How many partitions it has; None if it is not made of any."""
        return make_team(self._slot).plan.partitions

    def which_child(self, name: str) -> ActorInfo:
        """Return one child, and all below it, as it is now: lifecycle, restarts, last exit, next retry, and so on. Plain function.

        Raises:
            ChildNotFound: there is none of that name. TypeError: it is no string.
        """
        return take_snapshot(self._child(name), self._starter.limits)

    def which_children(self) -> list[ActorRef[Any]]:
        """Return the children's refs, in order of their registration. Plain function."""
        return [child.own_ref() for child in children_of(self._slot).values()]

    def count_children(self) -> dict[str, int]:
        """Count the children: "specs" (all), "active" (neither parked nor restarting), "supervisors", "workers". Plain function.

        A child is restarting until an attempt has succeeded, also while one is made.
        """
        children = list(children_of(self._slot).values())
        passive = (PARKED, RESTARTING)
        supervisors = sum(1 for child in children if is_supervisor(child))
        return {
            "specs": len(children),
            "active": sum(1 for child in children if not (child.life in passive or is_restarting(child))),
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

    # -- ending

    @trio.lowlevel.enable_ki_protection
    def request_stop(self) -> None:
        """Ask it to stop, with all below it. Plain function, idempotent."""
        order_end(self._slot, STOP, by="outside")

    async def wait_ready(self) -> None:
        """Wait until it is ready: all inline children are. As `ActorRef.wait_ready`, with its errors.

        Checkpoint: always. Cancellation: leaves nothing.
        """
        await self._slot.own_ref().wait_ready()

    async def wait_stopped(self) -> ExitReason | None:
        """Wait until it has ended by itself, or because it was told to.

        Checkpoint: always. Cancellation: leaves nothing.
        """
        return await self._slot.own_ref().wait_stopped()

    def __repr__(self) -> str:
        """Show path, lifecycle and size."""
        return f"<Supervisor {self._slot.path} {self._slot.life.value} actors={len(descendants(self._slot))}>"
