"""An experiment with something of everything, and a number for what comes of it: run it with any version of Python."""

from hashlib import sha256
from typing import Any

import attrs

from greenroom import Backoff, ChildSpec, Intensity, SupervisorSpec, lab


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


def digest(results: lab.Results) -> str:
    """A number for all that was found, to the last digit."""
    return sha256(repr(attrs.astuple(results)).encode()).hexdigest()


if __name__ == "__main__":
    print(digest(lab.run(busy(), workers=1)))
