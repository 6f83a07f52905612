"""Single trials, each small enough to be worked out by hand."""

from math import isnan
from typing import Any

import attrs
import pytest

from greenroom import Backoff, Intensity, Limits, MailboxSpec, SupervisorSpec, lab

from .trees import PATIENT, actor, experiment, line, story, tree, trial, workers

CRASH_AT_10 = {"x": lab.Fault(actors=["w0"], at=[10])}
SLOW = {"*": lab.ActorModel(startup=2)}


def once(**more: Any) -> dict[str, lab.Source]:
    """Requests to w0, one a second, from second 10 on, each handled in half a second."""
    given: dict[str, Any] = {"to": "w0", "every": 1.0, "start": 10, "service": 0.5, **more}
    return {"s": lab.Source(**given)}


def test_a_crash_is_followed_by_the_restart_that_the_tree_makes_of_it() -> None:
    found = trial(workers(2), faults=CRASH_AT_10, actors=SLOW)
    assert line(found, "w0") == [(0, "starting"), (2, "up"), (10, "starting"), (12, "up")]
    # They are inline: one starts after the other.
    assert line(found, "w1") == [(0, "starting"), (4, "up")]
    assert story(found, "crash", "restart") == [(10, "w0", "crash"), (10, "w0", "restart")]
    assert found.availability == {"w0": 0.96, "w1": 0.96}
    assert found.measures["availability"] == pytest.approx(0.94)
    assert found.recoveries == (2.0,)
    assert [found.measures[key] for key in ("crashes", "restarts", "wasted restarts")] == [1, 1, 0]


def test_who_waits_for_its_backoff_is_shown_so() -> None:
    faults = {"x": lab.Fault(actors="w0", at=[10, 13])}
    found = trial(workers(1, backoff=Backoff(5, maximum=60)), faults=faults, actors=SLOW)
    # The first restart is immediate, the second comes after the initial 5 s.
    assert line(found, "w0") == [
        (0, "starting"), (2, "up"), (10, "starting"), (12, "up"), (13, "backing off"), (18, "starting"), (20, "up"),
    ]  # fmt: skip


def test_who_is_not_restarted_stays_down() -> None:
    found = trial(workers(1, restart="temporary"), faults=CRASH_AT_10)
    assert line(found, "w0") == [(0, "up"), (10, "down")]
    assert found.measures["restarts"] == 0
    assert isnan(found.measures["recovery mean"])
    assert found.availability["w0"] == 0.1


def test_restarts_of_those_that_had_not_failed_are_wasted() -> None:
    root = tree(actor("w0"), actor("w1"), actor("w2"), strategy="one_for_all")
    found = trial(root, faults=CRASH_AT_10)
    assert [found.measures[key] for key in ("crashes", "restarts", "wasted restarts")] == [1, 3, 2]
    later = trial(root, faults=CRASH_AT_10, policies={"p": lab.Policy(strategy="one_for_one")})
    assert [later.measures[key] for key in ("crashes", "restarts", "wasted restarts")] == [1, 1, 0]


def test_a_restart_that_does_not_become_ready_is_wasted() -> None:
    faults = {"x": lab.Fault(actors=["w0"], at=[10, 11])}
    found = trial(workers(1), faults=faults, actors=SLOW)
    assert story(found, "crash", "startup failed") == [(10, "w0", "crash"), (11, "w0", "startup failed")]
    keys = ("crashes", "startups failed", "restarts", "wasted restarts")
    assert [found.measures[key] for key in keys] == [1, 1, 2, 1]
    assert found.recoveries == (3.0,)


def test_a_supervisor_that_gives_up_is_an_escalation_and_what_is_below_it_starts_anew() -> None:
    team = SupervisorSpec("team", [actor("a"), actor("b")], intensity=Intensity(0, within=5))
    found = trial(tree(team, actor("other")), faults={"x": lab.Fault(actors="team/a", at=[10])}, actors=SLOW)
    assert story(found, "escalation", "gave up") == [(10, "team", "escalation")]
    assert line(found, "team/b") == [(0, "starting"), (4, "up"), (10, "down"), (12, "starting"), (14, "up")]
    assert line(found, "other") == [(0, "starting"), (6, "up")]
    assert found.measures["escalations"] == 1


def test_a_supervisor_that_gives_up_while_it_starts_is_an_escalation_too() -> None:
    team = SupervisorSpec("team", [actor("a"), actor("slow")], intensity=Intensity(1, within=5))
    actors = {"team/a": lab.ActorModel(lifetime=1), "team/slow": lab.ActorModel(startup=10)}
    found = trial(tree(actor("other"), team), actors=actors)
    assert story(found, "startup failed", "gave up") == [(2, "/", "startup failed"), (2, "/", "gave up")]
    assert story(found, "escalation") == [(2, "team", "escalation")]
    assert found.measures["escalations"] == 1


def test_a_cause_that_is_cut_short_says_so() -> None:
    names = [f"level-{number}-{'x' * 40}" for number in range(3)]
    inner = SupervisorSpec(names[2], [actor("a")], intensity=Intensity(0, within=5))
    for name in reversed(names[:2]):
        inner = SupervisorSpec(name, [inner], intensity=Intensity(0, within=5))
    found = trial(tree(inner), faults={"x": lab.Fault(actors="*", at=[10])})
    *_, last = [each for each in found.happenings if each.kind == "escalation"]
    assert (len(last.text), last.text[-1]) == (200, "…")


def test_a_tree_that_gives_up_stays_down_or_is_opened_again() -> None:
    root = tree(actor("w0"), actor("w1"), intensity=Intensity(0, within=5))
    down = trial(root, faults=CRASH_AT_10)
    assert line(down, "w1") == [(0, "up"), (10, "down")]
    assert [path for _, path, _ in story(down, "gave up")] == ["/"]
    again = trial(root, faults=CRASH_AT_10, restart_after=20)
    assert line(again, "w1") == [(0, "up"), (10, "down"), (30, "up")]
    assert again.measures["availability"] == pytest.approx(0.8)
    assert again.measures["restarts"] == 0
    assert again.recoveries == (20.0, 20.0)


def test_what_waits_in_a_tree_that_gives_up_is_lost() -> None:
    root = tree(actor("w0"), actor("w1"), intensity=Intensity(0, within=5))
    workload = {"s": lab.Source(to="w1", every=1.0, start=5, until=6, size=4, service=20)}
    found = trial(root, faults=CRASH_AT_10, workload=workload)
    assert [found.measures[key] for key in ("asked", "answered", "lost", "unanswered")] == [4, 0, 4, 0]
    assert found.measures["queued mean"] < 0.3  # until w1, which had five seconds for its shutdown, has ended, too
    refused = trial(root, faults=CRASH_AT_10, workload=once(to="w1", start=20))
    assert [refused.measures[key] for key in ("asked", "lost")] == [80, 80]
    assert {kind for *_, kind in story(refused, "request lost", "request refused")} == {"request refused"}


def test_requests_are_counted_by_what_becomes_of_them() -> None:
    found = trial(workers(1), workload=once(until=30), faults={"x": lab.Fault(actors="w0", at=[20])}, late=0.4)
    assert found.measures["asked"] == 20
    lost = int(found.measures["lost"])
    assert (lost, found.measures["answered"]) in {(0, 20), (1, 19)}
    assert found.measures["late"] == found.measures["answered"]
    assert found.latencies == pytest.approx([0.5] * 101)


def test_what_the_crashed_one_had_in_hand_is_lost_unless_it_is_given_again() -> None:
    workload = once(every=1.0, size=3, service=2.0, until=11)
    faults = {"x": lab.Fault(actors="w0", at=[12.5])}
    lost = trial(workers(1), workload=workload, faults=faults)
    assert [lost.measures[key] for key in ("asked", "answered", "lost")] == [3, 2, 1]
    assert [kind for *_, kind in story(lost, "request lost")] == ["request lost"]
    given = trial(workers(1, redeliver=1), workload=workload, faults=faults)
    assert [given.measures[key] for key in ("asked", "answered", "lost")] == [3, 3, 0]


def test_poison_crashes_who_handles_it_each_time() -> None:
    workload = once(every=1.0, poison=1.0, until=11)
    found = trial(workers(1, redeliver=2), workload=workload)
    assert [found.measures[key] for key in ("asked", "answered", "lost", "crashes")] == [1, 0, 1, 3]


def test_what_follows_an_error_is_what_the_tree_says_of_it() -> None:
    workload = {"s": lab.Source(to="*", every=1.0, start=10, until=11, poison=1.0)}
    found = trial(workers(1, on_error={lab.Poisoned: "resume"}), workload=workload)
    assert [found.measures[key] for key in ("asked", "lost", "crashes", "availability")] == [1, 1, 0, 1]


def test_a_hang_lasts_until_somebody_ends_it() -> None:
    workload = {"s": lab.Source(to="w0", every=1.0, start=10, until=11, hang=1.0)}
    stuck = trial(workers(1), workload=workload)
    assert [stuck.measures[key] for key in ("unanswered", "crashes")] == [1, 0]
    assert [kind for *_, kind in story(stuck, "hang")] == ["hang"]
    ended = trial(workers(1, handler_timeout=5, on_overdue="restart"), workload=workload)
    assert [ended.measures[key] for key in ("unanswered", "lost", "crashes", "restarts")] == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("mailbox", "answered", "lost", "kind"),
    [
        (MailboxSpec(), 6, 0, None),
        (MailboxSpec(2, "reject"), 3, 3, "request refused"),
        (MailboxSpec(2, "drop_newest"), 3, 3, "request lost"),
        (MailboxSpec(2, "drop_oldest"), 3, 3, "request lost"),
        (MailboxSpec(2, "wait"), 6, 0, None),
    ],
    ids=lambda value: getattr(value, "overflow", None),
)
def test_a_full_mailbox_does_what_its_policy_says(
    mailbox: MailboxSpec, answered: int, lost: int, kind: str | None
) -> None:
    first = lab.Source(to="w0", every=1.0, start=5, until=6, service=10)  # in hand when the others come
    burst = lab.Source(to="w0", every=1.0, start=10, until=11, service=1, size=5)
    found = trial(workers(1), workload={"first": first, "burst": burst}, policies={"p": lab.Policy(mailbox=mailbox)})
    assert [found.measures[key] for key in ("asked", "answered", "lost")] == [6, answered, lost]
    assert {each for *_, each in story(found, "request lost", "request refused")} == ({kind} if kind else set())
    assert found.measures["queued max"] == (2 if lost else 5)


def test_mail_that_comes_during_a_startup_waits_for_it() -> None:
    found = trial(
        workers(1, startup="deferred"),
        actors={"*": lab.ActorModel(startup=20)},
        workload={"s": lab.Source(to="w0", every=1.0, start=5, until=10, service=0)},
    )
    assert [found.measures[key] for key in ("asked", "answered", "queued max")] == [5, 5, 5]
    assert 10 < found.measures["waiting mean"] < 15


def test_an_outage_takes_away_connections_and_makes_startups_fail() -> None:
    services = {"db": lab.ServiceModel(outages=[[10, 20]], connect=1)}
    found = trial(
        workers(1, backoff=Backoff(4, maximum=4)),
        services=services,
        actors={"*": lab.ActorModel(needs="db")},
    )
    assert line(found, "w0") == [
        (0, "starting"), (1, "up"), (10, "backing off"), (22, "starting"), (23, "up"),
    ]  # fmt: skip
    assert [(round(each.at), each.path, each.kind) for each in found.happenings if each.path == "db"] == [
        (10, "db", "outage begins"),
        (20, "db", "outage ends"),
    ]
    assert story(found, "startup failed") == [(at, "w0", "startup failed") for at in (10, 14, 18)]


def test_a_silent_outage_is_noticed_by_a_timeout() -> None:
    services = {"db": lab.ServiceModel(outages=[[10, 30]], timeout=6, silent=True)}
    found = trial(workers(1), services=services, actors={"*": lab.ActorModel(needs=["db"])})
    assert story(found, "startup failed") == [(at, "w0", "startup failed") for at in (16, 22, 28)]
    assert line(found, "w0")[-1] == (30, "up")


def test_what_is_under_way_when_a_service_goes_silent_is_answered_at_the_end_of_the_outage() -> None:
    services = {"db": lab.ServiceModel(connect=2, timeout=60, outages=[[1, 20], [30, 40]], latency=3, silent=True)}
    found = trial(workers(1), services=services, actors={"*": lab.ActorModel(needs=["db"])})
    assert line(found, "w0")[:2] == [(0, "starting"), (20, "up")]
    once = lab.Source(to="w0", every=0.001, start=28, until=28.001)
    called = trial(workers(1), services=services, actors={"*": lab.ActorModel(calls=["db"])}, workload={"s": once})
    assert called.measures["latency max"] == pytest.approx(12, abs=0.01)
    loud = {"db": attrs.evolve(services["db"], silent=False)}
    assert (
        trial(workers(1), services=loud, actors={"*": lab.ActorModel(calls=["db"])}, workload={"s": once}).measures[
            "lost"
        ]
        == 1
    )


def test_as_many_connect_at_once_as_a_service_bears_and_a_slow_one_takes_longer() -> None:
    services = {"db": lab.ServiceModel(connect=2, capacity=2, slow=[[0, 1, 3]])}
    found = trial(workers(4, startup="deferred"), services=services, actors={"*": lab.ActorModel(needs=["db"])})
    assert sorted(line(found, f"w{number}")[-1][0] for number in range(4)) == [6, 6, 8, 8]


def test_a_call_that_fails_crashes_who_makes_it() -> None:
    services = {"model": lab.ServiceModel(latency=1, outages=[[10, 20]])}
    workload = {"s": lab.Source(to="w0", every=4.0, service=0)}
    found = trial(workers(1), services=services, actors={"*": lab.ActorModel(calls="model")}, workload=workload)
    crashes = [each.at for each in found.happenings if each.kind == "crash"]
    assert len(crashes) == found.measures["crashes"] == found.measures["lost"]
    assert crashes
    assert all(10 <= at < 20 for at in crashes)


def test_a_launch_gate_lets_so_many_start_at_once() -> None:
    policies = {"open": lab.Policy(), "two": lab.Policy(limits=Limits(max_concurrent_startups=2))}
    results = lab.run(experiment(workers(4, startup="deferred"), actors=SLOW, policies=policies), workers=1)
    ready = {each.policy: sorted(line(each, f"w{n}")[-1][0] for n in range(4)) for each in results.trials}
    assert ready == {"open": [2, 2, 2, 2], "two": [2, 2, 4, 4]}


def test_a_slow_end_is_time_in_which_the_actor_is_down() -> None:
    found = trial(workers(1), actors={"*": lab.ActorModel(shutdown=3)}, faults=CRASH_AT_10)
    assert line(found, "w0") == [(0, "up"), (10, "down"), (13, "up")]


def test_an_end_that_takes_longer_than_its_shutdown_time_is_cut_short() -> None:
    root = tree(actor("w0"), actor("w1", shutdown=2), strategy="one_for_all")
    found = trial(root, actors={"w1": lab.ActorModel(shutdown=30)}, faults=CRASH_AT_10)
    assert line(found, "w1") == [(0, "up"), (10, "down"), (12, "up")]


def test_a_fault_hits_together_and_by_its_share() -> None:
    found = trial(workers(20), faults={"rack": lab.Fault(actors="w?", at=[10], share=0.5)})
    hit = {path for at, path, _ in story(found, "crash") if at == 10}
    assert 1 <= len(hit) <= 9
    assert hit < {f"w{number}" for number in range(10)}


def test_a_random_fault_comes_again_and_again() -> None:
    found = trial(workers(3), faults={"rack": lab.Fault(actors=["*"], every=10)})
    assert [at for at, *_ in story(found, "crash")] == [at for at in range(10, 100, 10) for _ in range(3)]


def test_a_service_that_breaks_by_chance_is_out_as_long_as_it_takes_to_repair() -> None:
    services = {"db": lab.ServiceModel(breaks=20, repair=5)}
    found = trial(workers(1), services=services)
    times = [round(each.at) for each in found.happenings if each.path == "db"]
    assert times == [20, 25, 45, 50, 70, 75, 95]


def test_what_is_before_the_warmup_is_in_the_timeline_and_in_no_measure() -> None:
    found = trial(workers(1), actors=SLOW, faults=CRASH_AT_10, warmup=50, workload=once())
    assert line(found, "w0")[2:] == [(10, "starting"), (12, "up")]
    assert [found.measures[key] for key in ("crashes", "restarts", "availability", "asked")] == [0, 0, 1, 50]
    assert found.recoveries == ()


def test_a_restart_before_the_warmup_that_comes_to_nothing_after_it_is_not_wasted_in_it() -> None:
    found = trial(workers(1), actors=SLOW, faults={"x": lab.Fault(actors="w0", at=[10, 11])}, warmup=10.5)
    assert story(found, "crash", "startup failed", "restart")[1:] == [
        (10, "w0", "restart"), (11, "w0", "startup failed"), (11, "w0", "restart"),
    ]  # fmt: skip
    assert [found.measures[key] for key in ("restarts", "wasted restarts")] == [1, 0]


def test_a_trial_keeps_as_many_records_as_it_is_to_and_counts_the_rest() -> None:
    found = trial(workers(3), faults={"x": lab.Fault(actors="*", every=10)}, actors=SLOW, records=5)
    everything = trial(workers(3), faults={"x": lab.Fault(actors="*", every=10)}, actors=SLOW)
    assert (len(found.changes), len(found.happenings)) == (5, 5)
    assert found.changes == everything.changes[:5]
    assert found.happenings == everything.happenings[:5]
    assert found.dropped == len(everything.changes) + len(everything.happenings) - 10
    assert found.measures == everything.measures


def test_a_tree_that_goes_on_and_on_at_one_moment_is_an_error_that_says_where() -> None:
    with pytest.raises(lab.TrialEndless, match=r"policy 'as it is', seed 1: at 0 s .* w0 changed last; give it"):
        trial(workers(1, startup="deferred"), actors={"*": lab.ActorModel(startup_failure=1)})


def test_each_who_is_asked_has_arrivals_of_its_own() -> None:
    workload = {"s": lab.Source(to="w[01]", every=1.0, each=True)}
    assert trial(workers(3), workload=workload).measures["asked"] == 200


def test_requests_go_where_their_weights_say() -> None:
    workload = {"s": lab.Source(to={"w0": 9, "w1": 1}, rate=20, poison=1)}
    found = trial(workers(3), workload=workload, records=100_000)
    crashed = [path for _, path, _ in story(found, "crash")]
    assert 0.85 < crashed.count("w0") / len(crashed) < 0.95
    assert "w2" not in crashed


def test_policies_meet_the_same_arrivals_faults_and_lifetimes() -> None:
    model = lab.ActorModel(lifetime=lab.exponential(10), startup=lab.exponential(1), service=lab.exponential(0.2))
    policies = {"alone": lab.Policy(), "together": lab.Policy(strategy="one_for_all")}
    made = experiment(
        workers(2),
        actors={"*": model},
        workload={"s": lab.Source(to="w1", rate=1)},
        faults={"x": lab.Fault(actors="w1", every=lab.exponential(30))},
        policies=policies,
    )
    one, other = lab.run(made, workers=1).trials
    assert one.measures["asked"] == other.measures["asked"]
    assert one.changes != other.changes
    # Nothing differs until the first crash, nor does the first crash.
    first = [next(each for each in found.happenings if each.kind == "crash") for found in (one, other)]
    assert first[0] == first[1]
    early = [[each for each in found.changes if each.at < first[0].at] for found in (one, other)]
    assert early[0] == early[1]


def test_a_policy_is_for_all_but_what_it_says_of_some() -> None:
    policy = lab.Policy(backoff=Backoff(8, maximum=8), only={"w1": lab.Policy(backoff=None), "/": lab.Policy()})
    faults = {"x": lab.Fault(actors="*", at=[10, 11])}
    found = trial(workers(2, intensity=PATIENT), faults=faults, policies={"p": policy})
    assert line(found, "w0") == [(0, "up"), (11, "backing off"), (19, "up")]
    assert line(found, "w1") == [(0, "up")]


def test_a_grid_is_all_combinations() -> None:
    grid = {
        "backoff": {"none": lab.Policy(backoff=None), "some": lab.Policy(backoff=Backoff(1, maximum=2))},
        "strategy": {"one": lab.Policy(strategy="one_for_one"), "all": lab.Policy(strategy="one_for_all")},
    }
    made = experiment(workers(1), policies={"first": lab.Policy()}, grid=grid)
    assert list(made.compared) == ["first", "none/one", "none/all", "some/one", "some/all"]
    assert made.compared["some/all"] == lab.Policy(backoff=Backoff(1, maximum=2), strategy="one_for_all")


def test_partitions_are_actors_with_paths_of_their_own() -> None:
    pool = SupervisorSpec("pool", [SupervisorSpec("cell", [actor("w")])], partitions=2)
    made = experiment(tree(pool))
    assert made.paths == ("pool/cell-0/w", "pool/cell-1/w")
    assert trial(tree(pool)).measures["availability"] == 1.0
