"""Registering declared children: a whole set in one step, with all that its supervisors declare below."""

import attrs
import trio

from ..actors import Slot, drop_entries
from ._declared import Declared
from ._reading import read_supervisor
from ._starter import Starter
from ._supervisorspec import SupervisorSpec
from ._team import make_team


@trio.lowlevel.enable_ki_protection
def register_declared(starter: Starter, owner: Slot) -> None:
    """Register the declared children of a supervisor that are not there, and all that is declared below them. One step: all of them, or none.

    Raises:
        LimitReached, KeyInUse: nothing has been changed.
    """
    made: list[Slot] = []
    with owner.runtime.registry.whole():
        try:
            _register_below(starter, owner, made)
        except BaseException:
            for slot in reversed(made):
                _unregister(slot)
            raise


def _register_below(starter: Starter, owner: Slot, made: list[Slot]) -> None:
    open_ = [owner]
    while open_:
        at = open_.pop()
        team = make_team(at)
        for declared in team.plan.specs:
            if declared.name not in team.children:
                slot = _register(starter, at, declared)
                made.append(slot)
                if declared.plan is not None:
                    open_.append(slot)
        team.sort()


@trio.lowlevel.enable_ki_protection
def start_supervisor(starter: Starter, parent: Slot, spec: SupervisorSpec) -> Slot:
    """Register a supervisor with all that it declares, and launch it: one step. Raises what a start raises; nothing has been changed then."""
    declared = read_supervisor(spec, make_team(parent).plan, parent.runtime.blueprint)
    with parent.runtime.registry.whole():
        slot = _register(starter, parent, declared, waits=False)
        try:
            register_declared(starter, slot)
        except BaseException:
            _unregister(slot)
            raise
    slot.runtime.launch(slot)
    return slot


def _register(starter: Starter, owner: Slot, declared: Declared, *, waits: bool = True) -> Slot:
    if declared.plan is None:
        factory, args, plan = declared.factory, declared.args, None
    else:
        plan = attrs.evolve(declared.plan)
        factory, args = starter.body, (starter, plan)
    slot = starter.register(owner, factory, args, {"name": declared.name}, policy=declared.policy, waits=waits)
    if plan is not None:
        make_team(slot, plan)
    return slot


def _unregister(slot: Slot) -> None:
    """Take a slot back that nobody has seen."""
    parent = slot.parent
    assert parent is not None
    drop_entries(slot, slot_ends=True)
    make_team(parent).remove(slot)
    slot.runtime.alive -= 1
