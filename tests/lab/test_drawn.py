"""Experiments that are drawn: whatever happens in them, the figures fit together, and come out again."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom import Backoff, ChildSpec, Intensity, Limits, MailboxSpec, Strategy, SupervisorSpec, lab

from .trees import actor

HORIZON = 40.0
TIMES = st.sampled_from(
    [lab.constant(0.5), lab.uniform(0, 3), lab.exponential(1), lab.lognormal(1, 1), lab.pareto(0.5, 1.5)]
)
RARE = st.sampled_from([None, lab.exponential(8), lab.constant(5), lab.uniform(1, 30)])
STRATEGIES: list[Strategy] = ["one_for_one", "one_for_all", "rest_for_one"]
CHANCE = st.sampled_from([0.0, 0.0, 0.2])
BACKOFFS = st.sampled_from([None, Backoff(0.5, maximum=8, jitter=0.5), Backoff(1, maximum=1, max_attempts=3)])
MAILBOXES = st.sampled_from([MailboxSpec(), MailboxSpec(1), MailboxSpec(2, "drop_oldest"), MailboxSpec(2, "wait")])


@st.composite
def actors(draw: st.DrawFn, name: str) -> ChildSpec:
    restart = draw(st.sampled_from(["permanent", "permanent", "transient", "temporary"]))
    limit = draw(st.sampled_from([None, 2.0]))
    return actor(
        name,
        restart=restart,
        startup=draw(st.sampled_from(["inline", "deferred"])),
        startup_timeout=draw(st.sampled_from([1.0, 60.0])),
        shutdown=draw(st.sampled_from([0, 1, 5])),
        mailbox=draw(MAILBOXES),
        redeliver=draw(st.integers(0, 1)),
        backoff=None if restart == "temporary" else draw(BACKOFFS),
        handler_timeout=limit,
        on_overdue=draw(st.sampled_from(["warn", "cancel", "restart"])) if limit else "warn",
    )


@st.composite
def supervisors(draw: st.DrawFn, name: str, depth: int) -> SupervisorSpec:
    children: list[ChildSpec | SupervisorSpec] = []
    for number in range(draw(st.integers(1, 3))):
        is_actor = depth == 0 or draw(st.booleans())
        if is_actor:
            children.append(draw(actors(f"a{number}")))
        else:
            children.append(draw(supervisors(f"s{number}", depth - 1)))
    strategy = draw(st.sampled_from(STRATEGIES))
    intensity = Intensity(draw(st.integers(0, 6)), within=draw(st.sampled_from([1.0, 10.0])))
    return SupervisorSpec(name, children, strategy=strategy, intensity=intensity)


@st.composite
def experiments(draw: st.DrawFn) -> lab.Experiment:
    model = st.builds(
        lab.ActorModel,
        startup=TIMES,
        startup_failure=CHANCE,
        service=TIMES,
        lifetime=RARE,
        shutdown=st.sampled_from([0, 0.5, 3]),
        needs=st.sampled_from([(), ("db",)]),
        calls=st.sampled_from([(), ("db",)]),
    )
    needs = draw(model)
    given_: dict[str, Any] = {
        "name": "drawn",
        "tree": draw(supervisors("t", 2)),
        "horizon": HORIZON,
        "warmup": draw(st.sampled_from([0, 10])),
        "late": 1.0,
        "restart_after": draw(st.sampled_from([None, 3.0])),
        "limits": draw(st.sampled_from([None, Limits(max_concurrent_startups=1)])),
        "actors": {"*": needs},
        "services": {
            "db": lab.ServiceModel(
                connect=draw(TIMES),
                capacity=draw(st.sampled_from([None, 1])),
                timeout=4,
                latency=draw(TIMES),
                failure=draw(CHANCE),
                outages=draw(st.sampled_from([[], [[5, 15]], [[3, 4], [4, 5]]])),
                silent=draw(st.booleans()),
            )
        },
        "workload": {
            "s": lab.Source(
                to="*",
                rate=draw(st.sampled_from([0.5, 5])),
                size=draw(st.integers(1, 3)),
                poison=draw(CHANCE),
                hang=draw(CHANCE),
            )
        },
        "faults": {"f": lab.Fault(actors="*", every=draw(RARE) or 20, share=0.5)},
        "records": 1_000_000,
    }
    return lab.Experiment(**given_)


def check(found: lab.Trial, warmup: float) -> None:
    """What holds in any trial."""
    measures, span = found.measures, HORIZON - warmup
    assert measures["asked"] == measures["answered"] + measures["lost"] + measures["unanswered"]
    assert min(measures[key] for key in ("asked", "answered", "lost", "unanswered", "late")) >= 0
    assert measures["late"] <= measures["answered"]
    assert measures["wasted restarts"] <= measures["restarts"]
    assert all(0 <= share <= 1 + 1e-12 for share in found.availability.values())
    assert 0 <= measures["availability"] <= min(found.availability.values()) + 1e-12
    assert measures["queued mean"] <= measures["in system mean"] + 1e-9
    assert measures["queued mean"] <= measures["queued max"] + 1e-9
    assert all(each >= 0 for each in found.recoveries)
    assert list(found.latencies) == sorted(found.latencies)
    for path, share in found.availability.items():
        line = [each for each in found.changes if each.path == path]
        assert line[0].at == 0
        assert all(one.at < other.at and one.state != other.state for one, other in pairwise(line))
        ends = [*(each.at for each in line[1:]), HORIZON]
        up = sum(
            max(0.0, end - max(each.at, warmup)) for each, end in zip(line, ends, strict=True) if each.state == "up"
        )
        assert abs(up / span - share) < 1e-9
    times = [each.at for each in (*found.changes,)]
    assert times == sorted(times)
    assert [each.at for each in found.happenings] == sorted(each.at for each in found.happenings)


@given(experiments())
@settings(max_examples=max(8, settings().max_examples // 12))
def test_the_figures_of_any_trial_fit_together_and_come_out_again(made: lab.Experiment) -> None:
    try:
        [found] = lab.run(made, workers=1).trials
    except lab.TrialEndless:
        return
    check(found, made.warmup)
    assert repr(lab.run(made, workers=1).trials) == repr((found,))
