"""Registering declared children: a whole set in one step, with all that its supervisors declare below."""

from collections.abc import Iterable
from typing import Any

import attrs
import trio

from ..actors import PARKED, Slot, drop_entries
from ._declared import Declared
from ._plan import Plan
from ._reading import read_supervisor
from ._starter import Starter
from ._supervisorspec import SupervisorSpec
from ._team import make_team


@trio.lowlevel.enable_ki_protection
def register_declared(starter: Starter, owner: Slot, *, again: bool = False) -> None:
    """Register the declared children of a supervisor that are not there, and all that is declared below them. One step: all of them, or none.

    If they are registered `again`, for another start of theirs, a key that another has taken meanwhile is left to it, as at each restart of a child.

    Raises:
        LimitReached, KeyInUse: nothing has been changed.
    """
    made: list[Slot] = []
    with owner.runtime.registry.whole():
        try:
            _register_below(starter, owner, made, again=again)
        except BaseException:
            for slot in reversed(made):
                _unregister(slot)
            raise


def _register_below(starter: Starter, owner: Slot, made: list[Slot], *, again: bool) -> None:
    open_ = [owner]
    while open_:
        at = open_.pop()
        team = make_team(at)
        for declared in team.plan.specs:
            if team.find(declared.name) is None:
                slot = _register(starter, at, declared, again=again)
                made.append(slot)
                if declared.plan is not None:
                    open_.append(slot)
        team.sort()


@trio.lowlevel.enable_ki_protection
def start_supervisor(starter: Starter, parent: Slot, spec: SupervisorSpec, problems: Iterable[str] = ()) -> Slot:
    """Register a supervisor with all that it declares, and launch it: one step. Raises what a start raises; nothing has been changed then.

    `problems` is what is known to be wrong already, to be told with all else.
    """
    declared = read_supervisor(spec, make_team(parent).plan, parent.runtime.blueprint, problems)
    with parent.runtime.registry.whole():
        slot = _register(starter, parent, declared, waits=False)
        try:
            register_declared(starter, slot)
        except BaseException:
            _unregister(slot)
            raise
    slot.runtime.launch(slot)
    return slot


def _register(
    starter: Starter,
    owner: Slot,
    declared: Declared,
    *,
    waits: bool = True,
    again: bool = False,
    is_parked: bool = False,
) -> Slot:
    """Register one; `again` leaves keys that are in use to their holders, with a warning."""
    factory, args, plan = parts_of(starter, declared)
    again = again and bool(declared.policy.keys)
    policy = attrs.evolve(declared.policy, keys=()) if again else declared.policy
    options = {"name": declared.name}
    slot = starter.register(owner, factory, args, options, policy=policy, waits=waits, is_parked=is_parked)
    if again:
        slot.policy = declared.policy
        slot.runtime.registry.renew_keys(slot)
    if plan is not None:
        make_team(slot, plan)
    return slot


@trio.lowlevel.enable_ki_protection
def register_parked(starter: Starter, owner: Slot, declared: Declared) -> None:
    """Register a declared child that does not run until somebody starts it. Plain."""
    # Its keys were free when the set was checked, but that may be some time ago: one that is taken by now is left to its holder.
    slot = _register(starter, owner, declared, again=True, is_parked=True)
    slot.runtime.gone += 1
    slot.box.shut()
    slot.advance(PARKED)


def parts_of(starter: Starter, declared: Declared) -> tuple[Any, tuple[Any, ...], Plan | None]:
    """Return what makes the actor of a declared child, with which arguments; and of a supervisor its plan, a copy of its own."""
    if declared.plan is None:
        return declared.factory, declared.args, None
    plan = attrs.evolve(declared.plan)
    return starter.body, (starter, plan), plan


def _unregister(slot: Slot) -> None:
    """Take a slot back that nobody has seen."""
    parent = slot.parent
    assert parent is not None
    drop_entries(slot, slot_ends=True)
    make_team(parent).remove(slot)
    slot.runtime.gone += 1
