"""What a tree file declares, in words, a line each."""

from collections.abc import Iterator, Sequence

from .. import Backoff, ChildSpec, Intensity, RegistryKey, SupervisorSpec
from ..treefile._absent import Absent
from ..treefile._plan import Plan
from ..treefile._treefile import Child, Supervisor, TreeFile, children_of

AnySpec = ChildSpec | SupervisorSpec


def described(tree: TreeFile, plan: Plan) -> Iterator[str]:
    """Iterate over the lines: the tree, if there is something to be said of it, and all below it by their paths, parents first."""
    own = _of_supervisor(plan)
    if own:
        yield f"tree      {plan.name}: {', '.join(own)}"
    yield from _below(tree, plan.children, plan.main, "")


def drawn(tree: TreeFile, plan: Plan, *, ascii_only: bool = False) -> Iterator[str]:
    """Iterate over the lines of the tree as a drawing."""
    yield "  ".join([plan.name, ", ".join(_of_supervisor(plan))]).rstrip()
    yield from _drawn_below(tree, plan.children, plan.main, "", "", ascii_only=ascii_only)


def _drawn_below(
    above: TreeFile | Supervisor,
    specs: Sequence[AnySpec],
    main: str | None,
    prefix: str,
    margin: str,
    *,
    ascii_only: bool,
) -> Iterator[str]:
    branch, last, pass_by = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    copies = _copies(above)
    pairs = list(zip(children_of(above), specs, strict=True))
    for child, spec in pairs:
        is_last = spec is pairs[-1][1]
        paths = _paths(prefix, spec.name, copies)
        name = " to ".join(dict.fromkeys(path.rpartition("/")[2] for path in (paths[0], paths[-1])))
        yield f"{margin}{last if is_last else branch}{name}  {', '.join(_said(child, spec, main, paths, copies))}"
        if isinstance(child, Supervisor) and isinstance(spec, SupervisorSpec):
            inner = margin + ("   " if is_last else pass_by)
            yield from _drawn_below(child, spec.children, main, f"{paths[0]}/", inner, ascii_only=ascii_only)


def _copies(above: TreeFile | Supervisor) -> int:
    return above.partitions if isinstance(above, Supervisor) and not isinstance(above.partitions, Absent) else 0


def _paths(prefix: str, name: str, copies: int) -> list[str]:
    return [f"{prefix}{name}-{index}" for index in range(copies)] or [f"{prefix}{name}"]


def _said(child: Child | Supervisor, spec: AnySpec, main: str | None, paths: Sequence[str], copies: int) -> list[str]:
    """Say what a child is, and how it is run."""
    said = [child.factory] if isinstance(child, Child) else ["supervisor"]
    if isinstance(spec, SupervisorSpec):
        said += _of_supervisor(spec)
    said += _of_child(spec)
    if main in paths:
        said.append(f"the main one{f' is {main}' if copies else ''}: its end ends the run")
    return said


def _below(above: TreeFile | Supervisor, specs: Sequence[AnySpec], main: str | None, prefix: str) -> Iterator[str]:
    copies = _copies(above)
    for child, spec in zip(children_of(above), specs, strict=True):
        paths = _paths(prefix, spec.name, copies)
        path = " to ".join(dict.fromkeys((paths[0], paths[-1])))
        yield f"child     {path}: {', '.join(_said(child, spec, main, paths, copies))}"
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
