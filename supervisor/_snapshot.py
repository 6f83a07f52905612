"""Snapshots: the tree as it is at one moment, as plain data. Reading never writes."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import attrs
import trio

from ..actors import (
    INITIALIZING,
    QUEUED,
    READY,
    RESTARTING,
    Runtime,
    Slot,
    Status,
    descendants,
    is_overdue,
    tell_end_of_turn,
    text_of,
)
from ._limits import Limits
from ._strategy import Strategy
from ._supervisor_actor import is_supervisor
from ._team import children_of, team_of


@attrs.frozen(weakref_slot=False)
class ActorInfo:
    """Show one slot and what is below it.

    Attributes:
        path, name, uid, incarnation, labels: which one it is.
        kind: "actor", "agent", "function" or "supervisor".
        strategy: a supervisor's; None for all others.
        lifecycle, status, generation: how it is.
        restarts: how often it was restarted. rests: how often it was put to rest.
        queued: mails that wait. accepted: mails that were ever taken in.
        waiting_for: what a starting one waits for: "a launch permit", "a place among Limits.max_live", its services, or, where declared children
            start one after the other, the path of the sibling before it that is starting ("its turn to start" when that is on its way out).
        age: seconds since it was registered.
        stale: it is overdue: in a passing state for longer than `Limits.stale_after`; computed at this moment.
        last_exit: why the last incarnation that has ended did, as text, also of one that is parked or gone; "" if none has.
        next_retry: when it is started again, on Trio's clock, where that waits for its backoff; else None.
        warnings: name -> text.
        children: in order of their registration.
    """

    path: str
    name: str
    uid: int
    incarnation: int
    kind: str
    strategy: Strategy | None
    lifecycle: str
    status: Status
    generation: int
    restarts: int
    rests: int
    queued: int
    accepted: int
    waiting_for: tuple[str, ...]
    age: float
    stale: bool
    last_exit: str
    next_retry: float | None
    labels: Mapping[str, Any]
    warnings: Mapping[str, str]
    children: tuple["ActorInfo", ...]

    def walk(self) -> Iterator["ActorInfo"]:
        """Iterate over it and all below, parents first."""
        open_: list[ActorInfo] = [self]
        while open_:
            info = open_.pop()
            yield info
            open_.extend(reversed(info.children))

    def find(self, path: str) -> "ActorInfo | None":
        """Return the part at a path."""
        return next((info for info in self.walk() if info.path == path), None)


#: What an `ActorInfo` is while it is made: writable, which costs a third of what it takes to fill in one that is frozen.
Draft: Any = attrs.make_class(
    "Draft", {field.name: attrs.field() for field in attrs.fields(ActorInfo)}, slots=True, weakref_slot=False, eq=False
)
#: What most actors have of warnings, and of children: one for all, as a large tree has many actors.
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
NOBODY: Final[Mapping[str | int, Slot]] = MappingProxyType({})


def take_snapshot(top: Slot, limits: Limits) -> ActorInfo:
    """Return a slot and all below it as they are now. Plain function; iterative, so that depth costs no stack."""
    now = top.runtime.now()
    # Parents before their children, each with its path: climbing up from every actor anew would cost more than all else. Who has no part of its slot
    # for what few have is nobody's parent: of a large tree that is nearly everybody, and nothing is made for them but their infos.
    order: list[tuple[Slot, str, Mapping[str | int, Slot]]] = []
    open_ = [(top, top.path)]
    while open_:
        slot, path = open_.pop()
        children = children_of(slot) if slot.more is not None else NOBODY
        order.append((slot, path, children))
        if children:
            open_ += [(child, f"{path}/{child.name}") for child in children.values() if child.more is not None]
    infos: dict[Slot, ActorInfo] = {}
    for slot, path, children in reversed(order):
        below = [
            _info(child, child.name, path, (), now, limits) if child.more is None else infos.pop(child)
            for child in children.values()
        ]
        infos[slot] = _info(slot, slot.name, path.rpartition("/")[0], tuple(below), now, limits)
    return infos[top]


def _info(  # noqa: PLR0917 -- by position, as one is made for every actor
    slot: Slot, name: str, above: str, children: tuple[ActorInfo, ...], now: float, limits: Limits
) -> ActorInfo:
    """Show one slot; `above` is the path of its parent, "" of the root's."""
    more = slot.more
    box, blueprint = slot.box, slot.blueprint
    last_exit, rests = slot.last_exit, 0 if more is None else more.rests
    strategy = _strategy(slot) if is_supervisor(slot) else None
    draft = Draft(
        path=f"{above}/{name}",
        name=name,
        uid=slot.uid,
        incarnation=slot.incarnation,
        kind="supervisor" if strategy is not None else blueprint.kind,
        strategy=strategy,
        lifecycle=slot.life._value_,
        status=slot.own_status(),
        generation=slot.generation,
        restarts=slot.incarnation - 1 - rests,
        rests=rests,
        queued=box.waiting,
        accepted=box.seq,
        waiting_for=() if slot.life is READY else waits_of_start(slot),
        age=now - slot.born,
        stale=is_overdue(slot, now, limits.stale_after),
        last_exit="" if last_exit is None else text_of(last_exit),
        next_retry=None if slot.life is not RESTARTING else _next_retry(slot),
        labels=slot.policy.labels,
        warnings=NOTHING if more is None or not more.warnings else MappingProxyType(dict(more.warnings)),
        children=children,
    )
    draft.__class__ = ActorInfo
    info: ActorInfo = draft
    return info


def waits_of_start(slot: Slot) -> tuple[str, ...]:
    """Return what a slot that is starting waits for, in words."""
    if slot.life is QUEUED:
        return (_reason_to_queue(slot),)
    more = slot.more
    if slot.life is INITIALIZING and more is not None and more.gate is not None:
        return more.gate.waiting_for
    return ()


def _strategy(slot: Slot) -> Strategy:
    team = team_of(slot)
    return "one_for_one" if team is None else team.plan.strategy


def _next_retry(slot: Slot) -> float | None:
    team = None if slot.parent is None else team_of(slot.parent)
    return None if team is None else team.next_retry(slot)


def _reason_to_queue(slot: Slot) -> str:
    """Say what a queued slot waits for: the gate, or the first of its declared siblings that is waited for and not ready."""
    if slot.runtime.launcher.is_waiting(slot):
        return "a launch permit"
    if slot.runtime.passivation.is_waiting(slot):
        return "a place among Limits.max_live"
    for sibling in () if slot.parent is None else children_of(slot.parent).values():
        if sibling is slot:
            break
        if (
            sibling.policy.inline
            and sibling.life in (QUEUED, INITIALIZING)
            and sibling.more is not None
            and sibling.more.awaited
        ):
            return sibling.path
    return "its turn to start"


class LatestTree:
    """Iterate over the latest states of a tree: at most one waits, whatever the burst, and the last one is never missed.

    A message that is handled in a single step changes nothing that could be seen. How much mail waits is shown as it was at the last change: that
    alone is none, since mail would be slower for it.
    """

    def __init__(self, top: Slot, limits: Limits) -> None:
        self._top = top
        self._limits = limits
        self._dirty = True
        self._over = False
        self._lot = trio.lowlevel.ParkingLot()

    def notify(self) -> None:
        """Note that something has changed."""
        self._dirty = True
        if self._lot:
            self._lot.unpark_all()

    def __aiter__(self) -> "LatestTree":
        """Return itself."""
        return self

    async def __anext__(self) -> ActorInfo:
        """Wait until something has changed since the last state, and return the latest; ends after the state in which the top has ended.

        Checkpoint: always. Cancellation: loses nothing.
        """
        await trio.lowlevel.checkpoint()
        while not self._dirty:
            if self._over:
                raise StopAsyncIteration
            await self._lot.park()
        self._dirty = False
        self._over = self._top.has_ended
        for slot in descendants(self._top):
            tell_end_of_turn(slot)
        return take_snapshot(self._top, self._limits)


@asynccontextmanager
async def subscribe_tree(top: Slot, runtime: Runtime, limits: Limits) -> AsyncGenerator[LatestTree]:
    """Open a feed of latest states. Checkpoint: never on the way in or out."""
    feed = LatestTree(top, limits)
    runtime.feeds[feed] = None
    try:
        yield feed
    finally:
        runtime.feeds.pop(feed, None)
