"""Specifications of supervisors that are children of others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import attrs

from ..actors import Keyable, RegistryKey, RestartType
from ..mailbox import shown
from ._backoff import Backoff
from ._childspec import ChildSpec, StartupMode, as_own_list, as_tuple
from ._intensity import Intensity
from ._strategy import AutoShutdown, Strategy


def _as_children(given: Any) -> "tuple[ChildSpec | SupervisorSpec, ...]":
    return as_tuple(cast("Iterable[Any]", given))


@attrs.frozen(eq=False)
class SupervisorSpec:
    """Declare a child that is a supervisor.

    Its declared children are registered together with it: they can be found and mailed before it has begun to start.

    Args:
        name: unique among its siblings: 1 to 64 of a-z, 0-9, _ and -.
        children: its own declared children, started in order; none with `strategy="dynamic"`.
        strategy: whom a failed child's restart takes along: "one_for_one" (nobody), "one_for_all" (all), "rest_for_one" (those after it), "dynamic"
            (nobody; any number of children that are started at run time, in no order).
        intensity: how many restarts it bears; the default is 3 in 5 s.
        auto_shutdown: "any_significant" or "all_significant" children that end by themselves, for good, end it; or "never".
        max_children: how many children a dynamic one may have at once; None: any number.
        start_retry: how its start is tried again when an inline child fails to start; None: it is not, and the supervisor fails to start.
        partitions: how many copies of its one declared child there are: `worker-0`, `worker-1`, …; `Supervisor.partition(key)` finds a key's.
        with_arguments: `with_arguments(args, index)` returns the arguments of one copy; without it all have the same. What it raises makes the
            specification invalid.
        restart, startup, startup_timeout, significant, backoff, labels: as in a ChildSpec.
        shutdown: seconds that it may take to end with all below it; None, the default, means no limit.
        keys: a list of what it holds in the registry itself, as in a ChildSpec: its children's are their own.
    """

    name: str
    children: "tuple[ChildSpec | SupervisorSpec, ...]" = attrs.field(default=(), converter=_as_children)
    strategy: Strategy = attrs.field(default="one_for_one", kw_only=True)
    intensity: Intensity | None = attrs.field(default=None, kw_only=True)
    auto_shutdown: AutoShutdown = attrs.field(default="never", kw_only=True)
    max_children: int | None = attrs.field(default=None, kw_only=True)
    start_retry: Backoff | None = attrs.field(default=None, kw_only=True)
    partitions: int | None = attrs.field(default=None, kw_only=True)
    with_arguments: Callable[[tuple[Any, ...], int], Sequence[Any]] | None = attrs.field(default=None, kw_only=True)
    restart: RestartType = attrs.field(default="permanent", kw_only=True)
    shutdown: float | None = attrs.field(default=None, kw_only=True)
    startup: StartupMode = attrs.field(default="inline", kw_only=True)
    startup_timeout: float | None = attrs.field(default=None, kw_only=True)
    significant: bool = attrs.field(default=False, kw_only=True)
    backoff: Backoff | None = attrs.field(default=None, kw_only=True)
    labels: Mapping[str, Any] = attrs.field(factory=dict[str, Any], kw_only=True)
    keys: Sequence[Keyable | RegistryKey] = attrs.field(
        factory=list[Keyable | RegistryKey], converter=as_own_list, kw_only=True
    )

    def __repr__(self) -> str:
        """Show name, strategy and size: its children may be nested deep."""
        given: object = self.children
        children = f"{len(self.children)} children" if isinstance(given, tuple) else f"children={shown(given)}"
        return f"SupervisorSpec({shown(self.name)}, strategy={shown(self.strategy)}, {children})"
