"""The plan of a supervisor: its strategy and limits, and the children that it declares. It outlives incarnations, and can be replaced."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ._backoff import Backoff
from ._intensity import Intensity
from ._strategy import GROUPS, AutoShutdown, Strategy

if TYPE_CHECKING:
    from ._childspec import ChildSpec
    from ._declared import Declared
    from ._supervisorspec import SupervisorSpec


@attrs.define(eq=False)
class Plan:
    """Say what a supervisor is to do.

    Attributes:
        strategy: whom a failed child's restart takes along.
        intensity: how many restarts it bears.
        auto_shutdown: whether the ends of significant children end it.
        max_children: how many a dynamic one may have; None: any number.
        start_retry: how its start is tried again, if an inline child fails to; None: it is not.
        partitions: how many copies of its one child there are; None: it has no partitions.
        with_arguments: what gives each copy its arguments.
        specs: the declared children, in order, checked.
        copied: with partitions, what they are copies of.
    """

    strategy: Strategy = "one_for_one"
    intensity: Intensity = attrs.field(factory=Intensity)
    auto_shutdown: AutoShutdown = "never"
    max_children: int | None = None
    start_retry: Backoff | None = None
    partitions: int | None = None
    with_arguments: Callable[[tuple[Any, ...], int], Sequence[Any]] | None = None
    specs: "tuple[Declared, ...]" = ()
    copied: "ChildSpec | SupervisorSpec | None" = None

    @property
    def names(self) -> frozenset[str]:
        """The names of the declared children."""
        return frozenset([each.name for each in self.specs])

    @property
    def has_groups(self) -> bool:
        """Whether a failed child's restart takes others along."""
        return GROUPS[self.strategy] is not None


def plan_among(args: Iterable[object]) -> Plan | None:
    """Return the plan that a supervisor's body is made of, by its arguments: what it goes by from its next start on. None for any other actor."""
    return next((each for each in args if isinstance(each, Plan)), None)
