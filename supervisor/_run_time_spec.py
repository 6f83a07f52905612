"""The specification of a child that was started at run time, as it would be declared."""

from functools import partial
from typing import Any

import attrs

from ..actors import Slot
from ._childspec import ChildSpec
from ._plan import Plan
from ._policy import policy_of
from ._reading import FLAGS
from ._supervisorspec import SupervisorSpec


def spec_of(child: Slot) -> ChildSpec | SupervisorSpec:
    """Return what a child would be declared by."""
    policy = policy_of(child)
    plan = child.args[-1] if child.args and isinstance(child.args[-1], Plan) else None
    kind: Any = ChildSpec if plan is None else SupervisorSpec
    known = {field.name for field in attrs.fields(kind)}
    options: dict[str, Any] = {key: value for key, value in attrs.asdict(policy, recurse=False).items() if key in known}
    options |= {"labels": dict(policy.labels), "startup": "inline" if policy.inline else "deferred"}
    if "keys" in options:
        options["keys"] = [*policy.keys]
    if plan is not None:
        flags = {key: getattr(plan, key) for key in FLAGS}
        return SupervisorSpec(child.name, [each.spec for each in plan.specs], **{**options, **flags})
    factory, kwargs = _unbound(child.factory)
    return ChildSpec(child.name, factory, child.args, kwargs=kwargs, **options)


def _unbound(factory: Any) -> tuple[Any, dict[str, Any]]:
    """Return a factory without its keyword arguments, and these."""
    bound: partial[Any] | None = factory if issubclass(type(factory), partial) else None
    return (factory, {}) if bound is None or bound.args else (bound.func, dict(bound.keywords))
