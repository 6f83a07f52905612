"""Updating a supervisor's specifications while it runs. Plain functions: all of it, or nothing.

The flags count at once. The new specification of a child that there is counts from its next start on; a new child is parked until somebody starts
it; one that is declared no longer goes on, and ends with this incarnation of the supervisor. A child that was started at run time, and is declared by
the set, is a declared one from then on; its restart type and its significance are those of the set at once, as are those of a temporary one, which
might have no next start. While a group restarts, or the supervisor starts, all that waits until it is over. An attempt to start that has failed is
over: who is declared no longer is ended before the next one.

Source: the code change of an OTP supervisor.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import attrs
import trio

from ..actors import Slot
from ..mailbox import shown
from ._childspec import ChildSpec, as_tuple
from ._declared import Declared
from ._key_book import keys_in_use
from ._options import unknown_option
from ._plan import Plan
from ._policy import policy_of
from ._reading import keys_of, read_plan
from ._registration import register_parked
from ._starter import Starter
from ._supervisorspec import SupervisorSpec
from ._team import Team, make_team

#: What can be replaced, besides the children.
REPLACEABLE: Final = ("strategy", "intensity", "auto_shutdown", "start_retry")
#: What a set is made of.
KINDS: Final = (ChildSpec, SupervisorSpec)
#: The warning of a child that has a name which was declared as something else.
CHANGES_KIND: Final = "an update declares its name as a supervisor's, and it is a worker, or the other way round; update again when it has ended"


@trio.lowlevel.enable_ki_protection
def update_specs(starter: Starter, owner: Slot, children: Any, flags: Mapping[str, Any]) -> None:
    """Replace what a supervisor declares, and the flags that are given.

    Raises:
        InvalidSpec: all that is wrong, in one text; nothing has been changed.
    """
    team = make_team(owner)
    plan = _checked(starter, team, children, flags)
    team.course.when_at_rest(lambda: _adopt(starter, team, plan))


def _checked(starter: Starter, team: Team, children: Any, flags: Mapping[str, Any]) -> Plan:
    old = team.plan
    problems = [unknown_option(key, REPLACEABLE) for key in flags if key not in REPLACEABLE]
    if "dynamic" in (old.strategy, flags.get("strategy")):
        problems.append("strategy: a dynamic supervisor declares no children, and no other becomes one")
    if old.partitions is not None:
        problems.append("partitions: their number and their specification stay as they are")
    kept = {key: getattr(old, key) for key in REPLACEABLE}
    known = {key: value for key, value in flags.items() if key in REPLACEABLE}
    children = as_tuple(children)  # once: it may be an iterator
    if isinstance(children, tuple):
        problems += _clashes(starter, team, cast("tuple[object, ...]", children))
    return read_plan({**kept, **known}, children, team.owner.runtime.blueprint, problems=problems)


def _clashes(starter: Starter, team: Team, children: tuple[object, ...]) -> Iterator[str]:
    """Say what of a set cannot be beside what there is: whatever else is wrong with it."""
    registry = team.owner.runtime.registry
    for spec in children:
        if not isinstance(spec, KINDS):
            continue
        name = _name_of(spec)
        before = team.find(name)
        if before is not None and _changes_kind(starter, before, is_supervisor=isinstance(spec, SupervisorSpec)):
            yield f"{name}: a supervisor cannot become a worker, or a worker a supervisor"
        below = [(name, spec)]
        for where, each in below:  # which grows
            yield from keys_in_use(where, keys_of(each), before, registry)
            given: object = each.children if isinstance(each, SupervisorSpec) else ()
            members = cast("tuple[object, ...]", given) if isinstance(given, tuple) else ()
            below += [(f"{where}/{_name_of(child)}", child) for child in members if isinstance(child, KINDS)]


def _name_of(spec: ChildSpec | SupervisorSpec) -> str:
    """Return a specification's name, also one that is none."""
    name: object = spec.name
    return name if isinstance(name, str) else shown(name)


def _adopt(starter: Starter, team: Team, plan: Plan) -> None:
    """Go by a new plan, in the order of its children; those that are declared no longer come last."""
    old = team.plan
    for key in (*REPLACEABLE, "specs"):
        setattr(old, key, getattr(plan, key))
    team.adopt_intensity()
    named: dict[Slot, str] = {}
    for declared in plan.specs:
        child = team.find(declared.name)
        if child is None:
            register_parked(starter, team.owner, declared)
            continue
        if child.key != declared.name:
            named[child] = declared.name
        if _changes_kind(starter, child, is_supervisor=declared.plan is not None):
            # One that was started at run time has taken the name since the set was checked.
            child.warn("update", CHANGES_KIND)
        else:
            _keep_place(child, declared)
            team.renewals[declared.name] = declared
    _find_by_name(team, named)
    team.sort()
    team.owner.touch()


def _find_by_name(team: Team, named: dict[Slot, str]) -> None:
    """Have children that were given no name, and are declared from now on, found by the ones that they have, as all that are declared."""
    if named:
        team.children = {named.get(each, key): each for key, each in team.children.items()}
        team.has_numbers = True
        for child, name in named.items():
            child.key = name


def _changes_kind(starter: Starter, child: Slot, *, is_supervisor: bool) -> bool:
    return (child.blueprint.made is starter.body) is not is_supervisor


def _keep_place(child: Slot, declared: Declared) -> None:
    """Let a child that was no declared one, or would have no next start, keep its place from now on as the set says."""
    policy, new = policy_of(child), declared.policy
    if not policy.declared or policy.restart == "temporary":
        child.policy = attrs.evolve(policy, declared=True, restart=new.restart, significant=new.significant)
