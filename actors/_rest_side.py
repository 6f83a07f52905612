"""The side of a ref that has to do with rest."""

import trio

from ._admission import Column
from ._resting import MAY_REST, not_idle, obstacle, put_to_rest
from ._runner import check_thread, current_path
from ._view import ActorView


class RestSide(ActorView):
    """Put an agent to rest."""

    __slots__ = ()

    def _admit(self, column: Column, message: object) -> None:
        raise NotImplementedError

    @trio.lowlevel.enable_ki_protection
    def rest(self) -> None:
        """Put an idle, ready agent to rest: it gives up its task, its actor and its services, and keeps its place. Plain function.

        It is no end: no report, no `Down` but for pinned refs, nothing is counted. The `shutdown` hook runs, with the reason `Rested`. The next mail
        that asks for a turn, an ask, a demand for a direct turn (which is refused all the same), `drain` and `wait_ready` start the next
        incarnation, and wait for it as for any that starts; its `ctx.start_source` is "wake". Mail that asks for no turn, and reports that nobody
        has read, wait through the rest.

        Raises:
            NotIdle: it is anything else than idle and ready, or has something of its own that would end with the incarnation: children, background
                work, timers, monitors, replies that it owes. Says which, and what to do; nothing has been changed.
            ActorStopped: this ref is pinned to an incarnation that has ended.
            TypeError: it is no agent.
        """
        slot = self._slot
        if slot.blueprint.kind not in MAY_REST:
            raise TypeError(
                f"{slot.path} is no agent and cannot be put to rest; stop it, and start it again when it is needed"
            )
        check_thread()
        self._admit("rest", None)
        if obstacle(slot) is not None:
            raise not_idle(slot)
        put_to_rest(slot, f"by {current_path()}")
