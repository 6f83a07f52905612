"""An experiment with something of everything, and a number for what comes of it: run it with any version of Python."""

from hashlib import sha256
from typing import Any

import attrs

from greenroom import Backoff, ChildSpec, Intensity, Limits, MailboxSpec, SupervisorSpec, lab


def _placeholder() -> Any:
    raise AssertionError("the lab makes its own actors")


def _actor(name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name, _placeholder, **options)


def busy() -> lab.Experiment:
    """Something of everything, with many ties and jitter."""
    team = SupervisorSpec(
        "team", [_actor("a"), _actor("b"), _actor("c")], strategy="rest_for_one", intensity=Intensity(2, within=3)
    )
    root = SupervisorSpec(
        "t",
        (team, _actor("d", redeliver=1), _actor("e", backoff=Backoff(0.5, maximum=4, jitter=0.5))),
        intensity=Intensity(20, within=10),
    )
    any_time = lab.uniform(0.5, 3)
    return lab.Experiment(
        name="busy",
        tree=root,
        horizon=120.0,
        warmup=10,
        seeds=[3, 7],
        late=0.5,
        restart_after=5,
        actors={
            "team/*": lab.ActorModel(startup=1, lifetime=lab.uniform(5, 50), needs=["db"]),
            "*": lab.ActorModel(startup=any_time, lifetime=lab.uniform(2, 9), service=0.25, startup_failure=0.1),
        },
        services={"db": lab.ServiceModel(connect=0.5, capacity=1, breaks=lab.uniform(20, 60), repair=any_time)},
        workload={
            "all": lab.Source(to="*", rate=None, every=0.5, each=True, poison=0.02),
            "bursts": lab.Source(to=["d", "e"], every=7.0, size=9, service=lab.uniform(0, 1)),
        },
        faults={"rack": lab.Fault(actors="*", every=lab.uniform(10, 40), share=0.5)},
        policies={"as it is": lab.Policy(), "all": lab.Policy(strategy="one_for_all")},
    )


def wide() -> lab.Experiment:
    """Every distribution, kind of fault, service, arrival, overflow and option of a policy, for a few seconds each."""
    pair = SupervisorSpec("pair", [_actor("store"), _actor("api", startup="deferred")], strategy="rest_for_one")
    tiny = [MailboxSpec(2, overflow) for overflow in ("reject", "drop_oldest", "drop_newest", "wait")]
    boxes = SupervisorSpec("boxes", [_actor(f"b{number}", mailbox=each) for number, each in enumerate(tiny)])
    stuck = _actor("stuck", handler_timeout=1.5, on_overdue="restart", redeliver=1)
    root = SupervisorSpec(
        "w", (pair, boxes, stuck, _actor("brief", restart="transient")), intensity=Intensity(50, within=5)
    )
    return lab.Experiment(
        name="wide",
        tree=root,
        horizon=40.0,
        warmup=1.0,
        seeds=[4, 11],
        late=1.0,
        restart_after=2.0,
        limits=Limits(max_concurrent_startups=3),
        actors={
            "pair/store": lab.ActorModel(startup=lab.lognormal(0.5, 0.7), lifetime=lab.pareto(2.0, 1.5), needs=["db", "lake"]),
            "pair/api": lab.ActorModel(service=lab.exponential(0.2), calls="db", relies="pair/store", shutdown=lab.uniform(0, 1)),
            "boxes/*": lab.ActorModel(startup=lab.exponential(0.4), service=lab.lognormal(0.3, 1.0), lifetime=lab.exponential(9.0)),
            "*": lab.ActorModel(startup=lab.constant(0.2), startup_failure=0.1, service=lab.pareto(0.05, 1.2)),
        },
        services={
            "db": lab.ServiceModel(
                connect=lab.exponential(0.1), capacity=2, timeout=0.6, latency=lab.pareto(0.02, 2.0), failure=0.05,
                outages=[(8, 10)], slow=[(15, 20, 3.0)], silent=True,
            ),
            "lake": lab.ServiceModel(latency=0.1, breaks=lab.exponential(12.0), repair=lab.lognormal(1.0, 0.3)),
        },
        workload={
            "people": lab.Source(to={"boxes/*": 3, "pair/*": 1}, rate=8.0, start=1.0, until=38.0),
            "jobs": lab.Source(to="stuck", rate=0.7, poison=0.2, hang=0.2),
            "bursts": lab.Source(to=["boxes/*", "brief"], every=6.0, size=4, each=True, service=lab.uniform(0.1, 0.9)),
        },
        faults={
            "known": lab.Fault(actors=["pair/*", "brief"], at=[5, 21.5]),
            "rack": lab.Fault(actors="*", every=lab.exponential(15.0), share=0.4),
        },
        policies={"deferred": lab.Policy(startup="deferred", restart="transient", shutdown=0.5, limits=Limits())},
        grid={
            "backoff": {
                "none": lab.Policy(backoff=None),
                "some": lab.Policy(backoff=Backoff(0.2, 3.0, jitter=0.5), only={"stuck": lab.Policy(on_overdue="cancel")}),
            },
            "strategy": {
                "one": lab.Policy(strategy="one_for_one", intensity=Intensity(2, within=4)),
                "all": lab.Policy(strategy="one_for_all", redeliver=2),
            },
        },
    )  # fmt: skip


def rounded(results: lab.Results) -> str:
    """A number for the measures to nine digits: what logarithms and powers come to may differ by platform in the last one."""
    found = [(each.policy, each.seed, [f"{value:.9g}" for value in each.measures.values()]) for each in results.trials]
    return sha256(repr(found).encode()).hexdigest()


def digest(results: lab.Results) -> str:
    """A number for all that was found, to the last digit."""
    return sha256(repr(attrs.astuple(results)).encode()).hexdigest()


if __name__ == "__main__":
    print(digest(lab.run(busy(), workers=1)))
    print(rounded(lab.run(wide(), workers=1)))
