"""Trees and experiments for the tests of the lab."""

from typing import Any

from greenroom import ChildSpec, Intensity, SupervisorSpec, lab

#: More restarts than any test makes.
PATIENT = Intensity(1_000_000, within=1.0)


def placeholder() -> Any:
    raise AssertionError("the lab makes its own actors")


def actor(name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name, placeholder, **options)


def tree(*children: ChildSpec | SupervisorSpec, **options: Any) -> SupervisorSpec:
    options.setdefault("intensity", PATIENT)
    return SupervisorSpec("t", children, **options)


def workers(many: int, **options: Any) -> SupervisorSpec:
    return tree(*(actor(f"w{number}", **options) for number in range(many)))


def experiment(root: SupervisorSpec, **fields: Any) -> lab.Experiment:
    given: dict[str, Any] = {"name": "test", "tree": root, "horizon": 100.0, **fields}
    return lab.Experiment(**given)


def trial(root: SupervisorSpec, **fields: Any) -> lab.Trial:
    """The one trial of an experiment."""
    [found] = lab.run(experiment(root, **fields), workers=1).trials
    return found


def story(found: lab.Trial, *kinds: str) -> list[tuple[float, str, str]]:
    """When, who and what, of some kinds of happenings."""
    return [(round(each.at, 6), each.path, each.kind) for each in found.happenings if each.kind in kinds]


def line(found: lab.Trial, path: str) -> list[tuple[float, str]]:
    """The timeline of one actor."""
    return [(round(each.at, 6), each.state) for each in found.changes if each.path == path]
