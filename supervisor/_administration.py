"""Administration: children are ended, started again and forgotten by hand. The part of `Supervisor` that is about it."""

from typing import Any

import trio

from ..actors import PARKED, RESTARTING, STARTING, STOPPING, ActorRef, ActorStopping, Slot, close_parked, reopen
from ._errors import AlreadyRunning, ChildNotFound, Restarting
from ._starter import Starter, wait_started
from ._team import children_of, team_of


class Administration:
    """End, start again and forget children by hand. Never blocked: also while others start, hang or stop."""

    _slot: Slot
    _starter: Starter

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
            ChildNotFound: there is none of that name. AlreadyRunning: it is not parked; Restarting, if it is being restarted by itself.
            ActorStopping: the child is, or the supervisor.
            LimitReached: there are as many actors as may be; parked ones do not count.
            StartupFailed: it did not become ready, and is parked again; neither counted nor reported.
        """
        child = self._parked_child(name)
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
            ChildNotFound: there is none of that name. AlreadyRunning: it is not parked; Restarting, if it is being restarted by itself.
            ActorStopping: it is.
        """
        child = self._parked_child(name)
        team = team_of(self._slot)
        assert team is not None
        close_parked(child, team)

    def _parked_child(self, name: str) -> Slot:
        child = self._child(name)
        if child.life is PARKED:
            return child
        if child.life is STOPPING:
            raise ActorStopping(child.path, None, "is stopping; wait until it has")
        by_hand = child.more is not None and child.more.awaited
        if not by_hand and (child.life is RESTARTING or (child.incarnation > 1 and child.life in STARTING)):
            raise Restarting(child.path, child.life.value)
        raise AlreadyRunning(child.path, child.life.value)

    def _child(self, name: str) -> Slot:
        children = children_of(self._slot)
        if name not in children:
            raise ChildNotFound(f"{self._slot.path}/{name}", tuple(children)[:10])
        return children[name]
