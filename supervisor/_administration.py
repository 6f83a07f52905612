"""Administration: children are ended, started again and forgotten by hand. The part of `Supervisor` that is about it."""

from collections.abc import Iterable
from typing import Any, Unpack

import trio

from ..actors import (
    PARKED,
    RESTARTING,
    STARTING,
    STOPPING,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Rested,
    Slot,
    close_parked,
    find_child,
    reopen,
)
from ._childspec import ChildSpec
from ._errors import AlreadyRunning, Restarting
from ._names import check_child_name, no_child
from ._run_time_spec import as_updated, spec_of
from ._starter import Starter, wait_started
from ._supervisor_options import ReplaceableFlags
from ._supervisorspec import SupervisorSpec
from ._team import children_of, make_team, team_of
from ._update import update_specs


class Administration:
    """End, start again and forget children by hand. Never blocked: also while others start, hang or stop."""

    _slot: Slot
    _starter: Starter

    @trio.lowlevel.enable_ki_protection
    async def terminate_child(self, name: str) -> None:
        """Stop a child; permanent and transient ones are parked, temporary ones forgotten. Idempotent; never counted as a failure.

        Checkpoint: always. Cancellation: the stop stays requested.

        Raises:
            ChildNotFound: there is none of that name. TypeError: it is no string.
        """
        await self._child(name).own_ref().stop()

    @trio.lowlevel.enable_ki_protection
    async def restart_child(self, name: str) -> ActorRef[Any]:
        """Start a parked child again, in its place, and wait until it is ready.

        Checkpoint: always. Cancellation: the start goes on.

        Raises:
            ChildNotFound: there is none of that name. TypeError: it is no string.
            AlreadyRunning: it is not parked; Restarting, if it is being restarted by itself.
            ActorStopping: the child is, or the supervisor. ActorStopped: the supervisor has ended; or the child has, before it was ready, by `Ignore`
                or a stop, or in a way that its supervisor judges and may start it again for (its group restarts; it crashed as it ended).
            StartupInProgress, ActorRestarting: the supervisor starts, or restarts; `await supervisor.wait_ready()` first.
            LimitReached: there are as many actors as may be; parked ones do not count.
            StartupFailed: it did not become ready, and is parked again; neither counted nor reported.
        """
        child = self._parked_child(name)
        self._starter.check_restart(self._slot, child)
        await trio.lowlevel.checkpoint_if_cancelled()
        make_team(self._slot).renew(child)
        reopen(child)
        incarnation = child.incarnation
        try:
            await wait_started(child)
        finally:
            # Nobody waits any more: from here on a failure is judged and reported like any other.
            if child.incarnation == incarnation:
                child.get_more().awaited = False
        return child.own_ref()

    @trio.lowlevel.enable_ki_protection
    def delete_child(self, name: str) -> None:
        """Forget a parked child; its name is free. Plain function.

        Raises:
            ChildNotFound: there is none of that name. TypeError: it is no string.
            AlreadyRunning: it is not parked; Restarting, if it is being restarted by itself.
            ActorStopping: it is.
        """
        child = self._parked_child(name)
        team = team_of(self._slot)
        assert team is not None
        close_parked(child, team)

    @trio.lowlevel.enable_ki_protection
    def update_specs(self, children: Iterable[ChildSpec | SupervisorSpec], **flags: Unpack[ReplaceableFlags]) -> None:
        """Replace what this supervisor declares while it runs, and the flags that are given. Plain function: all of it, or nothing.

        The flags count at once. A child that is there goes by its new specification from its next start on, be it a restart or a waking; a new one is
        parked until `restart_child`; one that is declared no longer goes on, and ends with this incarnation of the supervisor. The order is that of
        `children`. One that was started at run time is a declared one from then on. For it, and for a temporary one, `restart` and `significant`
        count at once.
        While a group restarts, or the supervisor starts, all that waits until it is over; between two attempts of `start_retry` it counts from the
        next one on, which ends who is declared no longer. A restarted supervisor starts from the new set.

        Args:
            children: the whole set.
            flags: `strategy`, `intensity`, `auto_shutdown`, `start_retry`; those left out stay as they are. What is given as None is as in
                `open_supervisor`: an intensity of None is the default, 3 in 5 s, and a `start_retry` of None is none.

        Raises:
            InvalidSpec: all that is wrong, a line each; nothing has been changed. A dynamic supervisor has no set to replace, nor has one with
                partitions.
            ActorStopped: the supervisor has ended.
        """
        if self._slot.has_ended:
            raise ActorStopped(self._slot.path, None, "has ended; there is nothing to update")
        update_specs(self._starter, self._slot, children, {**flags})

    def child_spec(self, name: str) -> ChildSpec | SupervisorSpec:
        """Return the specification that a child's next start will go by; of one that was started at run time, what it comes to. Plain function.

        Raises:
            ChildNotFound: there is none of that name. TypeError: it is no string.
        """
        child = self._child(name)
        team = make_team(self._slot)
        due = team.renewals.get(name)  # also of one that an update has dropped after another had changed it
        if due is not None:
            return due.spec
        if child.policy.declared:  # else its name alone may be that of a declared one that has been forgotten
            for each in team.plan.specs:
                if each.name == name:
                    return as_updated(each, child)
        return spec_of(child)

    def _parked_child(self, name: str) -> Slot:
        child = self._child(name)
        if child.life is PARKED:
            return child
        if child.life is STOPPING:
            raise ActorStopping(child.path, None, "is stopping; wait until it has")
        if is_restarting(child):
            raise Restarting(child.path, child.life.value)
        raise AlreadyRunning(child.path, child.life.value)

    def _child(self, name: str) -> Slot:
        check_child_name(name)
        children = children_of(self._slot)
        child = find_child(children, name)
        if child is None:
            raise no_child(self._slot.path, name, children)
        return child


def is_restarting(child: Slot) -> bool:
    """Return whether a child is on its way to the next incarnation by itself: between two attempts, or in one. A wake from rest is none."""
    more = child.more
    if more is not None and more.awaited:
        return False  # somebody starts it by hand
    if child.life is RESTARTING:
        return True
    return child.incarnation > 1 and child.life in STARTING and not isinstance(child.last_exit, Rested)
