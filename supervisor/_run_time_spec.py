"""Specifications as they are now: of a child that was started at run time, as it would be declared; of a supervisor, with what updates made of it."""

from functools import partial
from typing import Any

import attrs

from ..actors import Slot
from ._childspec import ChildSpec
from ._declared import Declared
from ._plan import plan_among
from ._policy import policy_of
from ._reading import FLAGS
from ._supervisorspec import SupervisorSpec


def spec_of(child: Slot) -> ChildSpec | SupervisorSpec:
    """Return what a child would be declared by."""
    policy = policy_of(child)
    plan = plan_among(child.args)
    kind: Any = ChildSpec if plan is None else SupervisorSpec
    known = {field.name for field in attrs.fields(kind)}
    options: dict[str, Any] = {key: value for key, value in attrs.asdict(policy, recurse=False).items() if key in known}
    options |= {"labels": dict(policy.labels), "startup": "inline" if policy.inline else "deferred"}
    if "keys" in options:
        options["keys"] = [*policy.keys]
    if plan is not None:
        flags = {key: getattr(plan, key) for key in FLAGS}
        children = [each.spec for each in plan.specs] if plan.copied is None else [plan.copied]
        return SupervisorSpec(child.name, children, **{**options, **flags})
    factory, kwargs = _unbound(child.factory)
    return ChildSpec(child.name, factory, child.args, kwargs=kwargs, **options)


def as_updated(declared: Declared, child: Slot) -> ChildSpec | SupervisorSpec:
    """Return the specification of a declared child with what updates of its own have made of it since, if it is a supervisor."""
    spec, first = declared.spec, declared.plan
    now = plan_among(child.args)
    if first is None or now is None or not isinstance(spec, SupervisorSpec):
        return spec
    changed = {key: getattr(now, key) for key in FLAGS if getattr(now, key) != getattr(first, key)}
    if now.specs != first.specs:
        changed["children"] = [each.spec for each in now.specs]
    return attrs.evolve(spec, **changed) if changed else spec


def _unbound(factory: Any) -> tuple[Any, dict[str, Any]]:
    """Return a factory without its keyword arguments, and these."""
    bound: partial[Any] | None = factory if issubclass(type(factory), partial) else None
    return (factory, {}) if bound is None or bound.args else (bound.func, dict(bound.keywords))
