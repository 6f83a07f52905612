"""Policies: what is compared. Each is the tree of the experiment, with some of its options replaced."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, Final

import attrs

from .. import ChildSpec, SupervisorSpec
from ..treefile._absent import ABSENT, Absent
from ..treefile._kinds import GroupStrategyWord, Natural, OverdueWord, PositiveSeconds, Seconds, Startup
from ..treefile._kinds import Restart as RestartWord
from ..treefile._problem import Place
from ._errors import InvalidExperiment
from ._fields import AnyBackoff, AnyIntensity, AnyLimits, AnyMailbox, settle
from ._simulated import simulate, stand_in

AnySpec = ChildSpec | SupervisorSpec

#: What a policy says of supervisors, and what of actors.
OF_SUPERVISORS: Final = ("strategy", "intensity")
OF_ACTORS: Final = (
    "restart", "startup", "startup_timeout", "shutdown", "handler_timeout", "on_overdue", "redeliver", "mailbox",
)  # fmt: skip
#: The root's path; all others are below it.
ROOT: Final = "/"


@attrs.frozen(kw_only=True)
class Policy:
    """Replace options of a tree: of all its supervisors (the first two), or all its actors; what is left out stays as the tree has it.

    Args:
        strategy, intensity: of supervisors; the root is one.
        backoff: of actors and of supervisors below the root, but for temporary ones; None takes it away.
        restart, startup, startup_timeout, shutdown, handler_timeout, on_overdue, redeliver, mailbox: of actors.
        limits: of the whole tree, as a whole.
        only: pattern of paths -> what is replaced there alone, after all else; the root's path is "/".

    Raises:
        InvalidExperiment: all that is wrong with them.
    """

    strategy: GroupStrategyWord | Absent = ABSENT
    intensity: AnyIntensity = None
    backoff: AnyBackoff = ABSENT
    restart: RestartWord | Absent = ABSENT
    startup: Startup | Absent = ABSENT
    startup_timeout: PositiveSeconds | Absent = ABSENT
    shutdown: Seconds | Absent = ABSENT
    handler_timeout: PositiveSeconds | Absent = ABSENT
    on_overdue: OverdueWord | Absent = ABSENT
    redeliver: Natural | Absent = ABSENT
    mailbox: AnyMailbox = None
    limits: AnyLimits = None
    only: "dict[str, Policy]" = attrs.field(factory=dict[str, Any])

    def __attrs_post_init__(self) -> None:
        """Check the fields."""
        settle(self)
        only: object = self.only
        if not isinstance(only, dict):
            raise InvalidExperiment("", [(("only",), f"{only!r} is no dict of Policy")])
        wrong: list[tuple[Place, str]] = [
            (("only", pattern), f"{part!r} is no Policy")
            for pattern, part in only.items()
            if not isinstance(part, Policy)
        ]
        wrong = wrong or [
            (("only", pattern, key), text)
            for pattern, part in self.only.items()
            for key, is_wrong, text in (
                ("limits", part.limits is not None, "are of the whole tree; give them beside only"),
                ("only", bool(part.only), "stands in another one; give all patterns beside each other"),
            )
            if is_wrong
        ]
        if wrong:
            raise InvalidExperiment("", wrong)


attrs.resolve_types(Policy, include_extras=True)


def merge(parts: list[Policy]) -> Policy:
    """Return what several parts of policies come to together; the later one counts where two say something."""
    merged: dict[str, Any] = {}
    only: dict[str, Policy] = {}
    for part in parts:
        merged |= _said(part)
        for pattern, there in part.only.items():
            only[pattern] = merge([only[pattern], there]) if pattern in only else there
    return Policy(**merged, only=only)


def grid_of(axes: Mapping[str, Mapping[str, Policy]]) -> dict[str, Policy]:
    """Return all combinations of what the axes have: "none/open" is that of "none" of the first axis and "open" of the second."""
    return {
        "/".join(name for name, _ in row): merge([part for _, part in row])
        for row in product(*(axis.items() for axis in axes.values()))
    }


def _said(policy: Policy) -> dict[str, Any]:
    """Return what a policy says, without `only`."""
    silent = {"intensity": None, "mailbox": None, "limits": None}
    return {
        field.name: value
        for field in attrs.fields(Policy)
        if field.name != "only"
        and not isinstance(value := getattr(policy, field.name), Absent)
        and not (field.name in silent and value is None)
    }


def expand(root: SupervisorSpec) -> SupervisorSpec:
    """Return the tree with the copies of partitions as children that are declared one by one: the same tree, and each has its path."""
    children: list[AnySpec] = []
    for child in root.children:
        below = expand(child) if isinstance(child, SupervisorSpec) else child
        copies = range(root.partitions or 0)
        children += [attrs.evolve(below, name=f"{child.name}-{n}") for n in copies] if root.partitions else [below]
    return attrs.evolve(root, children=tuple(children), partitions=None, with_arguments=None)


def emptied(spec: SupervisorSpec) -> SupervisorSpec:
    """Return the tree without what its actors are made of: it can then be sent to any process."""
    return apply(Policy(), spec, lambda _, actor: simulate(actor, stand_in))


def walk(above: SupervisorSpec, prefix: str = "") -> Iterator[tuple[str, AnySpec]]:
    """Iterate over all below, parents first: path and specification."""
    for child in above.children:
        path = f"{prefix}{child.name}"
        yield path, child
        if isinstance(child, SupervisorSpec):
            yield from walk(child, f"{path}/")


def matches(path: str, pattern: str) -> bool:
    """Return whether a pattern means a path."""
    return fnmatchcase(path, pattern)


def apply(policy: Policy, root: SupervisorSpec, make: Callable[[str, ChildSpec], ChildSpec]) -> SupervisorSpec:
    """Return the tree under a policy; `make` has the last word on each actor. Raises InvalidSpec."""

    def said_of(path: str) -> Iterator[dict[str, Any]]:
        yield _said(policy)
        yield from (_said(part) for pattern, part in policy.only.items() if matches(path, pattern))

    def supervisor(path: str, spec: SupervisorSpec) -> SupervisorSpec:
        for said in said_of(path):
            spec = attrs.evolve(spec, **{key: said[key] for key in OF_SUPERVISORS if key in said})
            if "backoff" in said and spec.restart != "temporary" and path != ROOT:
                spec = attrs.evolve(spec, backoff=said["backoff"])
        return spec

    def actor(path: str, spec: ChildSpec) -> ChildSpec:
        for said in said_of(path):
            spec = attrs.evolve(spec, **{key: said[key] for key in OF_ACTORS if key in said})
            if "backoff" in said and spec.restart != "temporary":
                own = spec.intensity if said["backoff"] is None else None  # the two exclude each other
                spec = attrs.evolve(spec, backoff=said["backoff"], intensity=own)
        return make(path, spec)

    def level(spec: SupervisorSpec, prefix: str) -> SupervisorSpec:
        children: list[AnySpec] = []
        for child in spec.children:
            path = f"{prefix}{child.name}"
            if isinstance(child, SupervisorSpec):
                children.append(level(supervisor(path, child), f"{path}/"))
            else:
                children.append(actor(path, child))
        return attrs.evolve(spec, children=tuple(children))

    return level(supervisor(ROOT, root), "")
