"""What a tree file declares, in words, a line each."""

from collections.abc import Iterator, Sequence

from .. import Backoff, ChildSpec, Intensity, RegistryKey, SupervisorSpec
from ._absent import Absent
from ._plan import Plan
from ._treefile import Child, Supervisor, TreeFile, children_of

AnySpec = ChildSpec | SupervisorSpec


def described(tree: TreeFile, plan: Plan) -> Iterator[str]:
    """Iterate over the lines: the tree, if there is something to be said of it, and all below it by their paths, parents first."""
    own = _of_supervisor(plan)
    if own:
        yield f"tree      {plan.name}: {', '.join(own)}"
    yield from _below(tree, plan.children, plan.main, "")


def _below(above: TreeFile | Supervisor, specs: Sequence[AnySpec], main: str | None, prefix: str) -> Iterator[str]:
    copies = above.partitions if isinstance(above, Supervisor) and not isinstance(above.partitions, Absent) else 0
    for child, spec in zip(children_of(above), specs, strict=True):
        paths = [f"{prefix}{spec.name}-{index}" for index in range(copies)] or [f"{prefix}{spec.name}"]
        path = " to ".join(dict.fromkeys((paths[0], paths[-1])))
        said = [child.factory] if isinstance(child, Child) else ["supervisor"]
        if isinstance(spec, SupervisorSpec):
            said += _of_supervisor(spec)
        said += _of_child(spec)
        if main in paths:
            said.append(f"the main one{f' is {main}' if copies else ''}: its end ends the run")
        yield f"child     {path}: {', '.join(said)}"
        if isinstance(child, Supervisor) and isinstance(spec, SupervisorSpec):
            for each in paths:
                yield from _below(child, spec.children, main, f"{each}/")


def _of_supervisor(given: Plan | SupervisorSpec) -> list[str]:
    """Say what a supervisor goes by; what is the default needs no word."""
    said: list[str] = []
    if given.strategy != "one_for_one":
        said.append(given.strategy)
    if isinstance(given, SupervisorSpec):
        if given.partitions is not None:
            said.append(f"{given.partitions} partitions")
        if given.max_children is not None:
            said.append(f"at most {given.max_children} children")
    if given.intensity not in (None, Intensity()):
        said.append(_restarts(given.intensity))
    if given.auto_shutdown != "never":
        which = "any" if given.auto_shutdown == "any_significant" else "all"
        said.append(f"ends with {which} of its significant children")
    if given.start_retry is not None:
        said.append(f"its start is tried again {_waits(given.start_retry)}")
    return said


def _of_child(spec: AnySpec) -> list[str]:
    said = [spec.restart, f"started {spec.startup}"]
    if spec.significant:
        said.append("significant")
    if spec.backoff is not None:
        said.append(f"again {_waits(spec.backoff)}")
    if isinstance(spec, ChildSpec) and spec.intensity is not None:
        said.append(_restarts(spec.intensity))
    if spec.keys:
        keys = [each.key if isinstance(each, RegistryKey) else each for each in spec.keys]
        said.append(f"found by {' and '.join(map(repr, keys))}")
    return said


def _restarts(intensity: Intensity | None) -> str:
    assert intensity is not None
    return f"at most {intensity.max_restarts} restarts within {intensity.within:g} s"


def _waits(backoff: Backoff) -> str:
    most = "" if backoff.max_attempts is None else f", at most {backoff.max_attempts} times in a row"
    return f"after {backoff.initial:g} to {backoff.maximum:g} s{most}"
