"""A declared child: what a checked specification comes down to."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from ._policy import ChildPolicy

if TYPE_CHECKING:
    from ._childspec import ChildSpec
    from ._plan import Plan
    from ._supervisorspec import SupervisorSpec


@attrs.frozen(eq=False)
class Declared:
    """Hold what it takes to register a declared child.

    Attributes:
        name: among its siblings.
        factory: with its keyword arguments; None for a supervisor.
        args: given to it.
        policy: what it runs by.
        plan: of a supervisor; None for all others.
        spec: what it was made of.
    """

    name: str
    factory: Callable[..., Any] | None
    args: tuple[Any, ...]
    policy: ChildPolicy
    plan: "Plan | None"
    spec: "ChildSpec | SupervisorSpec"
