"""Starting children: the part of `Supervisor` that is about it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

import trio

from ..actors import Actor, ActorRef, ChildOptions, Context, Nobody, Slot
from ._options import given_options
from ._starter import Starter

M = TypeVar("M")
Ts = TypeVarTuple("Ts")


class Starting:
    """Start children of a supervisor, by registering them at once."""

    _slot: Slot
    _starter: Starter

    @overload
    def start_soon(
        self,
        factory: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        mail: M | Callable[[M], Nobody] = ...,
        **options: Unpack[ChildOptions],
    ) -> ActorRef[M]: ...
    @overload
    def start_soon(
        self,
        factory: Callable[[Context, *Ts], Awaitable[object]],
        *args: *Ts,
        mail: Any = ...,
        **options: Unpack[ChildOptions],
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
            on_error: what follows when an exception leaves `receive` or `turn`, by its class; as in `ChildSpec`.
            handler_timeout: seconds that a message or turn may take; None means no limit.
            on_overdue: what is done about one that takes longer: "warn" (the default), "cancel" or "restart"; as in `ChildSpec`.
            rest_after: seconds that an agent is idle before it is put to rest (`ActorRef.rest`); None means never.
            keys: a list of what it holds in the registry for as long as its slot is there (`ChildSpec`).
            mail: a first message, before all other mail.

        Returns:
            The child's ref, which survives restarts.

        Raises:
            InvalidSpec: a wrong factory, argument, name or option.
            NameInUse, KeyInUse: with the holder. LimitReached: with the limit and who holds it.
            ActorStopping, ActorStopped, ActorRestarting: the supervisor takes no children now.
            In every case nothing has been changed.
        """
        slot = self._starter.register(self._slot, factory, args, given_options(options) if options else options)
        pool = slot.pool
        if slot.blueprint.is_plain and pool.baton is not None:  # as `launch`, without its call
            pool.runq.append(slot)
        else:
            slot.runtime.launch(slot)
        return slot

    @overload
    async def start(
        self,
        factory: Callable[[*Ts], Actor[M]],
        *args: *Ts,
        mail: M | Callable[[M], Nobody] = ...,
        **options: Unpack[ChildOptions],
    ) -> ActorRef[M]: ...
    @overload
    async def start(
        self,
        factory: Callable[[Context, *Ts], Awaitable[object]],
        *args: *Ts,
        mail: Any = ...,
        **options: Unpack[ChildOptions],
    ) -> ActorRef[Any]: ...
    @trio.lowlevel.enable_ki_protection  # type: ignore[misc]  # as start_soon
    async def start(self, factory: Any, *args: Any, **options: Any) -> ActorRef[Any]:
        """Register a child and wait until it is ready. Arguments as `start_soon`.

        A startup that fails is raised here: it posts no report, is not retried, and leaves no child.

        Checkpoint: always. Cancellation: kills the child, waits for its end, and raises.

        Raises:
            StartupFailed: its startup raised; the error is the `__cause__`.
            ActorStopped: it was stopped before it was ready.
            InvalidSpec, NameInUse, KeyInUse, LimitReached, ActorStopping, ActorStopped, ActorRestarting: as `start_soon`.
        """
        return (await self._starter.start(self._slot, factory, args, given_options(options))).own_ref()
