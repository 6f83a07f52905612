"""A slot: a place in the tree, as plain data.

It has a path, a uid, a mailbox and a lifecycle, and survives the actors that live in it one after the other. Every change of state is a plain
function on it without a checkpoint; tasks only carry out what has been decided. What few slots need hangs on `more`, made at first use.

A slot *is* its mailbox, since one object for each actor costs less than two that the collector of garbage has to go through; code that is about
mail says `slot.box` all the same. Slots of a tree are their own refs, too (`_place`).
"""

from collections.abc import Callable
from contextvars import Context as ContextVars
from typing import TYPE_CHECKING, Any, ClassVar, Final

import trio

from ..mailbox import DeadLetters, Mailbox
from ._brood import name_of
from ._lifecycle import CHANGES, DRAINING, ENDED, FOLLOWS, READY, RESTING, STOPPING, Lifecycle, refuse_step
from ._more import More
from ._passage import SETTLED, Order, Passage
from ._reasons import ExitReason, Finished, Shutdown, error_of, text_of
from ._status import IDLE, PENDING_INIT, RUNNING, Completed, Errored, Status

if TYPE_CHECKING:
    from ._blueprint import Blueprint
    from ._context import Context
    from ._policy import Policy
    from ._ref import ActorRef
    from ._runner import Runner
    from ._runtime import Runtime


#: Bits of a slot's phase: its startup is being carried out; its hook has begun.
STARTING: Final = 1
STARTED: Final = 2


class Slot(Mailbox):
    """Be a place in the tree. See the module's essay; nothing here is for users, they hold an `ActorRef`."""

    __slots__ = (
        "actor", "args", "attention", "blueprint", "born", "ctx", "factory", "idle", "incarnation", "key", "life", "more",
        "parent", "passage", "phase", "policy", "pool", "reason", "runner", "runtime", "uid",
    )  # fmt: skip

    #: what refs are; set by `_ref`, which knows slots, while slots do not know refs.
    ref_class: "ClassVar[type[ActorRef[Any]]]"

    runtime: "Runtime"
    parent: "Slot | None"
    #: whose run queue it is put on: the tree's pool, or its own task.
    pool: Any
    #: by which its family finds it: the name that it was given, or its uid.
    key: str | int
    uid: int
    factory: Callable[..., Any] | None
    args: tuple[Any, ...]
    blueprint: "Blueprint"
    policy: "Policy"
    incarnation: int
    life: Lifecycle
    #: ready, and neither running nor on the run queue.
    idle: bool
    #: something besides mail has to be seen to before the next message: a start or an end.
    attention: bool
    runner: "Runner | None"
    actor: Any
    ctx: "Context | None"
    #: read as `slot.order` or `slot.passage.order`, written as `slot.own_passage().order`.
    passage: Passage
    #: how far its startup has come.
    phase: int
    #: why it ends, or ended.
    reason: ExitReason | None
    #: Trio's clock: when it was registered, to a millisecond.
    born: float
    more: More | None

    # -- what it is

    @property
    def box(self) -> Mailbox:
        """Its mailbox: itself, under the name by which code about mail calls it."""
        return self

    @property
    def owner(self) -> "Slot":
        """Whose mailbox it is."""
        return self

    @property
    def name(self) -> str:
        """Return what it is called: as it was told, or by its kind and its uid."""
        return name_of(self.key, self.blueprint)

    @property
    def path(self) -> str:
        """Return where it is in the tree."""
        parts = [self.name]
        parent = self.parent
        while parent is not None:
            parts.append(parent.name)
            parent = parent.parent
        parts.append("")
        return "/".join(reversed(parts))

    @property
    def depth(self) -> int:
        """Count the ancestors."""
        depth, parent = 0, self.parent
        while parent is not None:
            depth, parent = depth + 1, parent.parent
        return depth

    @property
    def dead_letters(self) -> DeadLetters:
        """Where its mail goes that nobody will handle."""
        return self.runtime.dead_letters

    @property
    def admin(self) -> bool:
        """True if others asked for the end."""
        return self.passage.by != ""

    @property
    def order(self) -> Order:
        """What it has been told to do."""
        return self.passage.order

    @property
    def by(self) -> str:
        """Which others asked for the end; empty if none did."""
        return self.passage.by

    @property
    def stop_by(self) -> float:
        """By when an end that was asked for has to be over."""
        return self.passage.stop_by

    @property
    def ending(self) -> bool:
        """True while the end of this incarnation is being carried out."""
        return self.passage.ending

    @property
    def since(self) -> float:
        """When it came into its present state, if that is a passing one."""
        since = self.passage.since
        return self.born if since is None else since

    @property
    def generation(self) -> int:
        """Grows by one with each change of status."""
        return CHANGES[self.life] + self.passage.extra

    @property
    def starting(self) -> bool:
        """True while its startup is being carried out."""
        return self.phase & STARTING != 0

    @property
    def started(self) -> bool:
        """True once its `startup` hook has begun, so that `shutdown` is due at the end."""
        return self.phase & STARTED != 0

    @property
    def context(self) -> ContextVars | None:
        """The context variables this incarnation runs in, if they are not the tree's."""
        return None if self.more is None else self.more.context

    @property
    def has_ended(self) -> bool:
        """True if it does not run and will not by itself."""
        return self.life in ENDED

    @property
    def in_turn(self) -> bool:
        """True if its code is working on mail right now."""
        more = self.more
        if more is not None and more.turn is not None:
            return True
        if self.runner is None or self.ending:
            return False
        if self.blueprint.kind == "function":
            return not self.idle and not self.starting
        return self.box.hand is not None

    def own_status(self) -> Status:
        """Return what others may know of its work; derived, so that it cannot disagree with the rest."""
        life = self.life
        if life is READY or life is DRAINING or life is STOPPING or life is RESTING:
            if self.in_turn:
                return RUNNING
            if life is STOPPING and self.starting:
                return PENDING_INIT
            return (None if self.more is None else self.more.last_turn) or IDLE
        if life in ENDED:
            reason = self.reason
            error = None if reason is None else error_of(reason)
            if error is not None:
                assert reason is not None
                return Errored(error, text_of(reason))
            if isinstance(reason, Finished):
                return Completed(reason.result)
            return Shutdown(reason.detail if isinstance(reason, Shutdown) else reason)
        return PENDING_INIT

    def get_more(self) -> More:
        """Return the part that few slots have, made at first use."""
        more = self.more
        if more is None:
            more = self.more = More()
        return more

    def own_passage(self) -> Passage:
        """Return what it has on its way, to be written to."""
        passage = self.passage
        if passage is SETTLED:
            passage = self.passage = Passage()
        return passage

    # -- changes

    def advance(self, life: Lifecycle) -> None:
        """Go to another state, and let those know who wait for it. Plain: no checkpoint, no user code."""
        is_passing, extra = FOLLOWS[self.life].get(life) or refuse_step(self.life, life)
        self.life = life
        runtime = self.runtime
        if is_passing or extra:
            passage = self.passage if self.passage is not SETTLED else self.own_passage()
            passage.extra += extra
            if is_passing:
                passage.since = runtime.now()
        if runtime.watch is not None:
            runtime.watch(self)
        more = self.more
        if runtime.feeds or (more is not None and (more.changes is not None or more.observers)):
            self._tell_of_change()

    def touch(self) -> None:
        """Count a change of status and wake whoever waits for one."""
        self.own_passage().extra += 1
        self._tell_of_change()

    def _tell_of_change(self) -> None:
        more = self.more
        if more is not None:
            if more.changes is not None:
                lot, more.changes = more.changes, None  # who waits again makes another: most have nobody who does
                lot.unpark_all()
            if more.observers:
                status = (self.life, self.own_status(), self.generation, self.incarnation)
                for observer in more.observers:
                    observer.notify(status)
        if self.runtime.feeds:
            self.runtime.notify_feeds()

    async def changed(self) -> None:
        """Wait for the next change. Checkpoint: always. Cancellation: leaves nothing."""
        more = self.get_more()
        if more.changes is None:
            more.changes = trio.lowlevel.ParkingLot()
        await more.changes.park()

    async def ended(self, over: Callable[[], bool] | None = None) -> None:
        """Wait until it has ended, or is over in the caller's sense. Checkpoint: only if it has to wait. Cancellation: leaves nothing.

        An end is an end, even if somebody starts it again before whoever waits has gone on.
        """
        more = self.get_more()
        before = more.reopened
        while not (self.has_ended if over is None else over()) and more.reopened == before:
            await self.changed()

    def own_ref(self) -> "ActorRef[Any]":
        """Return the ref that survives restarts."""
        return self  # type: ignore[return-value]  # a `Place`, as all slots of a tree are

    @property
    def last_exit(self) -> ExitReason | None:
        """Why the last incarnation that has ended did."""
        if self.life in ENDED:
            return self.reason
        return None if self.more is None else self.more.last_exit

    def warn(self, name: str, text: str) -> None:
        """Keep a warning that can be inspected."""
        more = self.get_more()
        more.warnings = {**(more.warnings or {}), name: text}


def descendants(slot: Slot) -> list[Slot]:
    """Return all slots below one, parents before children."""
    found: list[Slot] = []
    open_ = [slot]
    while open_:
        at = open_.pop()
        family = None if at.more is None else at.more.family
        if family is not None:
            below = list(family.children.values())
            found += below
            open_ += below
    return found
