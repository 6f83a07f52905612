"""What is left of an experiment: plain data, a trial for each policy and seed.

    Results  ──  Trial (policy, seed)  ──  measures, availability, recoveries, latencies
                                       ──  changes (the timeline), happenings (the story)

Everything is in seconds of the trial's own clock, which begins at 0, and everything is the same to the last digit
whenever the same experiment is run with the same seed.
"""

from typing import Literal, get_args

from attrs import field, frozen

State = Literal["starting", "up", "backing off", "down"]
"""Where an actor is, as the timeline draws it.

`starting` is from its start until it is ready, mail waits; `up` is ready; `backing off` waits to be started again;
`down` is whatever else: stopped, given up, not begun.
"""
STATES: tuple[State, ...] = get_args(State)

Kind = Literal[
    "crash",
    "restart",
    "escalation",
    "startup failed",
    "gave up",
    "outage begins",
    "outage ends",
    "request lost",
    "request refused",
    "hang",
]
"""What can happen to an actor, a supervisor, a service (then the path is its name) or a request (then it is whom it asked)."""
KINDS: tuple[Kind, ...] = get_args(Kind)

Measure = Literal[
    "availability",
    "asked",
    "answered",
    "lost",
    "late",
    "unanswered",
    "latency mean",
    "latency p50",
    "latency p90",
    "latency p99",
    "latency max",
    "crashes",
    "restarts",
    "wasted restarts",
    "escalations",
    "startups failed",
    "recovery mean",
    "recovery max",
    "queued mean",
    "queued max",
    "in system mean",
    "waiting mean",
    "steps",
]
"""The measures of a trial, every one of them in each.

* `availability`: the share of the time in which all actors were up at once (the tree's availability);
* `asked`: requests that arrived; `answered`; `lost`: refused, dropped, or with the actor that had them in hand; `unanswered`: under way at the
  horizon. `late` are those of the answered that took longer than the experiment's `late`;
* `latency …`: seconds from a request's arrival to its answer, `waiting mean`: to the beginning of its handling (`nan` when there was none);
* `crashes`, `restarts`, `startups failed`: of actors. `wasted restarts` did not come to `up`, or were of actors that had not failed themselves;
  `escalations`: supervisors that gave up;
* `recovery …`: seconds from an actor's going down to its being up again (`nan` when there was none);
* `queued …`: mail that waits in all mailboxes together, over time; `in system mean`: with what is being handled;
* `steps`: crashes, requests, changes and happenings together: the size of the trial.
"""
MEASURES: tuple[Measure, ...] = get_args(Measure)


@frozen
class Change:
    """At `at` seconds the actor `path` went into `state`."""

    at: float
    path: str
    state: State


@frozen
class Happening:
    """At `at` seconds something worth telling happened to `path`; `text` says what, in a few words."""

    at: float
    path: str
    kind: Kind
    text: str = ""


@frozen
class Trial:
    """One run of the tree under one policy with one seed."""

    policy: str
    seed: int
    # Seconds.
    horizon: float
    # By the names in MEASURES, in that order; a mean or percentile of nothing is nan.
    measures: dict[str, float]
    # By actor path: the share of the horizon in which it was up, 0 to 1.
    availability: dict[str, float]
    # Seconds from going down to being up again, in the order of their ends.
    recoveries: tuple[float, ...] = ()
    # Seconds: the 0th, 1st, … 100th percentile over all answered requests; empty when there were none.
    latencies: tuple[float, ...] = ()
    # In the order in which they happened; the first changes are at 0 and name every actor.
    changes: tuple[Change, ...] = ()
    happenings: tuple[Happening, ...] = ()
    # How many changes and happenings are not kept, since the trial has more than the experiment's `records`.
    dropped: int = 0


@frozen
class Results:
    """All trials of an experiment: for each policy, in its order, all seeds, in theirs."""

    name: str
    description: str
    # Seconds.
    horizon: float
    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: tuple[Trial, ...] = field(repr=False)

    def of(self, policy: str) -> tuple[Trial, ...]:
        """Get the trials of a policy, in the order of the seeds."""
        return tuple(trial for trial in self.trials if trial.policy == policy)
