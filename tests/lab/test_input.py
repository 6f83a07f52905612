"""Bad input: each is told by its place, with what to do; and all that is wrong at once."""

import re
from pathlib import Path
from typing import Any

import pytest

from greenroom import Backoff, ChildSpec, Intensity, Limits, MailboxSpec, SupervisorSpec, lab

from .trees import actor, tree, trial, workers

GOOD = """
name = "herd"
description = "What an outage does."
horizon = 60
warmup = 5
seeds = [1, 2]
late = 1.5
restart_after = 10
records = 100
{top}
[tree]
name = "shop"
intensity = {{max_restarts = 5, within = 10}}
limits = {{max_concurrent_startups = 3}}
{tree}
[[tree.children]]
name = "ledger"
factory = "nowhere.at.all:Ledger"
args = ["{{parameter}}"]
restart = "transient"
{ledger}
[[tree.children]]
name = "web"
partitions = 2
with_arguments = "nowhere:function"
[[tree.children.children]]
name = "worker"
backoff = {{initial = 0.5, maximum = 4}}
{worker}
[services.db]
connect = {{exponential = 0.2}}
capacity = 2
outages = [[20, 30]]
slow = [[30, 40, 2.5]]
{db}
[actors.ledger]
startup = {{lognormal = [1.0, 0.5]}}
lifetime = {{pareto = [10, 2]}}
{ledger_model}
[actors."web/*"]
needs = "db"
[workload.visitors]
to = {{"web/*" = 3, ledger = 1}}
service = {{uniform = [0.1, 0.3]}}
{arrivals}
{visitors}
[faults.rack]
actors = ["web/worker-*"]
{moments}
[policies.patient]
backoff = "none"
mailbox = {{capacity = 10, overflow = "drop_oldest"}}
{patient}
[policies.patient.only.ledger]
handler_timeout = "unlimited"
{only}
[grid.gate.open]
[grid.gate.two]
limits = {{max_concurrent_startups = 2}}
{end}
"""
BLANKS = {
    **dict.fromkeys(re.findall(r"(?<!{){(\w+)}(?!})", GOOD), ""),
    "arrivals": "rate = 4",
    "moments": "every = {exponential = 30}",
}


def load(folder: Path, **blanks: str) -> lab.Experiment:
    path = folder / "herd.toml"
    path.write_text(GOOD.format(**{**BLANKS, **blanks}), encoding="utf-8")
    return lab.load(path)


def told(folder: Path, **blanks: str) -> list[str]:
    """What is said of a file, without its name."""
    with pytest.raises(lab.InvalidExperiment) as raised:
        load(folder, **blanks)
    path = str(folder / "herd.toml")
    assert raised.value.source == path
    assert all(each.startswith(f"{path}: ") for each in str(raised.value).splitlines())
    return [str(problem) for problem in raised.value.problems]


def test_a_file_becomes_the_experiment_that_it_says(tmp_path: Path) -> None:
    found = load(tmp_path)
    worker = ChildSpec("worker", workers, backoff=Backoff(0.5, maximum=4))
    made = lab.Experiment(
        name="herd",
        description="What an outage does.",
        horizon=60,
        warmup=5,
        seeds=[1, 2],
        late=1.5,
        restart_after=10,
        records=100,
        tree=SupervisorSpec(
            "shop",
            [ChildSpec("ledger", workers, restart="transient"), SupervisorSpec("web", [worker], partitions=2)],
            intensity=Intensity(5, within=10),
        ),
        limits=Limits(max_concurrent_startups=3),
        services={
            "db": lab.ServiceModel(connect=lab.exponential(0.2), capacity=2, outages=[(20, 30)], slow=[(30, 40, 2.5)])
        },
        actors={
            "ledger": lab.ActorModel(startup=lab.lognormal(1.0, 0.5), lifetime=lab.pareto(10, 2)),
            "web/*": lab.ActorModel(needs=["db"]),
        },
        workload={"visitors": lab.Source(to={"web/*": 3, "ledger": 1}, rate=4, service=lab.uniform(0.1, 0.3))},
        faults={"rack": lab.Fault(actors="web/worker-*", every=lab.exponential(30))},
        policies={
            "patient": lab.Policy(
                backoff=None,
                mailbox=MailboxSpec(10, "drop_oldest"),
                only={"ledger": lab.Policy(handler_timeout=None)},
            )
        },
        grid={"gate": {"open": lab.Policy(), "two": lab.Policy(limits=Limits(max_concurrent_startups=2))}},
    )
    assert found.paths == made.paths == ("ledger", "web/worker-0", "web/worker-1")
    assert lab.run(found, workers=1) == lab.run(made, workers=1)


def test_the_tree_may_stand_in_a_tree_file(tmp_path: Path) -> None:
    (tmp_path / "tree.toml").write_text(
        'name = "shop"\n[[children]]\nname = "a"\nfactory = "nowhere:A"\n[[children]]\nname = "b"\n', encoding="utf-8"
    )
    path = tmp_path / "here.toml"
    path.write_text('name = "x"\nhorizon = 1\ntree = "tree.toml"\n', encoding="utf-8")
    assert lab.load(str(path)).paths == ("a", "b")
    (tmp_path / "tree.toml").write_text('name = "shop"\nchildren = []\nstrategie = 1\n', encoding="utf-8")
    with pytest.raises(lab.InvalidExperiment, match=r"tree: .*tree.toml: strategie: there is no key 'strategie'"):
        lab.load(path)
    path.write_text('name = "x"\nhorizon = 1\ntree = "other.toml"\n', encoding="utf-8")
    with pytest.raises(lab.InvalidExperiment, match=r"tree: .*other\.toml: cannot be read: No such file"):
        lab.load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"name = ", "is no TOML: Invalid value"),
        (b"name = 'a'\n\xff", "is no TOML: line 2 is not UTF-8"),
        (b"", "name: is needed, and left out"),
        (b"", "tree: is needed, and left out"),
        (b"tree = 5", "tree: 5 is wrong here; give a table, or the path of a tree file"),
    ],
)
def test_a_file_that_is_no_experiment_at_all_is_an_error_that_says_so(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(lab.InvalidExperiment) as raised:
        lab.load(path)
    assert f"{path}: {said}" in str(raised.value)


SECONDS = "a number of seconds from 0, or a table of one key: constant = seconds"


@pytest.mark.parametrize(
    ("where", "line", "said"),
    [
        ("top", "horizom = 5", "horizom: there is no key 'horizom'; did you mean 'horizon'?"),
        ("arrivals", "rate = -1", "workload.visitors.rate: -1 is wrong here; give a finite number above 0"),
        ("arrivals", "rate = 0", "workload.visitors.rate: 0 is wrong here; give a finite number above 0"),
        ("arrivals", "rate = nan", "workload.visitors.rate: nan is wrong here; give a finite number above 0"),
        ("arrivals", "rate = inf", "workload.visitors.rate: inf is wrong here; give a finite number above 0"),
        ("arrivals", "rate = true", "workload.visitors.rate: true is wrong here; give a finite number above 0"),
        ("arrivals", 'rate = "fast"', "workload.visitors.rate: 'fast' is wrong here; give a finite number above 0"),
        ("arrivals", "", "workload.visitors: give rate or every, and not both"),
        ("arrivals", "rate = 1\nevery = 1", "workload.visitors: give rate or every, and not both"),
        ("arrivals", "rate = 1e9", "workload.visitors: some 6e+10 requests in a trial, and 100,000,000 are the most;"),
        ("arrivals", "every = 1e-300", "workload.visitors: some 6e+301 requests in a trial, and 100,000,000 are"),
        ("arrivals", "rate = 1e6\nsize = 2", "workload.visitors: some 1.2e+08 requests in a trial"),
        ("arrivals", "rate = 1e6\neach = true", "workload.visitors: some 1.8e+08 requests in a trial"),
        ("arrivals", "rate = 1e9\nuntil = 0.01", None),
        ("moments", "every = 1e-9", "faults.rack: some 6e+10 faults in a trial, and 100,000,000 are the most; have"),
        ("db", "breaks = 1e-9\nrepair = 0", "services.db.repair: is always 0"),
        ("db", "breaks = 1e-9\nrepair = 1e-9", "services.db: some 3e+10 outages in a trial, and 100,000,000 are"),
        ("visitors", "size = 0", "workload.visitors.size: 0 is wrong here; give a whole number from 1"),
        ("visitors", "poison = 1.5", "workload.visitors.poison: 1.5 is wrong here; give a number from 0 to 1"),
        ("visitors", "each = 1", "workload.visitors.each: 1 is wrong here; give true or false"),
        (
            "visitors",
            "start = 60",
            "workload.visitors.start: 60 is not before the horizon, 60, so it would never happen",
        ),
        ("moments", "at = [70, 60]", "faults.rack.at: 60 is not before the horizon, 60, so it would never happen"),
        ("moments", "at = [70, 59]", None),
        ("visitors", "start = 5\nuntil = 5", "workload.visitors.until: 5 is not after the start, 5"),
        ("ledger_model", "shutdown = -0.1", f"actors.ledger.shutdown: -0.1 is wrong here; give {SECONDS}"),
        ("ledger_model", "service = {exponential = 0}", "actors.ledger.service: exponential: mean is 0; give a finite"),
        ("ledger_model", "service = {uniform = [2, 1]}", "actors.ledger.service: uniform: low is 2 and high is 1;"),
        ("ledger_model", "service = {uniform = [1]}", "actors.ledger.service: uniform: 1 numbers are given; give low,"),
        ("ledger_model", "service = {normal = 1}", "actors.ledger.service: a table with the keys normal is wrong here"),
        ("ledger_model", "service = {pareto = [1, nan]}", "actors.ledger.service: pareto: alpha is nan; give a finite"),
        ("ledger_model", 'calls = "bd"', "actors.ledger.calls: there is no service 'bd'; there is db"),
        (
            "ledger_model",
            "needs = []",
            "actors.ledger.needs: an empty array is wrong here; give a string that is not empty",
        ),
        ("ledger_model", 'needs = ["db", "db"]', "actors.ledger.needs: an array names one twice"),
        (
            "ledger_model",
            'needs = "db"\n[actors."web/w*"]',
            "actors.'web/*': is of no use: 'web/w*' before it means 'web/worker-0' too, and the first counts; put it",
        ),
        (
            "ledger_model",
            'needs = "db"\n[actors."webb/*"]',
            "actors.'webb/*': there is no actor 'webb/*'; there is ledger, web/worker-0, ",
        ),
        ("db", "timeout = 0", "services.db.timeout: 0 is wrong here; give a finite number above 0"),
        ("db", "breaks = 5", "services.db: breaks and repair go together; give both or none"),
        (
            "db",
            "breaks = 0\nrepair = 1",
            "services.db.breaks: is always 0, so there would be no end of it at any moment",
        ),
        ("moments", "at = [3, -1]", "faults.rack.at: -1 is wrong here; give an array of seconds from 0"),
        ("moments", "at = []", "faults.rack.at: an empty array is wrong here; give an array of seconds from 0"),
        ("moments", "every = 0", "faults.rack.every: is always 0, so there would be no end of it at any moment; give"),
        ("moments", "", "faults.rack: give every or at, and not both"),
        ("patient", 'strategy = "one_for_on"', "policies.patient.strategy: 'one_for_on' is wrong here; give"),
        ("patient", 'restart = "always"', "policies.patient.restart: 'always' is wrong here; give"),
        ("patient", "intensity = {max_restarts = -1}", "policies.patient.intensity: Intensity.max_restarts: -1 is not"),
        ("patient", "intensity = {restarts = 1}", "policies.patient.intensity: there is no key 'restarts'; did you"),
        ("patient", "limits = 5", "policies.patient.limits: 5 is wrong here; give a table of max_actors, max_depth,"),
        ("only", 'backoff = "never"', "policies.patient.only.ledger.backoff: 'never' is wrong here; give a table, or"),
        ("only", "backoff = {initial = 1}", "policies.patient.only.ledger.backoff: maximum is left out; it is needed"),
        ("only", "limits = {}", "policies.patient.only.ledger.limits: are of the whole tree; give them beside only"),
        ("only", "[policies.patient.only.legder]", "policies.patient.only.legder: there is no actor or supervisor"),
        ("end", "[grid.nothing]", "grid.nothing: there is nothing on this axis; name a part, or leave the axis out"),
        ("tree", 'strategy = "dynamic"', "tree.strategy: 'dynamic' is wrong here; give"),
        ("ledger", "shutdown = -5", "tree.children[0].shutdown: -5 is wrong here; give a number of seconds from 0"),
        ("worker", "rest_after = 5", None),
        (
            "worker",
            'restart = "transient"\nsignificant = true',
            "tree.children[1].children[0].significant: its supervisor has",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, where: str, line: str, said: str | None) -> None:
    if said is None:  # what only agents have is left out, as nobody here is one
        load(tmp_path, **{where: line})
        return
    [problem, *others] = told(tmp_path, **{where: line})
    assert problem.startswith(said)
    assert others == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("horizon", "0", "horizon: 0 is wrong here; give a finite number of seconds above 0"),
        ("horizon", "-5", "horizon: -5 is wrong here; give a finite number of seconds above 0"),
        ("name", '" "', "name: is empty; reports begin with it"),
        ("horizon", "inf", "horizon: inf is wrong here; give a finite number of seconds above 0"),
        ("warmup", "60", "warmup: 60 leaves nothing to measure before the horizon, 60"),
        ("seeds", "0", "seeds: 0 is wrong here; give how many (1 to 100000), or an array of whole numbers from 0"),
        ("seeds", "[]", "seeds: an empty array is wrong here; give how many"),
        ("seeds", "[1, 1]", "seeds: one is given twice, and would count twice"),
        ("seeds", "[1, -2]", "seeds: -2 is wrong here; give how many"),
        ("late", "0", "late: 0 is wrong here; give a finite number above 0"),
        ("restart_after", "nan", "restart_after: nan is wrong here; give a finite number of seconds from 0"),
        ("records", "-1", "records: -1 is wrong here; give a whole number from 0"),
        (
            "outages",
            "[[30, 20]]",
            "services.db.outages: [30, 20] is no time: give a beginning from 0, and an end after",
        ),
        ("outages", "[[5, 9], [8, 12]]", "services.db.outages: the one from 8 begins before the one from 5 has ended"),
        ("outages", "[[60, 70], [80, 90]]", "services.db.outages: 60 is not before the horizon, 60, so it would never"),
        ("slow", "[[61, 70, 2]]", "services.db.slow: 61 is not before the horizon, 60, so it would never happen"),
        ("outages", "5", "services.db.outages: 5 is wrong here; give an array of [begin, end]"),
        ("outages", "[5, 9]", "services.db.outages: 5 is wrong here; give an array of [begin, end]"),
        ("slow", "[[1, 2, 0]]", "services.db.slow: the factor of the one from 1 is 0; give a number above 0"),
        ("to", '"nobody"', "workload.visitors.to: there is no actor 'nobody'; there is"),
        ("to", "{ledger = 0}", "workload.visitors.to: the weight of 'ledger' is 0; give a number above 0"),
        ("to", "{}", "workload.visitors.to: the table is empty, so nobody would get a request; name actors"),
        ("actors", "[]", "faults.rack.actors: an empty array is wrong here; give a string that is not empty"),
        ("mailbox", '{overflow = "wait"}', 'policies.patient.mailbox: MailboxSpec: overflow="wait" needs a capacity;'),
    ],
)
def test_a_wrong_value_is_told_with_its_place(tmp_path: Path, key: str, value: str, said: str) -> None:
    text, many = re.subn(
        rf"^{key} = .*$", lambda _: f"{key} = {value}", GOOD.format(**BLANKS), count=1, flags=re.MULTILINE
    )
    assert many == 1
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(lab.InvalidExperiment) as raised:
        lab.load(path)
    [problem] = raised.value.problems
    assert str(problem).startswith(said)


def test_an_outage_after_the_horizon_is_no_mistake_if_there_is_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        GOOD.format(**BLANKS).replace("outages = [", "outages = [[59, 60], [60, 70]] # ["), encoding="utf-8"
    )
    assert lab.load(path).services["db"].outages == ((59, 60), (60, 70))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = told(tmp_path, arrivals="rate = -1", db="timeout = 0", ledger="shutdown = -5")
    assert [problem.partition(": ")[0] for problem in found] == [
        "tree.children[0].shutdown",
        "services.db.timeout",
        "workload.visitors.rate",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"horizon": 0}, "horizon: 0 is wrong here"),
        ({"tree": "shop"}, "tree: 'shop' is no SupervisorSpec"),
        ({"tree": tree()}, "tree: there is no actor in it, so nothing would happen"),
        ({"tree": tree(SupervisorSpec("d", strategy="dynamic"), actor("a"))}, "tree: a dynamic supervisor declares"),
        ({"tree": tree(actor("a"), actor("a"))}, r"tree: children\[1\] \('a'\): the name is used twice"),
        ({"policies": {"p": 1}}, "policies.p: 1 is no Policy"),
        ({"policies": [1]}, r"policies: \[1\] is no dict of Policy"),
        ({"workload": {1: lab.Source(to="*", rate=1)}}, "workload: 1 is no name"),
        ({"grid": {"axis": {"p": None}}}, "grid.axis.p: None is no Policy"),
        ({"grid": 5}, "grid: 5 is no dict"),
        ({"grid": {str(n): {"a": lab.Policy(), "b": lab.Policy()} for n in range(10)}}, "grid: makes 1024 policies"),
        (
            {"policies": {"a/b": lab.Policy()}, "grid": {"x": {"a": lab.Policy()}, "y": {"b": lab.Policy()}}},
            "grid: 2 of what is compared would be named 'a/b'; name its parts otherwise",
        ),
        ({"name": ""}, "name: is empty"),
        ({"seeds": 1.5}, "seeds: 1.5 is wrong here"),
        ({"limits": "none"}, "limits: 'none' is wrong here"),
        ({"policies": {"p": lab.Policy(on_overdue="restart")}}, "policies.p: .*on_overdue"),
    ],
)
def test_an_experiment_that_is_made_in_python_is_checked_as_one_in_a_file(fields: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"name": "x", "horizon": 1.0, "tree": workers(1), **fields}
    with pytest.raises(lab.InvalidExperiment, match=rf"\A{said}"):
        lab.Experiment(**given)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lab.Source(to="a", rate=-1.0), "rate: -1.0 is wrong here; give a finite number above 0"),
        (lambda: lab.Source(to="", rate=1), "to: '' is wrong here"),
        (lambda: lab.ActorModel(startup=-1), "startup: -1 is wrong here"),
        (lambda: lab.ActorModel(lifetime="long"), "lifetime: 'long' is wrong here"),  # type: ignore[arg-type]
        (lambda: lab.ServiceModel(silent=1, capacity=0), r"capacity: 0 is wrong[^\n]*\nsilent: 1 is wrong"),  # type: ignore[arg-type]
        (lambda: lab.Fault(actors=5, at=[1]), "actors: 5 is wrong here"),  # type: ignore[arg-type]
        (lambda: lab.Policy(startup="later"), "startup: 'later' is wrong here"),  # type: ignore[arg-type]
        (lambda: lab.Policy(only={"a": 3}), "only.a: 3 is no Policy"),  # type: ignore[dict-item]
        (lambda: lab.Policy(only=[3]), r"only: \[3\] is no dict of Policy"),  # type: ignore[arg-type]
        (lambda: lab.Policy(backoff="none", redeliver=-1), "redeliver: -1 is wrong here"),  # type: ignore[arg-type]
    ],
)
def test_a_part_that_is_made_in_python_is_checked_where_it_is_made(make: Any, said: str) -> None:
    with pytest.raises(lab.InvalidExperiment, match=rf"\A{said}"):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lab.exponential(0), "exponential: mean is 0; give a finite number above 0"),
        (lambda: lab.constant(float("inf")), "constant: seconds is inf; give a finite number from 0"),
        (lambda: lab.uniform(3, 1), "uniform: low is 3 and high is 1; give low <= high"),
        (lambda: lab.lognormal(True, 1), "lognormal: median is true; give a finite number above 0"),
        (lambda: lab.pareto(1, -1), "pareto: alpha is -1; give a finite number above 0"),
    ],
)
def test_a_distribution_that_cannot_be_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        make()


@pytest.mark.parametrize(
    "distribution",
    [lab.lognormal(1, 1e9), lab.lognormal(1, 1e300), lab.pareto(1, 1e-9), lab.exponential(1e308)],
    ids=repr,
)
def test_what_no_float_is_as_large_as_is_for_ever(distribution: lab.Distribution) -> None:
    assert distribution.at(1 - 2.0**-53) == float("inf")
    assert distribution.mean >= 1e308
    found = trial(workers(1), actors={"*": lab.ActorModel(startup=distribution, lifetime=lab.pareto(1, 1e-9))})
    assert (found.measures["crashes"], found.measures["restarts"]) == (0, 0)


@pytest.mark.parametrize(
    ("distribution", "mean"),
    [
        (lab.constant(2), 2),
        (lab.exponential(2), 2),
        (lab.uniform(1, 5), 3),
        (lab.lognormal(2, 0.5), 2.266296906),
        (lab.pareto(1, 3), 1.5),
    ],
    ids=repr,
)
def test_what_is_drawn_has_the_mean_that_it_says(distribution: lab.Distribution, mean: float) -> None:
    many = 100_000
    drawn = [distribution.at((number + 0.5) / many) for number in range(many)]
    assert distribution.mean == pytest.approx(mean)
    assert sum(drawn) / many == pytest.approx(mean, rel=0.005)
    assert drawn == sorted(drawn)
    assert distribution.at(0.0) >= 0
