"""Trials made by hand: actors that go down and come up again by drawn times; no tree is run."""

import math
import random
from collections.abc import Sequence

from greenroom.lab._trial import MEASURES, Change, Happening, Results, Trial


def measures(**given: float) -> dict[str, float]:
    """All measures, 0 but for those given (an underscore stands for a space), and nan for means of nothing."""
    values = {name: math.nan if name.startswith(("latency", "recovery", "waiting")) else 0.0 for name in MEASURES}
    return values | {name.replace("_", " "): float(value) for name, value in given.items()}


def trial(policy: str = "plain", seed: int = 1, *, horizon: float = 100.0, **given: float) -> Trial:
    return Trial(policy, seed, horizon, measures(**given), {"a": given.get("availability", 0.0)})


def results(figures: dict[str, Sequence[float]], measure: str = "restarts", name: str = "made") -> Results:
    """Results of one measure: for each policy its values, seed by seed."""
    [count] = {len(values) for values in figures.values()}
    seeds = tuple(range(1, count + 1))
    trials = tuple(
        Trial(policy, seed, 100.0, measures(**{measure: value}), {"a": 1.0})
        for policy, values in figures.items()
        for seed, value in zip(seeds, values, strict=True)
    )
    return Results(name, "by hand", 100.0, tuple(figures), seeds, trials)


def drawn(
    *,
    policies: Sequence[str] = ("immediate", "backoff"),
    actors: Sequence[str] = ("store", "team/worker-1", "team/worker-2", "api"),
    seeds: int = 5,
    horizon: float = 3600.0,
    every: float = 300.0,
    outage: tuple[float, float] | None = (1200.0, 1290.0),
    name: str = "made",
    description: str = "Actors that go down and up by drawn times.",
) -> Results:
    trials = tuple(
        _drawn(policy, seed, number, actors, horizon, every, outage)
        for number, policy in enumerate(policies)
        for seed in range(1, seeds + 1)
    )
    return Results(name, description, horizon, tuple(policies), tuple(range(1, seeds + 1)), trials)


def _drawn(  # noqa: PLR0917 -- called in one place
    policy: str, seed: int, number: int, actors: Sequence[str], horizon: float, every: float, outage: tuple[float, float] | None
) -> Trial:  # fmt: skip
    rng = random.Random(f"{seed}")
    changes: list[Change] = []
    happenings: list[Happening] = []
    recoveries: list[float] = []
    if outage is not None:
        happenings.append(Happening(outage[0], "database", "outage begins"))
        happenings.append(Happening(outage[1], "database", "outage ends"))
    availability: dict[str, float] = {}
    for actor in actors:
        changes.append(Change(0.0, actor, "starting"))
        at = rng.uniform(0.1, 2.0)
        changes.append(Change(at, actor, "up"))
        up = 0.0
        while True:
            crash = at + rng.expovariate(1 / every)
            if outage is not None and at < outage[0] < crash:
                crash = outage[0] + rng.uniform(0, 5)
            up += min(crash, horizon) - at
            if crash >= horizon:
                break
            happenings.append(Happening(crash, actor, "crash", "ConnectionError: no database"))
            changes.append(Change(crash, actor, "backing off"))
            start = crash + rng.uniform(0.1, 3.0) * (1 + number)
            at = start + rng.uniform(0.2, 2.0)
            while outage is not None and outage[0] <= at < outage[1]:
                happenings.append(Happening(start, actor, "restart"))
                changes.append(Change(start, actor, "starting"))
                happenings.append(Happening(at, actor, "startup failed", "ConnectionError: no database"))
                changes.append(Change(at, actor, "backing off"))
                start = at + rng.uniform(1, 8) * (1 + number)
                at = start + rng.uniform(0.2, 2.0)
            if start < horizon:
                happenings.append(Happening(start, actor, "restart"))
                changes.append(Change(start, actor, "starting"))
            if at >= horizon:
                break
            changes.append(Change(at, actor, "up"))
            recoveries.append(at - crash)
        availability[actor] = up / horizon
    figures = {
        "availability": math.fsum(availability.values()) / len(availability),
        "restarts": float(len(recoveries)),
        "crashes": float(sum(each.kind == "crash" for each in happenings)),
        "asked": 1000.0,
        "answered": 1000.0 - len(recoveries),
        "lost": float(len(recoveries)),
        "recovery_mean": math.fsum(recoveries) / len(recoveries) if recoveries else math.nan,
        "recovery_max": max(recoveries, default=math.nan),
        "latency_p50": 0.01 * (number + 1),
        "latency_p90": 0.05 * rng.uniform(1, 1.2) * (number + 1),
        "latency_p99": 1.5 * rng.uniform(1, 2),
        "steps": float(len(changes)),
    }
    return Trial(
        policy, seed, horizon, measures(**figures), availability, tuple(recoveries), (),
        tuple(sorted(changes, key=lambda change: change.at)), tuple(sorted(happenings, key=lambda each: each.at)),
    )  # fmt: skip
