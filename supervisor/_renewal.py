"""Renewal: the next incarnation of a child is of another specification than the last."""

import attrs
import trio

from ..actors import Slot
from ..mailbox import rebind
from ._declared import Declared
from ._plan import Plan


@trio.lowlevel.enable_ki_protection
def renew(child: Slot, declared: Declared) -> Plan | None:
    """Let a child between two incarnations go by another specification; returns its own new plan, if it is a supervisor. Plain."""
    plan: Plan | None = None
    if declared.plan is None:
        child.factory, child.args = declared.factory, declared.args
        child.blueprint = child.runtime.blueprint(declared.factory)
    else:
        plan = attrs.evolve(declared.plan)
        child.args = (child.args[0], plan)
    if declared.policy.mailbox != child.policy.mailbox or child.blueprint.enveloped:
        rebind(child.box, declared.policy.mailbox, enveloped=child.blueprint.enveloped)
    child.policy = declared.policy
    child.runtime.registry.renew_keys(child)
    child.pool = child.runtime.pool
    return plan
