"""Starting children: one plain step from the call to a registered child."""

from collections.abc import Mapping
from contextvars import copy_context
from itertools import islice
from operator import is_
from typing import Any

import trio

from ..actors import (
    END,
    MAY_REST,
    PARKED,
    QUEUED,
    READY,
    RESTARTING,
    RESTING,
    STOP,
    Actor,
    ActorRestarting,
    ActorStopped,
    ActorStopping,
    Blueprint,
    LimitReached,
    NameInUse,
    Place,
    Runtime,
    Slot,
    StartupInProgress,
    close_parked,
    descendants,
    find_child,
    make_slot,
    name_of,
    number_of,
    order_end,
    raise_failure,
    waiting_for,
)
from ..mailbox import Envelope
from ._limits import Limits
from ._policy import RUN_TIME_POLICY, ChildPolicy
from ._start_spec import check_factory, read_start
from ._team import make_team, team_of

MAX_HOLDERS = 10


class Starter:
    """Register children, within the limits of the tree."""

    def __init__(self, limits: Limits, body: type[Actor[Any]]) -> None:
        self.limits = limits
        #: what makes the body of a supervisor.
        self.body = body
        self._is_limited = any(each is not None for each in (limits.max_actors, limits.max_depth, limits.max_live))
        self.root: Slot | None = None
        self.runtime: Runtime | None = None

    @trio.lowlevel.enable_ki_protection
    def start_soon(self, parent: Slot, factory: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Place:
        """Register a child: path, uid, limits, parent link and mailbox in one step; nothing of it has run.

        Raises:
            InvalidSpec, NameInUse, KeyInUse, LimitReached, ActorStopping, ActorStopped, ActorRestarting: nothing has been changed.
        """
        slot = self.register(parent, factory, args, options)
        slot.runtime.launch(slot)
        return slot

    @trio.lowlevel.enable_ki_protection
    async def start(self, parent: Slot, factory: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Slot:
        """Register a child and wait until it is ready.

        Checkpoint: always. Cancellation: kills the child, waits for its end, and raises.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        slot = self.register(parent, factory, args, options, awaited=True)
        slot.runtime.launch(slot)
        try:
            async with waiting_for(slot, lambda: not is_awaited(slot, 1)):
                await wait_started(slot)
        except BaseException:
            with slot.runtime.shield():
                order_end(slot, END, by="its starter")
                await slot.ended()
            team = team_of(parent)
            if slot.life is PARKED and team is not None and not slot.policy.declared:
                close_parked(slot, team)  # it was ready already; who started it will never know of it
            raise
        return slot

    @trio.lowlevel.enable_ki_protection
    def register(  # noqa: C901, PLR0917 -- one step without a call that is not needed, and no look-up of keywords: it is run for every actor
        self,
        parent: Slot,
        factory: Any,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        awaited: bool = False,  # noqa: FBT001, FBT002
        policy: ChildPolicy | None = None,
        waits: bool = False,  # noqa: FBT001, FBT002
        is_parked: bool = False,  # noqa: FBT001, FBT002
    ) -> Place:
        """Check everything, then put the child into the tree. `waits` registers it as queued: its supervisor launches it in its order.

        `is_parked` registers one that nobody launches: it counts among the actors when it is started.
        """
        runtime = parent.runtime
        name: str | None = None
        letter: Envelope | None = None
        if options:
            name = options.get("name")
            if policy is None:
                policy = read_start(parent, factory, args, options)
            if "mail" in options:
                # Here, as the key is made by user code: past the checks nothing may fail, or start something else.
                letter = Envelope(options["mail"], key=policy.mailbox.key_of(options["mail"]))
        try:
            blueprint = runtime.blueprints[factory]
        except (KeyError, TypeError):
            blueprint = runtime.blueprint(factory)
        if len(args) != blueprint.exactly and (blueprint.wrong or not blueprint.least <= len(args) <= blueprint.most):
            check_factory(runtime, factory, args)
        if (parent.life is not READY or parent.passage.ending) and not waits:
            self.check_parent(parent, name, factory)
        more = parent.more
        team: Any = (more.family if more is not None else None) or make_team(parent)
        children = team.children
        uid = runtime.next_uid
        key: str | int = uid
        if name is not None:
            key = name
            holder = find_child(children, name)
            if holder is not None:
                raise NameInUse(holder.path, holder.own_ref(), holder.life.value, runtime.now() - holder.born)
            if number_of(name) is not None:
                team.has_numbers = True
        elif team.has_numbers:
            key = _free_name(children, blueprint, uid)
        if policy is not None and policy.keys:
            runtime.registry.check_keys(_path(parent, key, blueprint), policy.keys)
        if team.plan.max_children is not None and len(children) >= team.plan.max_children:
            raise LimitReached(
                _path(parent, key, blueprint),
                "max_children",
                team.plan.max_children,
                tuple(child.path for child in islice(children.values(), MAX_HOLDERS)),
            )
        if self._is_limited and not is_parked:
            self._check_limits(parent, key, blueprint, waits=waits)
        # From here on nothing fails: the child becomes visible in one step.
        latest = team.latest
        if latest is not None:
            others = latest.args
            # The same arguments, one tuple: many that wait for their start weigh less by one each.
            if len(others) == len(args) and (others[0] is args[0] if len(args) == 1 else all(map(is_, args, others))):
                args = others
        team.latest = slot = make_slot(runtime, parent, key, uid, factory, args, blueprint, policy or RUN_TIME_POLICY)
        runtime.next_uid = uid + 1
        children[key] = slot
        context = copy_context()
        try:
            is_changed = context != runtime.base
        except Exception:  # noqa: BLE001 -- as `differ`, without its call
            is_changed = True
        if is_changed:
            slot.get_more().vars = context
        if awaited:
            slot.get_more().awaited = True
        if policy is not None:
            if policy.keys:
                runtime.registry.take_keys(slot)
            if waits:
                slot.life = QUEUED
            if letter is not None:
                slot.box.accept(letter)
            if options.get("wake_parent"):
                slot.get_more().wakes_parent = True
        if runtime.feeds:
            runtime.notify_feeds()
        return slot

    def _check_limits(self, parent: Slot, key: str | int, blueprint: Blueprint, *, waits: bool = False) -> None:
        limits, runtime = self.limits, parent.runtime
        if limits.max_actors is not None and runtime.alive >= limits.max_actors:
            raise LimitReached(_path(parent, key, blueprint), "max_actors", limits.max_actors, self._holders())
        if limits.max_depth is not None and parent.depth >= limits.max_depth:
            raise LimitReached(_path(parent, key, blueprint), "max_depth", limits.max_depth, (parent.path,))
        if blueprint.kind in MAY_REST and not waits:  # a declared one waits for its place
            runtime.passivation.check(_path(parent, key, blueprint))

    def check_parent(self, parent: Slot, name: str | None, factory: Any) -> None:
        """Raise unless a slot takes children now."""
        what = name if name is not None else getattr(factory, "__name__", repr(factory))
        self._check_ready(parent, f"takes no new children (start of {what!r})")

    def _check_ready(self, parent: Slot, detail: str) -> None:
        if parent.life is READY and not parent.ending:
            return
        if parent.has_ended:
            raise ActorStopped(parent.path, None, f"has ended and {detail}")
        if parent.order >= STOP or parent.ending or parent.life is RESTING:
            raise ActorStopping(parent.path, None, f"is stopping and {detail}")
        if parent.runtime.nursery is None:
            raise StartupInProgress(parent.path, None, f"has not begun to start and {detail}")
        team = team_of(parent)
        below = team is not None and team.is_supervisors
        if parent.life is RESTARTING or (below and parent.incarnation > 1):
            raise ActorRestarting(parent.path, None, f"is restarting and {detail} until it is ready")
        if below:
            raise StartupInProgress(parent.path, None, f"is starting and {detail} until it is ready")

    def check_restart(self, parent: Slot, child: Slot) -> None:
        """Raise unless a parked child may be started again now: it counts among those that are there from then on."""
        self._check_ready(parent, f"starts no child again by hand (restart of {child.name!r})")
        if self._is_limited:
            self._check_limits(parent, child.key, child.blueprint)

    def _holders(self) -> tuple[str, ...]:
        if self.root is None:
            return ()
        return tuple(slot.path for slot in descendants(self.root) if not slot.has_ended)[:MAX_HOLDERS]


def _path(parent: Slot, key: str | int, blueprint: Blueprint) -> str:
    """Return where a child would be."""
    return f"{parent.path}/{name_of(key, blueprint)}"


def _free_name(children: Mapping[str | int, Slot], blueprint: Blueprint, uid: int) -> str | int:
    """Return the key of a child without a name where another has been given the one that would be made for it, perhaps."""
    name = name_of(uid, blueprint)
    if name not in children:
        return uid
    while name in children:
        name += "-"
    return name


async def wait_started(slot: Slot) -> None:
    """Wait until an awaited child has become ready, whatever it or others did since. Checkpoint: always.

    Whether its supervisor starts it again is not waited for: that may have to end, first of all, who waits.

    Raises:
        StartupFailed, ActorStopped: it has ended before.
    """
    more, incarnation = slot.get_more(), slot.incarnation
    await trio.lowlevel.checkpoint()
    while is_awaited(slot, incarnation):
        await slot.changed()
    if more.readied < incarnation or more.in_vain == incarnation:
        raise_failure(slot)


def is_awaited(slot: Slot, incarnation: int) -> bool:
    """Return whether an incarnation has neither become ready nor ended."""
    return slot.get_more().readied < incarnation and slot.incarnation == incarnation and not slot.has_ended
