"""The experiment: a tree, what it lives through, and the policies that are compared on it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, cast

import attrs

from .. import ChildSpec, InvalidSpec, Limits, SupervisorSpec, check_specs
from ..treefile._kinds import Natural, Text
from ..treefile._problem import Place, unknown
from ._errors import InvalidExperiment
from ._fields import AboveZero, AnyLimits, FromZero, MaybeAbove, MaybeFrom, Seeds, settle
from ._model import ActorModel, Fault, ServiceModel, Source
from ._policy import ROOT, Policy, apply, emptied, expand, grid_of, matches, walk

#: Of an experiment that compares nothing.
AS_IT_IS: Final = "as it is"
#: Policies of one experiment, at most: more is a slip in the grid.
MOST_POLICIES: Final = 1_000
#: Requests of a source, faults of a kind, or outages of a service in a trial, at most: more than anybody waits for.
MOST_EVENTS: Final = 100_000_000


def _as_is(given: int | Sequence[int]) -> tuple[int, ...]:
    return cast("tuple[int, ...]", given)  # read by its kind, once all fields are there


@attrs.frozen(kw_only=True)
class Experiment:
    """Say what is run: the same tree, under each policy, with each seed.

    Args:
        name: shown in reports.
        tree: the root, as a specification: of its actors everything counts but what they are made of (factory and arguments), as each of them is
            simulated by its model.
        horizon: seconds that each trial lasts, in virtual time.
        seeds: how many trials of each policy (their seeds are 1, 2, …), or the seeds themselves.
        description: what it is about.
        warmup: seconds at the beginning that are in the timeline and in no measure.
        limits: of the whole tree.
        actors: pattern of paths -> model; the first that means an actor counts. Others are up at once, never crash, and handle in no time.
        services, workload, faults: by name.
        policies: by name: what is compared. Without them and a grid, the tree as it is.
        grid: axis -> name -> part of a policy: all combinations are compared, after the policies.
        late: seconds after which an answer is late; None: never.
        restart_after: seconds after which the whole tree is opened again once it has given up, as by whoever keeps the program running; None:
            it stays down.
        records: changes of the timeline, and happenings, that a trial keeps, at most, of each.

    Raises:
        InvalidExperiment: all that is wrong with it, each with its place.
    """

    name: Text
    tree: SupervisorSpec
    horizon: AboveZero
    seeds: Seeds = attrs.field(default=(1,), converter=_as_is)
    description: Text = ""
    warmup: FromZero = 0.0
    limits: AnyLimits = None
    actors: dict[str, ActorModel] = attrs.field(factory=dict[str, ActorModel])
    services: dict[str, ServiceModel] = attrs.field(factory=dict[str, ServiceModel])
    workload: dict[str, Source] = attrs.field(factory=dict[str, Source])
    faults: dict[str, Fault] = attrs.field(factory=dict[str, Fault])
    policies: dict[str, Policy] = attrs.field(factory=dict[str, Policy])
    grid: dict[str, dict[str, Policy]] = attrs.field(factory=dict[str, dict[str, Policy]])
    late: MaybeAbove = None
    restart_after: MaybeFrom = None
    records: Natural = 10_000

    def __attrs_post_init__(self) -> None:
        """Check the fields, and against each other."""
        settle(self)
        wrong = list(_wrong_types(self))
        if self.tree is not UNREAD and not wrong:
            object.__setattr__(self, "tree", emptied(expand(self.tree)))
            wrong = list(_wrong(self))
        if wrong:
            raise InvalidExperiment("", wrong)

    @property
    def paths(self) -> tuple[str, ...]:
        """The actors, by their paths below the root, in their order."""
        return tuple(path for path, spec in walk(self.tree) if isinstance(spec, ChildSpec))

    @property
    def compared(self) -> dict[str, Policy]:
        """All policies, those of the grid included, by name."""
        found = {**self.policies, **(grid_of(self.grid) if self.grid else {})}
        return found or {AS_IT_IS: Policy()}

    def model_of(self, path: str) -> ActorModel:
        """Return how an actor behaves."""
        return next((model for pattern, model in self.actors.items() if matches(path, pattern)), NO_MODEL)

    def limits_under(self, policy: Policy) -> Limits | None:
        """Return the limits of the tree under a policy."""
        return self.limits if policy.limits is None else policy.limits


#: Stands for a tree that could not be read: what can only be said with it is not said.
UNREAD: Final = SupervisorSpec("unread")
NO_MODEL: Final = ActorModel()
attrs.resolve_types(Experiment, include_extras=True)
#: field -> what its values are.
_TABLES: Final[Mapping[str, type[Any]]] = {
    "actors": ActorModel,
    "services": ServiceModel,
    "workload": Source,
    "faults": Fault,
    "policies": Policy,
}


def _wrong_types(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    if not experiment.name.strip():
        yield (("name",), "is empty; reports begin with it")
    tree: object = experiment.tree
    if not isinstance(tree, SupervisorSpec):
        yield (("tree",), f"{tree!r} is no SupervisorSpec; give the root as one")
    for key, cls in _TABLES.items():
        yield from _wrong_table((key,), getattr(experiment, key), cls)
    grid: object = experiment.grid
    if not isinstance(grid, dict):
        yield (("grid",), f"{grid!r} is no dict of dicts of Policy")
        return
    for axis, parts in experiment.grid.items():
        yield from _wrong_table(("grid", axis), parts, Policy)


def _wrong_table(where: tuple[str, ...], table: Any, cls: type[Any]) -> Iterator[tuple[Place, str]]:
    if not isinstance(table, dict):
        yield (where, f"{table!r} is no dict of {cls.__name__}")
        return
    for name, value in cast("Mapping[Any, Any]", table).items():
        if not isinstance(name, str) or not name:
            yield (where, f"{name!r} is no name; give a string")
        elif not isinstance(value, cls):
            yield ((*where, name), f"{value!r} is no {cls.__name__}")


def _wrong(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say what does not fit together."""
    paths = experiment.paths
    everybody = [ROOT, *(path for path, _ in walk(experiment.tree))]
    if not paths:
        yield (("tree",), "there is no actor in it, so nothing would happen; declare children")
        return
    if any(isinstance(spec, SupervisorSpec) and spec.strategy == "dynamic" for _, spec in walk(experiment.tree)):
        yield (("tree",), "a dynamic supervisor declares no children, so nobody would live below it")
    if experiment.warmup >= experiment.horizon:
        text = f"{experiment.warmup:g} leaves nothing to measure before the horizon, {experiment.horizon:g}"
        yield (("warmup",), text)
    yield from _never_reached(experiment)
    yield from _wrong_sizes(experiment)
    for where, pattern in _patterns(experiment):
        is_of_policy = where[0] in {"policies", "grid"}
        if not any(matches(path, pattern) for path in (everybody if is_of_policy else paths)):
            what, known = ("actor or supervisor", everybody) if is_of_policy else ("actor", paths)
            yield where, unknown(what, pattern, known)
    for pattern, model in experiment.actors.items():
        for key, names in (("needs", model.needs), ("calls", model.calls)):
            for name in names:
                if name not in experiment.services:
                    text = unknown("service", name, list(experiment.services))
                    yield (("actors", pattern, key), text)
    yield from _unused_models(experiment)
    yield from _wrong_reliance(experiment)
    yield from _wrong_policies(experiment)


def _never_reached(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say what would begin only when the trial is over."""
    begins: list[tuple[Place, Sequence[float]]] = []
    begins += [(("workload", name, "start"), [source.start]) for name, source in experiment.workload.items()]
    begins += [(("faults", name, "at"), fault.at or ()) for name, fault in experiment.faults.items()]
    for name, service in experiment.services.items():
        begins += [
            (("services", name, key), [row[0] for row in rows])
            for key, rows in (("outages", service.outages), ("slow", service.slow))
        ]
    for where, times in begins:
        if times and min(times) >= experiment.horizon:
            yield where, f"{min(times):g} is not before the horizon, {experiment.horizon:g}, so it would never happen"


def _wrong_sizes(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say what would happen so often that no trial came to its end."""
    horizon = experiment.horizon
    sizes: list[tuple[Place, str, float]] = []
    for name, source in experiment.workload.items():
        until = horizon if source.until is None else min(source.until, horizon)
        whom = sum(any(matches(path, pattern) for pattern in source.to) for path in experiment.paths)
        each_second = source.rate if source.every is None else 1 / source.every
        assert each_second is not None
        many = (until - source.start) * each_second * min(source.size, MOST_EVENTS + 1) * (whom if source.each else 1)
        sizes.append((("workload", name), "requests", many))
    for name, fault in experiment.faults.items():
        if fault.every is not None:
            sizes.append((("faults", name), "faults", horizon / fault.every.mean))
    for name, service in experiment.services.items():
        if service.breaks is not None and service.repair is not None:
            sizes.append((("services", name), "outages", horizon / (service.breaks.mean + service.repair.mean)))
    for where, what, many in sizes:
        if many > MOST_EVENTS:
            text = f"some {many:.3g} {what} in a trial, and {MOST_EVENTS:,} are the most; have fewer of them, or a shorter horizon"
            yield where, text


def _unused_models(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say which models no actor has, as another one before it means the same actors."""
    before: dict[str, str] = {}
    for pattern in experiment.actors:
        meant = [path for path in experiment.paths if matches(path, pattern)]
        if meant and all(path in before for path in meant):
            text = f"is of no use: {before[meant[0]]!r} before it means {meant[0]!r} too, and the first counts; put it first"
            yield ("actors", pattern), text
        before |= {path: pattern for path in meant if path not in before}


def _wrong_reliance(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say who relies on nobody that there is, or on itself."""
    paths = experiment.paths
    for pattern, model in experiment.actors.items():
        for path in model.relies:
            if path not in paths:
                yield (("actors", pattern, "relies"), unknown("actor", path, paths))
            elif matches(path, pattern):
                yield (("actors", pattern, "relies"), f"{path!r} would rely on itself")


def _patterns(experiment: Experiment) -> Iterator[tuple[tuple[str, ...], str]]:
    """Iterate over all patterns of paths, each with its place."""
    for pattern in experiment.actors:
        yield ("actors", pattern), pattern
    for name, source in experiment.workload.items():
        yield from ((("workload", name, "to"), pattern) for pattern in source.to)
    for name, fault in experiment.faults.items():
        yield from ((("faults", name, "actors"), pattern) for pattern in fault.actors)
    parts: list[tuple[tuple[str, ...], Policy]]
    parts = [(("policies", name), policy) for name, policy in experiment.policies.items()]
    parts += [(("grid", axis, name), part) for axis, row in experiment.grid.items() for name, part in row.items()]
    for where, policy in parts:
        yield from (((*where, "only", pattern), pattern) for pattern in policy.only)


def _wrong_policies(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Say what the runtime says of the tree under each policy, in a dry run."""
    many = 1
    for axis, parts in experiment.grid.items():
        many *= len(parts)
        if not parts:
            yield (("grid", axis), "there is nothing on this axis; name a part, or leave the axis out")
    if many + len(experiment.policies) > MOST_POLICIES:
        yield (("grid",), f"makes {many} policies, and {MOST_POLICIES} are the most; take some out")
    if many == 0 or many > MOST_POLICIES:
        return
    names = [*experiment.policies, *("/".join(row) for row in product(*experiment.grid.values()) if row)]
    for name, many in Counter(names).items():
        if many > 1:
            yield (("grid",), f"{many} of what is compared would be named {name!r}; name its parts otherwise")
    said: set[str] = set()
    for name, policy in experiment.compared.items():
        try:
            root = apply(policy, experiment.tree, lambda _, spec: spec)
            check_specs(root.children, **flags_of(root))
        except InvalidSpec as error:
            for line in str(error).split("\n"):
                if line not in said:  # most of them are the tree's own, and the same under each
                    said.add(line)
                    yield ("tree",) if name == AS_IT_IS else ("policies", name), line


def flags_of(root: SupervisorSpec) -> dict[str, Any]:
    """Return what `open_supervisor` is told of the root itself."""
    keys = ("strategy", "intensity", "auto_shutdown", "start_retry")
    return {key: getattr(root, key) for key in keys}
